"""Says at the end of a program what --capture has written, and how to look at it."""

from __future__ import annotations

import atexit
import os
import shlex
import sys

_VARIABLE = "BLEIO_CAPTURE"  # of `backends/hci/capture`, which is loaded with the first adapter
_OS_BACKEND = "bleio.backends.os.backend"


def capture_to(path: str) -> None:
    """Have this program, and those that it starts, write their packets to a file.

    Raises: OSError if there can be no such file.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(2, "there is no such folder", folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(13, "you may not write there", folder)
    whole = os.environ[_VARIABLE] = os.path.abspath(path)
    # The first to register is called last: by then all links have ended.
    atexit.register(_tell, os.getpid(), path, whole)


def _tell(process: int, wanted: str, whole: str) -> None:
    """Say it, by the name that the user has given, unless this is a forked child."""
    if os.getpid() != process:
        return
    tap = sys.modules.get("bleio.backends.hci.capture.tap")
    files: dict[str, int] = {} if tap is None else tap.captured()
    for path, packets in files.items():
        name = wanted if path == whole else path
        count = "1 packet" if packets == 1 else f"{packets} packets"
        _say(f"{count} in {name}; to look at them:  {shlex.join(['bleio', 'decode', name])}")
    if not files and _OS_BACKEND in sys.modules:
        _say(
            "nothing was captured, for what the operating system's Bluetooth says is not seen by"
            f" programs; on Linux:  sudo btmon -w {shlex.quote(wanted)}"
        )
    elif not files:
        _say("nothing was captured, for the program has opened no adapter")


def _say(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"bleio run --capture: {text}\n")
