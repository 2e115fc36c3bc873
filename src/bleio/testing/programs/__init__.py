"""How a device runs a program: with modules, output and threads of its own.

program        a file, a source text or a callable, as what can be run
modules        the device's `import`: which modules are its own, and which are shared
synthetic      the modules whose time, chance and output are the device's
functions      functions and objects of a test, made the device's; `standins` their classes
threads        threads that a program starts
output         what it prints
"""
