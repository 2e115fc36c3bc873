"""The HCI layer: packets from and to one controller, commands, events, and its loss.

This is the narrow place between the host and a controller. Below it is a port that carries whole
H4 packets; above it are the parts of the host, each of which registers handlers for the events that
are its own. An event has one handler: two parts that both believe to own an event would be a fault
of ours, so the second one is refused when it registers, not found when packets go astray.

A controller is not trusted to be right. Whatever it sends is taken without an exception: what has
no handler is counted as ignored, what is too short as malformed, and a fault in one of our handlers
is logged and ends with the packet. Otherwise one bad event would end the reading of the transport,
and with it all links.

A controller is lost once and for good: its transport ended, it reported a hardware error, or it did
not answer a command in time. Then every command that waits or comes later fails with the same
`ControllerLost`, and nothing is sent any more. There is no way back; a new layer is made when the
adapter is opened again.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from bleio.backends.hci.controller.commands import CommandQueue, Unanswered, command_packet
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.controller.pause import Pause
from bleio.backends.hci.controller.port import Port
from bleio.backends.hci.counters import HciCounters
from bleio.core.hci import ACL_PACKET, EVENT_PACKET, Event, LeEvent
from bleio.errors import ControllerError, ControllerLost

_log = logging.getLogger(__name__)

COMMAND_TIMEOUT_S = 5.0
_UNSPECIFIED_ERROR = 0x1F
_MOST_LOGGED_FAULTS = 10  # a peer may cause one as often as it likes; all are counted
_MUCH_NOISE_OCTETS = 64  # more than a glitch as the device wakes

EventHandler = Callable[[bytes], None]  # takes an event's parameters, after the subevent code
AclHandler = Callable[[int, bool, bytes], None]  # handle, whether it continues a frame, data


class PacketReader(Protocol):
    """What sees packets before the layer does. `on_packet` may be replaced meanwhile."""

    def on_packet(self, packet: bytes) -> None: ...


class LayerOwner(Protocol):
    """What is told of the end."""

    def lost(self, error: ControllerLost) -> None:
        """The controller is lost; called once."""


class HciLayer:
    """One controller, from the opening of its transport until it is closed or lost.

    Args: `name`: what messages call the controller. `command_timeout_s`: how long it may take to
        answer a command. Thread: that of the asyncio loop it is made on.
    """

    def __init__(
        self,
        owner: LayerOwner,
        name: str,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
        counters: HciCounters | None = None,
    ) -> None:
        self.counters = HciCounters() if counters is None else counters
        self.error: ControllerLost | None = None  # why it is gone
        self.ended = asyncio.Event()  # that it is
        self._name = name
        self._owner = owner
        self._port: Port | None = None
        self._command_timeout_s = command_timeout_s
        self._noise_before = self.counters.noise_octets
        self.commands = CommandQueue(self.send, self._silent, self.counters, command_timeout_s)
        self._events: dict[int, EventHandler] = {}
        self._le_events: dict[int, EventHandler] = {}
        self._acl: AclHandler | None = None
        self._reader: PacketReader | None = None
        self._pause: Pause | None = None
        self._left_out: set[int] = set()  # opcodes of wishes, logged once each
        self.on_event(Event.COMMAND_COMPLETE, self._command_complete)
        self.on_event(Event.COMMAND_STATUS, self._command_status)
        self.on_event(Event.HARDWARE_ERROR, self._hardware_error)

    def connect(self, port: Port) -> None:
        """Send through this port from now on; before, nothing can be sent."""
        self._port = port

    def on_event(self, code: Event | LeEvent, handler: EventHandler) -> None:
        """Have an event's parameters passed to `handler`. Raises: ValueError for a second one."""
        handlers = self._le_events if isinstance(code, LeEvent) else self._events
        if code in handlers:
            raise ValueError(f"{code!r} has a handler already")
        handlers[code] = handler

    def on_acl(self, handler: AclHandler) -> None:
        """Have ACL data passed to `handler`. Raises: ValueError for a second one."""
        if self._acl is not None:
            raise ValueError("ACL data has a handler already")
        self._acl = handler

    @contextmanager
    def read_by(self, reader: PacketReader) -> Iterator[None]:
        """Pass every packet to `reader` for a while, which passes on what it does not keep.

        While a controller comes up, what brings it up sees packets first, and before that the
        drivers of its firmware.
        """
        former, self._reader = self._reader, reader
        try:
            yield
        finally:
            self._reader = former

    def send(self, packet: bytes) -> None:
        """Send one H4 packet; nothing is sent after the end."""
        if self.error is not None or self._port is None:
            return
        try:
            self._port.send(packet)
        except Exception as error:
            self.lose(f"sending failed ({error}); check the device")

    async def request(
        self, opcode: Opcode | int, parameters: bytes = b"", *, for_peer: bool = False
    ) -> bytes:
        """Send a command. Returns: the return parameters after the status, empty for a status.

        Args: `for_peer`: a peer is why; then the program's commands are not kept waiting.
        Raises: ControllerError if the controller refuses; ControllerLost.
        """
        packet = command_packet(opcode, parameters)
        event = await self.commands.exchange(packet, for_peer=for_peer)
        status, returned = _outcome(event)
        if status:
            raise ControllerError(status, _command_name(opcode))
        return returned

    def reply(
        self, opcode: Opcode, conn_handle: int, parameters: bytes = b"", *, is_wish: bool = False
    ) -> None:
        """Answer a peer's question, of which the controller has told, by a command. Does not wait.

        The command's parameters begin with the connection handle. See `CommandQueue.reply`.
        """
        packet = command_packet(opcode, conn_handle.to_bytes(2, "little") + parameters)
        self.commands.reply(packet, conn_handle, is_wish=is_wish)

    async def wish(
        self, opcode: Opcode | int, parameters: bytes = b"", *, for_peer: bool = False
    ) -> bytes | None:
        """Ask for what can be done without. Returns: as `request`; None if it is left out.

        A refusal or silence is logged once for each opcode; what was met with silence is not asked
        for again. Raises: ControllerLost.
        """
        if opcode in self.commands.unanswered:
            return None
        try:
            event = await self.commands.exchange(
                command_packet(opcode, parameters), is_wish=True, for_peer=for_peer
            )
        except Unanswered:
            self._leave_out(opcode, "does not answer")
            return None
        status, returned = _outcome(event)
        if status:
            self._leave_out(opcode, f"refuses (0x{status:02x})")
            return None
        return returned

    def _leave_out(self, opcode: int, does: str) -> None:
        if opcode not in self._left_out:
            self._left_out.add(opcode)
            _log.info(
                "The controller at %s %s %s: it is left out",
                self._name,
                does,
                _command_name(opcode),
            )

    def received(self, packet: bytes, *, was_read: bool = False) -> None:
        """Take one H4 packet from the transport. Never raises. Data plane.

        Args: `was_read`: by the reader of `read_by`, which passes it on.
        """
        try:
            if was_read:
                pass
            elif self._pause is not None:
                self._pause.hold(packet)
                return
            elif self._reader is not None:
                self._reader.on_packet(packet)
                return
            if self.error is not None:
                return
            kind = packet[0] if packet else 0
            if kind == EVENT_PACKET:
                _, code, octets = _EVENT_HEAD.unpack_from(packet)
                if octets != len(packet) - _EVENT_HEAD.size:
                    self.counters.malformed += 1
                elif code == _LE_META and octets:
                    self._le_events.get(packet[3], self._ignored)(packet[4:])
                elif code in _COMMAND_EVENTS:
                    self._events[code](packet)
                else:
                    self._events.get(code, self._ignored)(packet[3:])
            elif kind == ACL_PACKET and self._acl is not None:
                _, handle, octets = _ACL_HEAD.unpack_from(packet)
                if octets != len(packet) - _ACL_HEAD.size:
                    self.counters.malformed += 1
                else:
                    self._acl(handle & 0x0FFF, handle & 0x1000 != 0, packet[5:])
            else:
                self.counters.ignored += 1
        except Exception as error:
            self._failed(error)

    def _ignored(self, parameters: bytes) -> None:
        self.counters.ignored += 1

    def pause_for(
        self,
        ask: Callable[[Callable[[bool], None]], None],
        limit_s: float,
        go_on: Callable[[], None],
    ) -> None:
        """Take no packets until there is an answer, then call `go_on` and take those that wait.

        Args: `ask`: is passed what takes the answer, perhaps at once; then nothing waits.
        """
        pause = self._pause = Pause(partial(self._resume, go_on))
        ask(pause.end)
        pause.limit(limit_s)

    def _resume(self, go_on: Callable[[], None]) -> None:
        pause, self._pause = self._pause, None
        self.shielded(go_on)
        waiting = pause.packets if pause is not None else deque[bytes]()
        while waiting and self._pause is None:
            self.received(waiting.popleft())
        if self._pause is not None:  # the next link
            self._pause.packets.extendleft(reversed(waiting))

    def shielded(self, take: Callable[..., object], *args: object) -> None:
        """Have something taken that was held. Never raises: a fault costs nothing behind it."""
        try:
            take(*args)
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, struct.error):
            self.counters.malformed += 1
        else:
            self.counters.faults += 1
            if self.counters.faults <= _MOST_LOGGED_FAULTS:
                _log.error("Fault in the handling of an HCI packet", exc_info=error)

    def lose(self, why: str) -> None:
        """The controller is gone. `why`: what is wrong and what to do. Idempotent."""
        if self.error is None:
            self.error = ControllerLost(f"The controller at {self._name} is lost: {why}.")
            self._end()
            self.commands.close(self.error)
            self._owner.lost(self.error)

    def _end(self) -> None:
        self.ended.set()
        if self._pause is not None:
            self._pause.drop()
            self._pause = None

    def close(self) -> ControllerLost:
        """End it from our side: nothing more is sent, and what waits fails. Returns: with what."""
        if self.error is None:
            self.error = ControllerLost("The adapter was switched off.")
        self._end()
        self.commands.close(self.error)
        return self.error

    def _command_complete(self, packet: bytes) -> None:
        allowed, opcode = struct.unpack_from("<BH", packet, 3)
        self.commands.answered(opcode, allowed, packet)

    def _command_status(self, packet: bytes) -> None:
        _, allowed, opcode = struct.unpack_from("<BBH", packet, 3)
        self.commands.answered(opcode, allowed, packet)

    def _hardware_error(self, parameters: bytes) -> None:
        self.lose(
            f"it reported hardware error 0x{parameters[:1].hex() or '00'}; "
            "unplug it and plug it in again"
        )

    def _silent(self) -> None:
        why = f"it did not answer a command within {self._command_timeout_s:g} seconds"
        noise = self.counters.noise_octets - self._noise_before
        if noise < _MUCH_NOISE_OCTETS:
            self.lose(f"{why}; check the device")
        else:
            self.lose(
                f"{why}, but {noise} octets came that are no packets; "
                "check the speed of the line, its wiring and that the device speaks HCI"
            )


def is_answer(packet: bytes) -> bool:
    """Tell whether an H4 packet is the answer to a command, or leave to send one."""
    return len(packet) > 1 and packet[0] == EVENT_PACKET and packet[1] in _COMMAND_EVENTS


def _outcome(event: bytes) -> tuple[int, bytes]:
    """Return the status in an answer, and the return parameters after it."""
    if event[1] == Event.COMMAND_STATUS:
        return event[3], b""
    return (event[6] if len(event) > 6 else _UNSPECIFIED_ERROR), event[7:]


def _command_name(opcode: Opcode | int) -> str:
    return opcode.text if isinstance(opcode, Opcode) else f"command 0x{opcode:04x}"


_EVENT_HEAD = struct.Struct("<BBB")  # packet type, code, length
_ACL_HEAD = struct.Struct("<BHH")  # packet type, handle and flags, length
_LE_META = int(Event.LE_META)

# Their handlers get the whole packet, which is also what the sender of the command is given.
_COMMAND_EVENTS = frozenset({Event.COMMAND_COMPLETE, Event.COMMAND_STATUS})
