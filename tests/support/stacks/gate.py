"""A gate between a controller of the machine and its radio: it holds back what a test wants held.

What depends on milliseconds, such as a link that comes up just when it is given up, comes about
only by luck, or on a busy machine. With a gate the test decides: the controller's packets wait from
one that the test describes until it lets them go on, and meanwhile the test does what is to come
in between. Commands of the kernel always pass, and their order is kept. Packets stay in order.

The kernel waits for the answer to a command for `ANSWER_S`. What has been held for longer, on a
busy machine, says nothing: it has to be tried again.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bleio.core.hci import ACL_PACKET, COMMAND_PACKET, EVENT_PACKET, Event
from support.processes import DEADLINE_S

CREATE_CONNECTION = frozenset({0x200D, 0x2043})  # as of Bluetooth 4, and extended
CANCEL_CONNECTION = 0x200E
ANSWER_S = 2.0

_SCAN_PARAMETERS, _SCAN_ENABLE = frozenset({0x200B, 0x2041}), frozenset({0x200C, 0x2042})
_EXTENDED_SCAN_PARAMETERS = 0x2041
_CONNECTION_COMPLETE = frozenset({0x01, 0x0A, 0x29})
_ADVERTISING_REPORT = frozenset({0x02, 0x0D})
_HEADERS = {COMMAND_PACKET: "<xHB", ACL_PACKET: "<xHH", EVENT_PACKET: "<xBB"}
_OCTETS = 65536


class Gate:
    """Listens at a socket for the one controller that is connected to the radio's through it."""

    def __init__(self, path: Path, radio: Path) -> None:
        self.path = path
        self.commands: list[int] = []  # opcodes, since `hold`
        self._radio = radio
        self._moment: Callable[[bytes], bool] | None = None
        self._waiting: list[bytes] = []
        self._since_s = 0.0
        self._heard_passively = False
        self._scans_actively = True
        self._changed = threading.Condition()
        self._host: socket.socket | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, name="gate", daemon=True).start()

    def close(self) -> None:
        """Let no other controller through."""
        self._listener.close()

    # What a test does

    def hold(self, moment: Callable[[Gate, bytes], bool]) -> None:
        """Hold the controller's packets from the next one of that kind on."""
        with self._changed:
            self.commands.clear()
            self._heard_passively = False
            self._moment = lambda packet: moment(self, packet)

    def wait_until_held(self) -> None:
        """Wait for that packet. Raises: AssertionError."""
        with self._changed:
            held = self._changed.wait_for(lambda: self._waiting, DEADLINE_S)
            assert held, "the moment has not come"

    def let_go(self) -> bool:
        """Let all pass, what has been held first. Returns: whether it comes in time."""
        with self._changed:
            self._moment = None
            waiting, self._waiting = self._waiting, []
            if self._host is not None:
                self._host.sendall(b"".join(waiting))
            return time.monotonic() - self._since_s < ANSWER_S * 0.9

    # Moments

    def end_of_scan(self, packet: bytes) -> bool:
        """The answer by which the kernel, which has heard a device that it is to connect to, has
        ended its scan: it asks for the link next."""
        return self._heard_passively and _answers(packet) in _SCAN_ENABLE

    def link_up(self, packet: bytes) -> bool:
        """The controller tells of a link."""
        return _le_event(packet) in _CONNECTION_COMPLETE

    def data(self, packet: bytes) -> bool:
        """The peer sends something; the kernel may have no answer about its services, for one."""
        return packet[0] == ACL_PACKET

    # Packets

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                host, _ = self._listener.accept()
                radio = socket.socket(socket.AF_UNIX)
                radio.connect(str(self._radio))
                with self._changed:
                    self._host = host
                for name, pass_on in (("down", self._down), ("up", self._up)):
                    arguments = (host, radio)
                    threading.Thread(
                        target=pass_on, args=arguments, name=f"gate {name}", daemon=True
                    ).start()

    def _down(self, host: socket.socket, radio: socket.socket) -> None:
        for packet in _packets(host):
            if packet[0] == COMMAND_PACKET:
                with self._changed:
                    self._note(packet)
                    self._changed.notify_all()
            radio.sendall(packet)
        radio.shutdown(socket.SHUT_RDWR)

    def _note(self, command: bytes) -> None:
        opcode = command[1] | command[2] << 8
        self.commands.append(opcode)
        if opcode in _SCAN_PARAMETERS:
            parameters = command[4:]
            # Behind the kinds of addresses; extended, of the first PHY.
            at = 3 if opcode == _EXTENDED_SCAN_PARAMETERS else 0
            self._scans_actively = bool(parameters[at])

    def _up(self, host: socket.socket, radio: socket.socket) -> None:
        for packet in _packets(radio):
            with self._changed:
                if _le_event(packet) in _ADVERTISING_REPORT and not self._scans_actively:
                    self._heard_passively = True
                if self._waiting or (self._moment is not None and self._moment(packet)):
                    if not self._waiting:
                        self._since_s = time.monotonic()
                    self._waiting.append(packet)
                    self._changed.notify_all()
                else:
                    host.sendall(packet)
        with contextlib.suppress(OSError):
            host.shutdown(socket.SHUT_RDWR)


def _packets(connection: socket.socket) -> Iterator[bytes]:
    """Go through the packets that come, to the connection's end."""
    line = b""
    with contextlib.suppress(OSError):
        while more := connection.recv(_OCTETS):
            line += more
            while len(line) >= 3 and len(line) >= (octets := _whole(line)):
                yield line[:octets]
                line = line[octets:]


def _whole(line: bytes) -> int:
    """Return how long the packet is with which the line begins."""
    header = struct.Struct(_HEADERS[line[0]])
    if len(line) < header.size:
        return header.size
    return int(header.size + header.unpack_from(line)[1])


def _answers(packet: bytes) -> int | None:
    """Return the opcode of the command that is answered, None if none is."""
    if packet[:2] == bytes((EVENT_PACKET, Event.COMMAND_COMPLETE)):
        return packet[4] | packet[5] << 8
    return None


def _le_event(packet: bytes) -> int | None:
    return packet[3] if packet[:2] == bytes((EVENT_PACKET, Event.LE_META)) else None
