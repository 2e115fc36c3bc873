"""The other end of the host's HCI: a controller that is good, refuses, or says nothing."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter, deque
from collections.abc import Callable
from enum import Enum
from typing import Any

from bleio.backends.hci import HciBackend
from bleio.backends.hci.controller.bringup import ControllerFacts
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.core.address import DeviceAddress
from bleio.core.hci import ACL_PACKET, COMMAND_PACKET, Event
from support.hci.script import _ANSWERED_BY_STATUS, ScriptedController, disconnection, event

OWN = DeviceAddress(bytes.fromhex("0a0b0c0d0ec0"), random=True)


class Mood(Enum):
    """How the controller answers commands."""

    GOOD = 0
    REFUSES = 1
    SILENT = 2
    SHORT = 3  # with the status alone


class Wire(ScriptedController):
    """A port, and the controller behind it. What it says comes in the loop's next round."""

    def __init__(self, extended: bool) -> None:
        super().__init__(extended)
        self.answers[0x202A] = lambda _: b"\x00\x08"  # the size of its resolving list
        self.metadata: dict[str, Any] = {}
        self.mood = Mood.GOOD
        self.refusal = 0x0C  # Command Disallowed
        self.takes_data = True
        self.unanswered: deque[tuple[int, bytes]] = deque()
        self.in_flight: Counter[int] = Counter()  # packets of the host's that were not completed
        self.closed = False
        self._receive: Callable[[bytes], None] | None = None
        self._lose: Callable[[str], None] | None = None

    def plug_in(self, receive: Callable[[bytes], None], lose: Callable[[str], None]) -> Wire:
        self._receive, self._lose = receive, lose
        return self

    # The controller's side

    def send(self, *packets: bytes) -> None:
        for packet in packets:
            asyncio.get_running_loop().call_soon(self._up, packet)

    def _up(self, packet: bytes) -> None:
        if not self.closed and self._receive is not None:
            self._receive(packet)

    def vanish(self) -> None:
        """The device is pulled out."""
        if not self.closed and self._lose is not None:
            self._lose("it was pulled out; plug it in again")

    def complete(self, handle: int, count: int) -> None:
        self.in_flight[handle] -= min(count, self.in_flight[handle])
        self.send(event(Event.NUMBER_OF_COMPLETED_PACKETS, struct.pack("<BHH", 1, handle, count)))

    def complete_all(self) -> None:
        for handle, count in tuple(self.in_flight.items()):
            if count:
                self.complete(handle, count)

    def answer_next(self) -> None:
        """Answer the command that has waited longest."""
        if self.unanswered:
            self._answer(*self.unanswered.popleft())

    def answer(self, opcode: int, parameters: bytes) -> None:
        if self.mood is Mood.SILENT:
            self.unanswered.append((opcode, parameters))
        elif self.mood is Mood.REFUSES:
            self.send(event(Event.COMMAND_STATUS, struct.pack("<BBH", self.refusal, 1, opcode)))
        elif self.mood is Mood.SHORT and opcode not in _ANSWERED_BY_STATUS:
            self.send(event(Event.COMMAND_COMPLETE, struct.pack("<BHB", 1, opcode, 0)))
        else:
            self._answer(opcode, parameters)
            self._follow(opcode, parameters)

    def _follow(self, opcode: int, parameters: bytes) -> None:
        """What is certain to come of a command."""
        if opcode == Opcode.DISCONNECT:
            handle, reason = struct.unpack_from("<HB", parameters)
            self.in_flight.pop(handle, None)
            self.send(disconnection(handle, reason))

    # The host's side: `Port`

    async def close(self) -> None:  # type: ignore[override]
        self.closed = True

    def from_host(self, packet: bytes) -> None:
        if packet[0] == ACL_PACKET:
            field, octets = struct.unpack_from("<HH", packet, 1)
            assert octets == len(packet) - 5
            self.data.append(packet[1:])
            self.in_flight[field & 0xFFF] += 1
            if self.takes_data:
                self.complete(field & 0xFFF, 1)
            return
        assert packet[0] == COMMAND_PACKET
        opcode, octets = struct.unpack_from("<HB", packet, 1)
        assert octets == len(packet) - 4
        self.commands.append((opcode, packet[4:]))
        self.answer(opcode, packet[4:])


class _Port:
    """`Wire` as the host has it; both have a `send`."""

    def __init__(self, wire: Wire) -> None:
        self.metadata = wire.metadata
        self.send = wire.from_host
        self.close = wire.close


class WiredBackend(HciBackend):
    """The host on such a controller; `facts`: None has it brought up as any other is."""

    def __init__(self, wire: Wire, facts: ControllerFacts | None, **options: Any) -> None:
        super().__init__("tcp-client:fuzzed", OWN, **options)
        self.wire = wire
        self.facts = facts

    async def _open_port(self, on_packet: Any, on_lost: Any) -> Any:
        return _Port(self.wire.plug_in(on_packet, on_lost))

    async def _bring_up(self, layer: Any, port: Any) -> ControllerFacts:
        if self.facts is None:
            return await super()._bring_up(layer, port)
        self._own.address = OWN
        return self.facts
