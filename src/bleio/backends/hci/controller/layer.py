"""The HCI layer: packets from and to one controller, commands, events, and its loss.

Handlers are registered by event code and get the event's parameters. Whatever a controller sends
is taken: what has no handler or is malformed is counted.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass

from bleio.backends.hci.controller.commands import CommandQueue, command_packet
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.core.hci import ACL_PACKET, EVENT_PACKET, Event
from bleio.errors import ControllerError, ControllerLost

_log = logging.getLogger(__name__)

COMMAND_TIMEOUT_S = 5.0
_UNSPECIFIED_ERROR = 0x1F

Handler = Callable[[bytes], None]


@dataclass(slots=True)
class LayerCounters:
    """What was not as it should be; nothing is lost without a trace."""

    ignored: int = 0  # packets and events that nobody handles
    malformed: int = 0
    unknown_handles: int = 0
    faults: int = 0  # our own: exceptions out of a handler


class HciLayer:
    """One controller, from the opening of its transport until it is closed or lost.

    Args: `send` takes whole H4 packets; `lost(error)` is called once if the controller is lost.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        lost: Callable[[ControllerLost], None],
        name: str,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> None:
        self.counters = LayerCounters()
        self.error: ControllerLost | None = None  # why it is gone
        self._name = name
        self._write = send
        self._lost = lost
        self._command_timeout_s = command_timeout_s
        self.commands = CommandQueue(self.send, self._silent, command_timeout_s)
        self.events: dict[int, Handler] = {
            Event.COMMAND_COMPLETE: self._command_complete,
            Event.COMMAND_STATUS: self._command_status,
            Event.HARDWARE_ERROR: self._hardware_error,
        }
        self.le_events: dict[int, Handler] = {}
        self.acl: Callable[[int, bool, bytes], None] | None = None  # handle, continues, data
        # While it comes up, bumble's host and dongle drivers see every packet first.
        self.tap: Callable[[bytes], None] | None = None

    def send(self, packet: bytes) -> None:
        """Send one H4 packet; nothing is sent after the end."""
        if self.error is not None:
            return
        try:
            self._write(packet)
        except Exception as error:
            self.lose(f"sending failed ({error}); check the device and enable the adapter again")

    async def request(self, opcode: Opcode | int, parameters: bytes = b"") -> bytes:
        """Send a command. Returns: the return parameters after the status, empty for a status.

        Raises: ControllerError if the controller refuses; ControllerLost.
        """
        event = await self.commands.exchange(command_packet(opcode, parameters))
        if event[1] == Event.COMMAND_STATUS:
            status, returned = event[3], b""
        else:
            status = event[6] if len(event) > 6 else _UNSPECIFIED_ERROR
            returned = event[7:]
        if status:
            name = opcode.text if isinstance(opcode, Opcode) else f"command 0x{opcode:04x}"
            raise ControllerError(status, name)
        return returned

    def received(self, packet: bytes) -> None:
        """Take one H4 packet from the transport. Never raises."""
        try:
            if self.tap is not None:
                self.tap(packet)
            else:
                self.dispatch(packet)
        except struct.error:
            self.counters.malformed += 1
        except Exception:
            self.counters.faults += 1
            _log.exception("Fault in the handling of an HCI packet")

    def dispatch(self, packet: bytes) -> None:
        """Pass a packet to its handler."""
        if self.error is not None:
            return
        kind = packet[0] if packet else 0
        if kind == ACL_PACKET and self.acl is not None:
            handle, octets = struct.unpack_from("<HH", packet, 1)
            if octets != len(packet) - 5:
                self.counters.malformed += 1
                return
            self.acl(handle & 0x0FFF, bool(handle & 0x1000), packet[5:])
        elif kind == EVENT_PACKET:
            self._dispatch_event(packet)
        else:
            self.counters.ignored += 1

    def lose(self, why: str) -> None:
        """The controller is gone. `why`: what is wrong and what to do. Idempotent."""
        if self.error is None:
            self.error = ControllerLost(f"The controller at {self._name} is lost: {why}.")
            self.commands.close(self.error)
            self._lost(self.error)

    def close(self) -> ControllerLost:
        """End it from our side: nothing more is sent, and what waits fails. Returns: with what."""
        if self.error is None:
            self.error = ControllerLost("The adapter was switched off.")
        self.commands.close(self.error)
        return self.error

    def _dispatch_event(self, packet: bytes) -> None:
        code, octets = struct.unpack_from("<BB", packet, 1)
        if octets != len(packet) - 3:
            self.counters.malformed += 1
            return
        if code != Event.LE_META:
            handler, parameters = self.events.get(code), packet[3:]
        else:
            handler = self.le_events.get(packet[3]) if octets else None
            parameters = packet[4:]
        if code in _COMMAND_EVENTS:
            parameters = packet
        if handler is None:
            self.counters.ignored += 1
        else:
            handler(parameters)

    def _command_complete(self, packet: bytes) -> None:
        allowed, opcode = struct.unpack_from("<BH", packet, 3)
        self.commands.answered(opcode, allowed, packet)

    def _command_status(self, packet: bytes) -> None:
        _, allowed, opcode = struct.unpack_from("<BBH", packet, 3)
        self.commands.answered(opcode, allowed, packet)

    def _hardware_error(self, parameters: bytes) -> None:
        self.lose(
            f"it reported hardware error 0x{parameters[:1].hex() or '00'}; "
            "unplug it and plug it in again, then enable the adapter"
        )

    def _silent(self) -> None:
        self.lose(
            f"it did not answer a command within {self._command_timeout_s:g} seconds; "
            "check the device and enable the adapter again"
        )


# Their handlers get the whole packet, which is also what the sender of the command is given.
_COMMAND_EVENTS = frozenset({Event.COMMAND_COMPLETE, Event.COMMAND_STATUS})
