"""The shared radios of this user that run, and what each says of itself.

Each is asked by its socket, all at once, and those that do not answer in time are listed without an
answer: a radio that hangs is what somebody wants to find. Nothing is started, joined or removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from bleio.errors import CallerError, ControllerLost
from bleio.radio.sharing.hello import question
from bleio.radio.sharing.place import RadioPlace, known_radios

MOST_RADIOS = 100
_AT_ONCE = 16
_MOST_OCTETS = 1 << 20


class RunningRadio(NamedTuple):
    """A radio. `pid`: of its process, None if that is not known; `status`: see `server.status`,
    None if it does not answer; `folder`: where its socket is."""

    name: str
    pid: int | None
    status: dict[str, Any] | None
    folder: str = ""


def running_radios(within_s: float = 2.0) -> list[RunningRadio]:
    """Ask all radios that there are. Raises: OSError if their folder cannot be read.

    Thread: any but an engine's; it waits as long as it is given.
    """
    names = known_radios()[:MOST_RADIOS]
    if not names:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(names))) as pool:
        found = pool.map(partial(ask, within_s=within_s), names)
        return [each for each in found if each is not None]


def ask(name: str, within_s: float = 2.0) -> RunningRadio | None:
    """Ask one radio. Returns: None if there is none of that name."""
    try:
        place = RadioPlace(name)
    except (CallerError, ControllerLost):
        return None
    folder = str(place.folder)
    try:
        status = _asked(place, within_s)
        return RunningRadio(name, status["pid"], status, folder)
    except (ConnectionRefusedError, FileNotFoundError):
        pid = place.lock.holder()
        return RunningRadio(name, pid, None, folder) if pid and _lives(pid) else None
    except (OSError, ValueError, TypeError, KeyError):
        return RunningRadio(name, place.lock.holder(), None, folder)


def _asked(place: RadioPlace, within_s: float) -> dict[str, Any]:
    """Raises: OSError, also in place of a late answer; ValueError for what is no answer."""
    family, address, secret = place.target()
    deadline = time.monotonic() + within_s
    heard = bytearray()
    with socket.socket(family) as asking:
        asking.settimeout(within_s)
        asking.connect(address)
        asking.sendall(question(place.name, secret))
        while not heard.endswith(b"\n") and len(heard) <= _MOST_OCTETS:
            asking.settimeout(max(0.001, deadline - time.monotonic()))
            if not (part := asking.recv(1 << 16)):
                break
            heard += part
    status = json.loads(heard)
    if not isinstance(status, dict):
        raise ValueError("no answer")
    return status


def _lives(pid: int) -> bool:
    """Whether there is such a process of this user's."""
    if sys.platform == "win32":
        return False  # its signals would end it
    with contextlib.suppress(OSError, OverflowError):
        os.kill(pid, 0)
        return True
    return False
