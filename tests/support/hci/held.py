"""Controllers whose answers a test holds back, and what commands have made them do.

A caller that gives up does so at some moment of a sequence of commands. By holding back the answer
to each command in turn, a test comes by all these moments, whatever the clock and the load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from bleio.backends.hci import HciBackend
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.controller.port import OnLost, OnPacket, Port
from bleio.core.codes import HciErrorCode
from bleio.core.hci import COMMAND_PACKET, EVENT_PACKET, Event, LeEvent

OpenPort = Callable[[OnPacket, OnLost], Awaitable[Port]]

_ANSWERS = {Event.COMMAND_COMPLETE: (4, 6), Event.COMMAND_STATUS: (5, 3)}  # opcode, status
_CONNECTIONS = {
    LeEvent.CONNECTION_COMPLETE,
    LeEvent.ENHANCED_CONNECTION_COMPLETE,
    LeEvent.ENHANCED_CONNECTION_COMPLETE_V2,
}
_ENABLES = {
    Opcode.LE_SET_SCAN_ENABLE: "scanning",
    Opcode.LE_SET_EXTENDED_SCAN_ENABLE: "scanning",
    Opcode.LE_SET_ADVERTISING_ENABLE: "advertising",
    Opcode.LE_SET_EXTENDED_ADVERTISING_ENABLE: "advertising",
}
_CREATES = {Opcode.LE_CREATE_CONNECTION, Opcode.LE_EXTENDED_CREATE_CONNECTION}


class Held:
    """What is between a host and its controllers, one after the other; for its loop's thread.

    Attributes:
        on_air: what the controller does by the commands that it has taken.
        refused: commands that it has not taken, with the status.
        sent: packets of the host since the last `hold_at`.
    """

    def __init__(self) -> None:
        self.on_air: set[str] = set()
        self.refused: list[tuple[int, int]] = []
        self.sent = 0
        self._asked: deque[bytes] = deque()  # commands that are not answered
        self._hold_at = 0
        self._when_held: Callable[[], object] = _nothing
        self._held: deque[tuple[OnPacket, bytes]] | None = None

    def hold_at(self, packet: int, when_held: Callable[[], object]) -> None:
        """Have whatever the controller says from a packet on wait for `release`.

        Args: packet: of the host; 1 for the next one. when_held: called as that is sent.
        """
        self.sent, self._hold_at, self._when_held = 0, packet, when_held

    def release(self, refused: bool = False) -> None:
        """Say what was held back; nothing is held from now on.

        Args: refused: let answers to commands be that they are not possible now.
        """
        self._hold_at = 0
        held, self._held = self._held, None
        for on_packet, packet in held or ():
            on_packet(_refusing(packet) if refused else packet)

    async def opened(self, open_port: OpenPort, on_packet: OnPacket, on_lost: OnLost) -> Port:
        """Open a port by way of this."""
        self.on_air.clear()
        self._asked.clear()
        port = await open_port(partial(self._received, on_packet), on_lost)
        return _Port(self, port)

    def sends(self, packet: bytes) -> None:
        """Take note of what the host sends."""
        if packet[0] == COMMAND_PACKET:
            self._asked.append(packet)
        self.sent += 1
        if self.sent == self._hold_at:
            self._held = deque()
            self._when_held()

    def _received(self, on_packet: OnPacket, packet: bytes) -> None:
        self._witness(packet)
        if self._held is None:
            on_packet(packet)
        else:
            self._held.append((on_packet, packet))

    def _witness(self, packet: bytes) -> None:
        if packet[0] != EVENT_PACKET:
            return
        if packet[1] in _ANSWERS:
            at_opcode, at_status = _ANSWERS[Event(packet[1])]
            opcode = int.from_bytes(packet[at_opcode : at_opcode + 2], "little")
            if opcode:
                asked = self._asked.popleft()
                assert int.from_bytes(asked[1:3], "little") == opcode
                self._answered(opcode, asked[4:], packet[at_status])
        elif packet[1] == Event.LE_META and packet[3] in _CONNECTIONS:
            self.on_air.discard("initiating")
            if packet[4] == 0 and packet[7] == 1:  # as peripheral
                self.on_air.discard("advertising")

    def _answered(self, opcode: int, parameters: bytes, status: int) -> None:
        if status:
            self.refused.append((opcode, status))
        elif opcode in _ENABLES:
            (self.on_air.add if parameters[0] else self.on_air.discard)(_ENABLES[Opcode(opcode)])
        elif opcode in _CREATES:
            self.on_air.add("initiating")
        elif opcode == Opcode.RESET:
            self.on_air.clear()


def _refusing(packet: bytes) -> bytes:
    if packet[0] != EVENT_PACKET or packet[1] not in _ANSWERS:
        return packet
    at = _ANSWERS[Event(packet[1])][1]
    return packet[:at] + bytes((HciErrorCode.COMMAND_DISALLOWED,)) + packet[at + 1 :]


class _Port:
    def __init__(self, held: Held, port: Port) -> None:
        self.metadata = port.metadata
        self._held, self._port = held, port

    def send(self, packet: bytes) -> None:
        self._held.sends(packet)
        self._port.send(packet)

    async def close(self) -> None:
        await self._port.close()


def hold(backend: HciBackend) -> Held:
    """Hold what an adapter's controller says, whichever it opens."""
    held = Held()
    backend._open_port = partial(held.opened, backend._open_port)  # type: ignore[method-assign]
    return held


def hold_new(monkeypatch: pytest.MonkeyPatch) -> Held:
    """Hold what the controller of an adapter says that is opened from now on; there is one."""
    held, open_port = Held(), HciBackend._open_port

    async def opened(backend: HciBackend, on_packet: OnPacket, on_lost: OnLost) -> Port:
        return await held.opened(partial(open_port, backend), on_packet, on_lost)

    monkeypatch.setattr(HciBackend, "_open_port", opened)
    return held


def _nothing() -> None:
    """Nobody wants to know."""


async def turns(count: int) -> None:
    """Let the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)
