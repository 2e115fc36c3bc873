"""What `bleio run` is made of.

program    makes a program this process's `__main__`, as Python itself would
anew       begins this process anew when a program resets its pretend board
captured   says at the end what --capture has written
reload     --reload: a process that watches files and runs the program in another
watched    the other end: notes what a program imports, and ends it when it is told to
"""
