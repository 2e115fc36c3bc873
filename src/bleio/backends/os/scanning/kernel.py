"""Linux' monitor channel: what every Bluetooth controller and its host say to each other.

The kernel copies all HCI packets to a process that has CAP_NET_RAW, as root has, and btmon uses.
What a scan wants of it are advertising reports, in which nothing is missing. Nothing else is passed
on: keys and data of all links of the computer come by there, too, so a filter in the kernel sees
to it that they never reach this process.

`socket.AF_BLUETOOTH` is missing in a Python that was built without BlueZ's headers, and
`socket.bind` knows the family's addresses only if it is there. So the family goes by its number and
the address by libc's own bind. (A few Pythons have no ctypes either; they do without.)

A container has no such sockets, unless it has the host's network.

Spec: none; include/net/bluetooth/hci_mon.h and hci_sock.h of the kernel.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from bleio.core.hci import Event, LeEvent

try:  # now, in the thread that loads the backend, not when a scan begins
    import ctypes as _ctypes
except ImportError:
    ctypes: Any = None
else:
    ctypes = _ctypes

_AF_BLUETOOTH: Final = 31
_BTPROTO_HCI: Final = 1
_HCI_DEV_NONE: Final = 0xFFFF
_CHANNEL_RAW, _CHANNEL_MONITOR = 0, 2
_SO_ATTACH_FILTER: Final = 26
_BUFFER_OCTETS: Final = 1 << 20
_MOST_OCTETS: Final = 4096  # of one packet; an event has at most 257
_MOST_AT_ONCE = 64  # packets, before others have a turn

_ADDRESS = Struct("=HHH")  # struct sockaddr_hci: family, device, channel
_HEADER = Struct("<HHH")  # struct hci_mon_hdr: opcode, index, length
COMMAND, EVENT = 2, 3  # opcodes of what is passed on

_INSTRUCTION = Struct("=HBBI")  # struct sock_filter: code, jump if true, jump if false, operand
_PROGRAM = Struct("HP")  # struct sock_fprog: length, pointer
_OCTET, _HALF, _EQUALS, _RETURN = 0x30, 0x28, 0x15, 0x06  # of classic BPF

_REPORTS = (LeEvent.ADVERTISING_REPORT, LeEvent.EXTENDED_ADVERTISING_REPORT)
SCAN_ENABLE = (0x200C, 0x2042)  # LE Set Scan Enable, LE Set Extended Scan Enable


class MonitorChannel:
    """What one controller reports, and when its host switches scanning.

    Args: `index`: N of hciN. `heard`: is told COMMAND or EVENT and the packet, without its type.
        `ended`: is told if the kernel ends it.
    """

    def __init__(
        self, index: int, heard: Callable[[int, bytes], None], ended: Callable[[], None]
    ) -> None:
        self._index, self._heard, self._ended = index, heard, ended
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Listen from now on. Raises: OSError if the kernel does not let us."""
        opened = _opened(_HCI_DEV_NONE, _CHANNEL_MONITOR, before=self._prepare)
        self._socket = opened
        asyncio.get_running_loop().add_reader(opened, self._readable)

    def close(self) -> None:
        """Listen no longer. Idempotent."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _prepare(self, opened: socket.socket) -> None:
        """Have only what is wanted, from the first packet on."""
        program = _filter(self._index)
        memory = ctypes.create_string_buffer(program)
        count = len(program) // _INSTRUCTION.size
        attach = _PROGRAM.pack(count, ctypes.addressof(memory))
        opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attach)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)

    def _readable(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            if self._socket is None:
                return
            try:
                packet = self._socket.recv(_MOST_OCTETS)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                packet = b""
            if not packet:
                self.close()
                self._ended()
                return
            if len(packet) >= _HEADER.size:
                opcode, index, _ = _HEADER.unpack_from(packet)
                if index == self._index:
                    self._heard(opcode, packet[_HEADER.size :])


class CommandChannel:
    """Sends commands to a controller beside the host that it has. Args: `index`: N of hciN."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Raises: OSError if the kernel does not let us."""
        self._socket = _opened(self._index, _CHANNEL_RAW)

    def close(self) -> None:
        """Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, opcode: int, parameters: bytes) -> None:
        """Have the kernel send a command in its turn. What the controller says is not told.

        Raises: OSError if the kernel does not take it.
        """
        if self._socket is not None:
            head = b"\x01" + opcode.to_bytes(2, "little") + bytes((len(parameters),))
            self._socket.send(head + parameters)


def _opened(
    device: int, channel: int, before: Callable[[socket.socket], None] | None = None
) -> socket.socket:
    if ctypes is None:
        raise OSError("this Python has no ctypes")
    opened = socket.socket(_AF_BLUETOOTH, socket.SOCK_RAW, _BTPROTO_HCI)
    try:
        opened.setblocking(False)
        if before is not None:
            before(opened)
        address = _ADDRESS.pack(_AF_BLUETOOTH, device, channel)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.bind(opened.fileno(), address, len(address)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    except BaseException:
        opened.close()
        raise
    return opened


def _filter(index: int) -> bytes:
    """Return a program that keeps advertising reports, and what concerns enabling scans.

    Packets are a monitor header, then an event (code, length, parameters) or a command (opcode,
    length, parameters). BPF is big-endian, what is loaded here is not.
    """
    scan_enable = tuple(_swapped(opcode) for opcode in SCAN_ENABLE)
    at = _HEADER.size
    return _compiled(
        {
            # step: width and place of what is loaded, its values, then, otherwise
            "index": (_HALF, 2, (_swapped(index),), "kind", "drop"),
            "kind": (_HALF, 0, (_swapped(COMMAND),), "command", "event"),
            "command": (_HALF, at, scan_enable, "keep", "drop"),
            "event": (_HALF, 0, (_swapped(EVENT),), "code", "drop"),
            "code": (_OCTET, at, (Event.COMMAND_COMPLETE,), "answer", "meta"),
            "answer": (_HALF, at + 3, scan_enable, "keep", "drop"),
            "meta": (_OCTET, at, (Event.LE_META,), "subevent", "drop"),
            "subevent": (_OCTET, at + 2, _REPORTS, "keep", "drop"),
        }
    )


_Step = tuple[int, int, tuple[int, ...], str, str]


def _compiled(steps: dict[str, _Step]) -> bytes:
    """Return the instructions of steps; they begin with the first, and end at keep or drop."""
    places, place = {}, 0
    for name, step in steps.items():
        places[name] = place
        place += 1 + len(step[2])
    places |= {"keep": place, "drop": place + 1}
    code = b""
    for name, (width, offset, values, then, otherwise) in steps.items():
        code += _INSTRUCTION.pack(width, 0, 0, offset)
        for number, value in enumerate(values, places[name] + 1):
            is_last = number == places[name] + len(values)
            jump = places[otherwise] - number - 1 if is_last else 0
            code += _INSTRUCTION.pack(_EQUALS, places[then] - number - 1, jump, value)
    return code + _INSTRUCTION.pack(_RETURN, 0, 0, 0xFFFF) + _INSTRUCTION.pack(_RETURN, 0, 0, 0)


def _swapped(number: int) -> int:
    return (number & 0xFF) << 8 | number >> 8
