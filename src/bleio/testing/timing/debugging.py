"""Whether somebody is debugging a program of a world.

A debugger stops a program in its own thread: it reads commands there, or waits for an IDE. For the
world that is a program that neither waits nor ends, which is an error elsewhere; here it is what
the person wants, and time stands still for as long as they like. The debugger is known by its
modules, of which one has a frame on the stack for as long as it has stopped the program, whichever
of Python's ways to be called by it uses. That costs nothing while nobody debugs, and holds for
debuggers that are started in the middle.
"""

from __future__ import annotations

import os
from types import FrameType

# The packages of debuggers, and of consoles within a program.
_DEBUGGERS = frozenset(
    {
        *("bdb", "pdb", "ipdb", "pdbpp", "pudb", "IPython", "remote_pdb", "rpdb", "web_pdb"),
        *("debugpy", "pydevd", "_pydevd_bundle", "_pydevd_frame_eval", "_pydevd_sys_monitoring"),
        *("bpython", "ptpython"),
    }
)
# Python's console. Its module is known by its file: makers' programs are called code.py, too.
_CONSOLE = os.path.join(os.path.dirname(os.__file__), "code.py")


def is_debugged(frame: FrameType | None) -> bool:
    """Tell whether a debugger has stopped the program whose innermost frame this is."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name.partition(".")[0] in _DEBUGGERS or frame.f_code.co_filename == _CONSOLE:
            return True
        frame = frame.f_back
    return False
