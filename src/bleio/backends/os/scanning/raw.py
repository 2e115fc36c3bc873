"""Packets as the controller has reported them to the kernel, while somebody else has it scan.

Who scans, when and how is bluetoothd's business. Here is only listened: whatever the controller
reports while a scan of ours is on is one of its packets, with all octets, scan responses apart.

Duplicates. Kernels have the controller leave them out while discovering, which would leave one
packet of each device every ten seconds. So when the kernel has enabled scanning that way, the same
command is sent once more, without leaving out, which a controller takes while it scans. It lasts
until the kernel enables scanning the next time, and leaves nothing behind if this process ends.

What would go wrong: the command that is sent beside the kernel's could come after another one that
ends the scan, and begin a scan of which the kernel does not know. The channel shows commands in the
order in which the controller gets them, ours as well; so that is seen, and the scan ended.

Addresses are those on air, unless the controller has resolved them. The kernel resolves private
addresses of bonded peers by itself, too, and only tells bluetoothd. So where the adapter has bonds,
packets with private addresses are left to bluetoothd (`bluez.discovery`, `lately`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from struct import error as StructError

from bleio.backends.base import Report
from bleio.backends.os.scanning.counters import ScanCounters
from bleio.backends.os.scanning.kernel import (
    COMMAND,
    SCAN_ENABLE,
    CommandChannel,
    MonitorChannel,
)
from bleio.core.address import DeviceAddress
from bleio.core.advertising_reports import ReportReader
from bleio.core.hci import Event, LeEvent

_log = logging.getLogger(__name__)

_ON, _WITH_ALL = 1, 0


class RawReports:
    """Reports what a controller hears, between `open` and `close`.

    Args: `index`: N of hciN. `ended`: is told if the kernel ends it.
    """

    def __init__(
        self,
        index: int,
        reported: Callable[[Report], None],
        ended: Callable[[], None],
        counters: ScanCounters,
    ) -> None:
        self._reported, self._counters = reported, counters
        self._extended = False
        self._monitor = MonitorChannel(index, self.heard, ended)
        self._commands = CommandChannel(index)
        self._everything = Everything(self._commands.send)
        self._reader = ReportReader(self, counters, asyncio.get_running_loop().time)

    def open(self, extended: bool) -> None:
        """Begin. Args: `extended`: whether to report packets of extended advertising, too.

        Raises: OSError if the kernel does not let this process listen.
        """
        self._extended = extended
        self._monitor.open()
        try:
            self._commands.open()
        except OSError as error:  # the adapter goes down just now
            _log.debug("Duplicates are left out: %s", error)

    def close(self) -> None:
        """End. Idempotent."""
        self._monitor.close()
        self._commands.close()

    def heard(self, kind: int, packet: bytes) -> None:
        """Take a packet of HCI, without its type."""
        try:
            if kind == COMMAND:
                self._everything.sent(int.from_bytes(packet[:2], "little"), packet[3:])
            elif packet[0] == Event.COMMAND_COMPLETE:
                self._everything.answered(int.from_bytes(packet[3:5], "little"), packet[5])
            elif packet[2] == LeEvent.ADVERTISING_REPORT:
                self._reader.legacy(packet[3:])
            elif packet[2] == LeEvent.EXTENDED_ADVERTISING_REPORT:
                self._reader.extended(packet[3:])
        except (IndexError, StructError):
            self._counters.malformed += 1
        except OSError as error:  # the adapter goes down, or the kernel has no room for a command
            self._counters.refused_commands += 1
            _log.debug("Duplicates are left out for now: %s", error)

    # PacketListener

    def wants_extended(self) -> bool:
        return self._extended

    def heard_packet(
        self,
        address: DeviceAddress,
        data: bytes,
        rssi_dbm: int,
        *,
        connectable: bool,
        scan_response: bool,
        resolved: bool,
        legacy: bool,
    ) -> None:
        self._reported(Report(address, data, rssi_dbm, connectable, scan_response))


class Everything:
    """Has a controller that scans for the kernel report duplicates, too.

    Args: `send`: sends a command, by opcode and parameters; its OSError is passed on.
    """

    def __init__(self, send: Callable[[int, bytes], None]) -> None:
        self._send = send
        self._kernel_scans = False
        self._asked: tuple[int, bytes] | None = None  # the kernel's command, until it is answered
        self._ours: tuple[int, bytes] | None = None  # what we have sent, until it is seen

    def sent(self, opcode: int, parameters: bytes) -> None:
        """A command was sent to the controller, by the kernel or by us."""
        if opcode not in SCAN_ENABLE or len(parameters) < 2:
            return
        enable, leaves_out = parameters[:2]
        if not enable:
            self._kernel_scans, self._asked = False, None
        elif (opcode, parameters) == self._ours:
            self._ours = None
            if not self._kernel_scans:  # it came too late
                self._send(opcode, bytes(len(parameters)))
        else:
            self._kernel_scans = True
            self._asked = (opcode, parameters) if leaves_out else None

    def answered(self, opcode: int, status: int) -> None:
        """A command has ended."""
        if self._asked is None or self._asked[0] != opcode:
            return
        _, parameters = self._asked
        self._asked = None
        if status == 0:
            ours = (opcode, bytes((_ON, _WITH_ALL)) + parameters[2:])
            self._send(*ours)
            self._ours = ours  # it is on its way; a refused one will never be seen
