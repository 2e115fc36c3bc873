"""Starts the process of a shared radio, so that it outlives the program that wanted it.

A launcher in between starts the radio in a session of its own and tells how that went. So the radio
is not the program's child, which would have to wait for it; it gets no Ctrl-C of the terminal, and
holds none of the starter's pipes open: what reads the program's output to its end, a shell's pipe
or a test, would else wait until the radio ends.

The radio is to run the same bleio as the program, which may be on a path that only the program
knows; so it is told where this very file is, and looks there last.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from bleio.errors import ControllerLost
from bleio.radio.sharing.place import RadioPlace

START_TIMEOUT_S = 20.0

# What the radio's process says once, on its standard output.
READY = "ready"
TAKEN = "taken"

_LAUNCHER = """
import subprocess, sys
if sys.platform == "win32":
    options = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    options = {"start_new_session": True}
radio = subprocess.Popen(
    sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    **options,
)
sys.stdout.buffer.write(radio.stdout.read())
sys.stdout.flush()
radio.returncode = 0
"""

# The current folder, which may hold any modules, is not to be searched for ours.
_RADIO = """
import sys
sys.path[:] = [folder for folder in sys.path if folder] + [sys.argv.pop()]
from bleio.radio.sharing.server.background import main
main(sys.argv[1])
"""


async def launch(place: RadioPlace) -> bool:
    """Start the radio of a place and wait until it serves.

    Returns: False if there is one already.
    Raises: ControllerLost with a sentence.
    """
    if not sys.executable:
        raise _failed(place, "Python does not know its own program")
    root = str(Path(__file__).parents[3])
    radio = [sys.executable, "-c", _RADIO, place.name, root]
    command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *radio]
    answer = await asyncio.to_thread(_run, place, command)
    if answer not in (READY, TAKEN):
        raise _failed(place, answer or "its process ended at once")
    return answer == READY


def _run(place: RadioPlace, command: list[str]) -> str:
    """Run the launcher. Returns: the last line that it prints."""
    try:
        ended = subprocess.run(
            command,
            cwd=place.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=START_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it did not start within {START_TIMEOUT_S:g} s"
    except OSError as error:
        return f"{sys.executable}: {error.strerror}"
    lines = ended.stdout.decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _failed(place: RadioPlace, why: str) -> ControllerLost:
    return ControllerLost(
        f"Cannot start the shared radio {place.name!r}: {why.rstrip('.')}; "
        f"try it in the foreground: {Path(sys.executable).name or 'python'} -m bleio radio "
        f"{place.name}"
    )
