"""A file that is read in order and cannot be trusted."""

from __future__ import annotations

from struct import Struct
from typing import Any, BinaryIO

MAX_OCTETS = 1 << 20  # of one packet or block; more are in no capture of Bluetooth


class CaptureError(Exception):
    """A file is no capture that can be read; the text says why."""


class Source:
    """Reads octets. Args: file: what it reads, from its beginning on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = 0

    def take(self, octets: int, what: str) -> bytes:
        """Return so many octets. Raises: CaptureError if there are fewer."""
        taken = self.take_or_end(octets, what)
        if len(taken) < octets:
            raise self._cut(what)
        return taken

    def take_or_end(self, octets: int, what: str) -> bytes:
        """Return so many octets, or none at the end. Raises: CaptureError, also for OSError."""
        if octets > MAX_OCTETS:
            raise CaptureError(f"{what} at octet {self.position} claims to have {octets} octets")
        parts, wanted = [], octets
        while wanted:
            part = self._file.read(wanted)  # of a pipe it may be less
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
        taken = b"".join(parts)
        if taken and wanted:
            raise self._cut(what)
        self.position += len(taken)
        return taken

    def fields(self, layout: Struct, what: str) -> tuple[Any, ...] | None:
        """Return the fields of a header, None at the end of the file. Raises: CaptureError."""
        taken = self.take_or_end(layout.size, what)
        return layout.unpack(taken) if taken else None

    def _cut(self, what: str) -> CaptureError:
        return CaptureError(f"it ends in the middle of {what}, at octet {self.position}")
