"""Runs a program anew for each line, a variable to set or nothing, and says how it has ended.

It imports what that program imports but once: an emulated processor takes seconds for it.

    again.py PROGRAM
"""

import os
import runpy
import sys
import traceback


def run(program):
    """Run it as the process's only program; as Python does, say what it has raised."""
    try:
        runpy.run_path(program, run_name="__main__")
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


print("ready", flush=True)
for line in sys.stdin:
    if not (child := os.fork()):
        name, _, value = line.strip().partition("=")
        os.environ.update({name: value} if name else {})
        sys.exit(run(sys.argv[1]))
    print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
