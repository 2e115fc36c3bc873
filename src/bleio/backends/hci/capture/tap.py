"""`BLEIO_CAPTURE=FILE`: what programs and controllers say to each other, for packet analysers.

A name that ends in `.btsnoop`, `.log` or `.cfa` has btsnoop in it, any other pcapng, in which each
adapter is an interface of its own. `%p` in the name stands for the number of the process.

The tap lies between layer and port, so it has what was said in the order in which it was said, with
what bumble's drivers say while they load firmware. It is written at once and without a buffer: the
captures that matter most are those of programs that end badly. So this is the one file that is
written where links are served, by programs that were asked for it: a capture belongs on a disk of
this machine.

Data of encrypted links is in it in the clear, so only the user may read the file. Keys, which open
more than what was captured, are 0 in it unless `BLEIO_CAPTURE_KEYS=1`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence

from bleio.backends.hci.capture.keys import KeyBlanker
from bleio.backends.hci.controller.port import Port
from bleio.core import pcapng
from bleio.errors import ControllerLost
from bleio.files import Recording

VARIABLE = "BLEIO_CAPTURE"
KEYS_VARIABLE = "BLEIO_CAPTURE_KEYS"
_BTSNOOP = (".btsnoop", ".log", ".cfa")


class CaptureFile:
    """One file and the adapters that are written to it. Raises: OSError."""

    def __init__(self, path: str) -> None:
        self._btsnoop = path.endswith(_BTSNOOP)
        self.packets = 0  # that are in it
        self._adapters = 0
        self._file = Recording(path)
        self.close = self._file.close
        self._write = self._file.write
        self._write(pcapng.btsnoop_header() if self._btsnoop else pcapng.section())

    def add_adapter(self, name: str) -> int:
        """Returns: its number in this file."""
        if not self._btsnoop:
            self._write(pcapng.interface(pcapng.LINKTYPE_HCI_H4_WITH_PHDR, name))
        self._adapters += 1
        return self._adapters - 1

    def add(self, adapter: int, now_us: int, packet: bytes, *, to_host: bool) -> None:
        """Write one packet; `now_us` since 1970."""
        if self._btsnoop:
            self._write(pcapng.btsnoop_packet(now_us, packet, to_host=to_host))
        else:
            record = pcapng.h4_with_direction(packet, to_host=to_host)
            self._write(pcapng.packet(adapter, now_us, record))
        self.packets += self._file.is_open


def _now_us() -> int:
    return time.time_ns() // 1_000


class Tap:
    """Writes both directions of one adapter.

    Args: now_us: tells the time of each packet, since 1970. keys: with the keys in them.
    """

    def __init__(
        self,
        file: CaptureFile,
        name: str,
        now_us: Callable[[], int] = _now_us,
        *,
        keys: bool = False,
    ) -> None:
        self._file = file
        self._adapter = file.add_adapter(name)
        self._now_us = now_us
        self._shown_received, self._shown_sent = _shown(keys), _shown(keys)

    def received(self, packet: bytes) -> None:
        """A packet came from the controller."""
        self._add(self._shown_received(packet), to_host=True)

    def sent(self, packet: bytes) -> None:
        """A packet goes to the controller."""
        self._add(self._shown_sent(packet), to_host=False)

    def _add(self, packet: bytes, *, to_host: bool) -> None:
        self._file.add(self._adapter, self._now_us(), packet, to_host=to_host)


def _shown(keys: bool) -> Callable[[bytes], bytes]:
    """Return what makes of one direction's packets those that are written."""
    return _unchanged if keys else KeyBlanker().blank


def _unchanged(packet: bytes) -> bytes:
    return packet


class TappedPort:
    """A port whose outgoing packets are written as well."""

    def __init__(self, port: Port, tap: Tap) -> None:
        self.metadata = port.metadata
        self._port = port
        self._tap = tap

    def send(self, packet: bytes) -> None:
        self._tap.sent(packet)
        self._port.send(packet)

    async def close(self) -> None:
        await self._port.close()


def tapped(taps: Sequence[Tap], on_packet: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Have the taps see what comes from a controller first."""
    if not taps:
        return on_packet

    def received(packet: bytes) -> None:
        for tap in taps:
            tap.received(packet)
        on_packet(packet)

    return received


_files: dict[str, CaptureFile] = {}  # as long as the process lives
_files_lock = threading.Lock()  # adapters may open at the same time


def tap_by_setting(adapter: str, now_us: Callable[[], int] = _now_us) -> Tap | None:
    """The tap for an adapter that is opened, None when nothing is to be captured.

    Thread: any, for it waits for the disk.
    Raises: ControllerLost with a sentence when the file cannot be written, or it is not clear
        whether keys are to be in it.
    """
    name = os.environ.get(VARIABLE, "")
    if not name:
        return None
    keys = wants_keys()
    path = os.path.abspath(name.replace("%p", str(os.getpid())))
    with _files_lock:
        if path not in _files:
            try:
                _files[path] = CaptureFile(path)
            except OSError as error:
                raise ControllerLost(
                    f"Cannot write the capture {path!r}: {error.strerror or error}; "
                    f"change {VARIABLE} or unset it."
                ) from None
        return Tap(_files[path], adapter, now_us, keys=keys)


def captured() -> dict[str, int]:
    """Return the files of this process by the setting, and how many packets are in each."""
    return {path: file.packets for path, file in _files.items()}


def wants_keys() -> bool:
    """Whether keys are to be captured too. Raises: ControllerLost if that is not clear."""
    keys = os.environ.get(KEYS_VARIABLE, "")
    if keys not in ("", "0", "1"):
        raise ControllerLost(
            f"{KEYS_VARIABLE} is {keys!r}; set it to 1 to capture keys too, or unset it."
        )
    return keys == "1"


def _after_fork() -> None:
    """The lock may be held by a thread that is not there in the child."""
    global _files_lock
    _files_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
