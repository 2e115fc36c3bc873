"""Every code block of the documentation, run as it stands there. README.md has the convention.

pages      which files are documentation; their code blocks, and the marks before these
playing    one page from top to bottom, as a reader follows it
commands   what is typed in a terminal, in the background too, and what comes of it
programs   Python: programs, tests, and programs of a world
comparing  what a page says that is printed, and what is
checking   what is not run: whether its syntax is right, and data is what it says it is
"""
