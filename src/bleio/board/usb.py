"""`usb_hid`: keyboards and mice that a board is to a computer at its USB port."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from bleio.board.board import Board

_MOST_REPORTS = 10_000  # the last are kept


class Report(NamedTuple):
    """What a device has said to the computer."""

    time_us: int
    device: str
    octets: bytes


class Usb:
    """The computer's end: what it is told, what it says, whether it is there."""

    __slots__ = ("board", "connected", "devices", "reports")

    def __init__(self, board: Board) -> None:
        self.board = board
        self.connected = True
        """Whether the cable is in, as `supervisor.runtime.usb_connected` has it; rw."""
        self.reports: deque[Report] = deque(maxlen=_MOST_REPORTS)
        """What was sent, the last 10,000."""
        self.devices = tuple(Device(self, *each) for each in Device.KINDS)


class Device:
    """`usb_hid.Device`: one of the devices that the board is."""

    KINDS: ClassVar = (
        ("keyboard", 0x01, 0x06, 8, 1),
        ("mouse", 0x01, 0x02, 4, 0),
        ("consumer control", 0x0C, 0x01, 2, 0),
    )

    def __init__(self, usb: Usb, name: str, page: int, usage: int, size: int, heard: int) -> None:
        self._usb = usb
        self.name = name
        self.usage_page = page
        self.usage = usage
        self._size = size
        self._heard = bytes(heard) if heard else None

    def __repr__(self) -> str:
        return f"<usb_hid.Device {self.name}>"

    def send_report(self, report: bytes | bytearray, report_id: int | None = None) -> None:
        """Tell the computer. Raises: ValueError for a wrong size or id; OSError without a cable."""
        if report_id not in (None, 0):
            raise ValueError("Invalid report_id: a pretend board's devices have one report each")
        if len(report) != self._size:
            raise ValueError(f"Buffer incorrect size. Should be {self._size} bytes.")
        self._usb.board.look()
        if not self._usb.connected:
            raise OSError("USB is not connected")
        self._usb.reports.append(Report(self._usb.board.now_us(), self.name, bytes(report)))

    def get_last_received_report(self, report_id: int | None = None) -> bytes | None:
        """Return what the computer has said last, such as which lights of a keyboard are on.

        None if nothing came since the last call, or the device hears nothing.
        """
        if report_id not in (None, 0):
            raise ValueError("Invalid report_id: a pretend board's devices have one report each")
        heard, self._heard = self._heard, None
        return heard

    def hear(self, report: bytes) -> None:
        """Let the computer say something to it."""
        self._heard = bytes(report)
