"""How a device runs a program: with modules, output and threads of its own.

program        a file, a source text or a callable, as what can be run, and what it is run with
modules        the device's `import`: which modules are its own, and which are shared
standard       which of the standard library it has for itself
synthetic      the modules that are made: time, and what the others put together
process        arguments, streams, `environment`, what is done at the end
chance, dates  random numbers, `datetime`
patches        what a test puts in place of names there
copying        how modules are made of the process's
functions      functions and objects of a test, made the device's; `standins` their classes
threads        threads that a program starts
output, ends   what it prints, and how it ended
"""
