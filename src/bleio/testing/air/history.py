"""What became of one device, for reports: power, ends, scans. Packets tell the rest."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

MOST = 2000  # the last are kept: a program may reset or scan for ever

ON, OFF, ENDED, FAILED, RESET = "power on", "power off", "has ended", "has failed", "resets"
SCANS, SCANS_NO_MORE = "scans", "scans no more"

# HCI commands that begin and end a scan: LE Set Scan Enable, LE Set Extended Scan Enable; by type
# and opcode. The octet after the length is Enable.
_SCAN_ENABLE = (b"\x01\x0c\x20", b"\x01\x42\x20")
_ENABLE_AT = 4


class Happened(NamedTuple):
    """One thing, and when."""

    time_us: int
    what: str


class History(deque[Happened]):
    """What became of a device, in order."""

    def __init__(self) -> None:
        super().__init__(maxlen=MOST)

    def note(self, time_us: int, what: str) -> None:
        """Add what has happened now."""
        self.append(Happened(time_us, what))

    def note_command(self, time_us: int, packet: bytes) -> None:
        """Add what an HCI command begins or ends."""
        if packet.startswith(_SCAN_ENABLE):
            self.note(time_us, SCANS if packet[_ENABLE_AT] else SCANS_NO_MORE)
