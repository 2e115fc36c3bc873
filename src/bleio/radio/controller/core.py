"""The virtual controller: HCI packets on one side, a link layer on the other.

`Controller` takes the host's packets apart. What commands do is in the modules beside this one,
each a set of functions in the table of `dispatch.py` that work on `Controller.layer`; what comes
back from there goes through `host.py`, which makes events of it.

Hosts are not trusted: they may be any program on a socket. A packet that is none, data for no link,
or more data than there are buffers for is counted in `dropped` and otherwise ignored; a command
with wrong parameters is answered with an error. Nothing a host sends raises.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable

from bleio.core.address import DeviceAddress
from bleio.radio.air.radio import Radio
from bleio.radio.connection.limits import UNLIMITED, ControllerLimits
from bleio.radio.controller import dispatch
from bleio.radio.controller.dispatch import require
from bleio.radio.controller.flow import ACL_BUFFERS, ACL_OCTETS, PB_CONTINUATION, PB_START
from bleio.radio.controller.host import HciHost
from bleio.radio.layer import LinkLayer

_H4_COMMAND, _H4_ACL = 0x01, 0x02
_COMMAND_HEADER = struct.Struct("<BHB")
_ACL_HEADER = struct.Struct("<BHH")


class Controller:
    """One virtual controller on a radio.

    Args:
        radio: the world it lives in.
        send: takes every H4 packet to the host; it only queues, never calls back or raises.
        name: what captures call this controller.
        public_address: None makes one from its number on the radio.
        limits: what it cannot do.
    """

    def __init__(
        self,
        radio: Radio,
        send: Callable[[bytes], None],
        name: str = "",
        public_address: DeviceAddress | None = None,
        limits: ControllerLimits = UNLIMITED,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.attached = True
        self.le_host = 0
        self.host = HciHost(send, self.dropped)
        self.layer = LinkLayer(radio, self.host, name, public_address, limits)
        self.unknown_commands = limits.unknown_commands
        self._send = send
        self._after_reply: list[tuple[Callable[..., None], tuple[object, ...]]] = []

    def receive(self, packet: bytes) -> None:
        """Take one whole H4 packet from the host; any octets are safe."""
        if not self.attached:
            self.dropped["packet after detach"] += 1
        elif packet[:1] == bytes((_H4_COMMAND,)) and len(packet) >= _COMMAND_HEADER.size:
            self._receive_command(packet)
        elif packet[:1] == bytes((_H4_ACL,)) and len(packet) >= _ACL_HEADER.size:
            self._receive_acl(packet)
        else:
            self.dropped["unknown or truncated packet"] += 1

    def _receive_command(self, packet: bytes) -> None:
        _, opcode, length = _COMMAND_HEADER.unpack_from(packet)
        parameters = packet[_COMMAND_HEADER.size :]
        if opcode in self.unknown_commands:
            answer = dispatch.unknown(opcode)
        else:
            answer = dispatch.execute(self, opcode, parameters, len(parameters) == length)
        if answer:
            self._send(answer)
        while self._after_reply:
            callback, args = self._after_reply.pop(0)
            callback(*args)

    def after_reply(self, callback: Callable[..., None], *args: object) -> None:
        """Do something as soon as the command now running has been answered."""
        self._after_reply.append((callback, args))

    def _receive_acl(self, packet: bytes) -> None:
        _, field, length = _ACL_HEADER.unpack_from(packet)
        payload = packet[_ACL_HEADER.size :]
        end = self.layer.links.get(field & 0x0FFF)
        boundary = field >> 12
        if end is None:
            self.dropped["ACL data for an unknown handle"] += 1
        elif len(payload) != length or length > ACL_OCTETS or boundary > PB_START:
            self.dropped["malformed ACL data"] += 1
        elif self.host.acl_in_flight >= ACL_BUFFERS:
            self.dropped["ACL data beyond the buffers"] += 1
            self.host.buffer_overflow()
        else:
            self.host.acl_in_flight += 1
            end.send_data(payload, boundary != PB_CONTINUATION)

    @property
    def congested(self) -> bool:
        """Set by the driver while the host does not keep up with what it is sent.

        Advertising reports are then dropped and counted, and data stays with the peer, which its
        own flow control stops; nothing piles up here.
        """
        return self.host.congested

    @congested.setter
    def congested(self, value: bool) -> None:
        self.host.set_congested(value)
        if not value:
            self.layer.wake_links()

    def detach(self) -> None:
        """The host has gone: fall silent. Peers notice by their supervision time-out."""
        self.attached = False
        self.host.detach()
        self.layer.leave()

    def reset(self) -> None:
        """HCI_Reset: everything but the public address and a claimed static address goes."""
        self.layer.reset()
        self.host.reset()
        self.le_host = 0

    def own_address(
        self, kind: int, random: DeviceAddress | None, peer: DeviceAddress | None = None
    ) -> DeviceAddress:
        """Find the address that an own address type stands for; see `LinkLayer.own_address`.

        Raises: CommandError when the random address is to be used and none was set.
        """
        own = self.layer.own_address(kind, random, peer)
        require(own is not None)
        assert own is not None
        return own
