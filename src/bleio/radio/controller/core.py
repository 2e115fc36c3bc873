"""The virtual controller: HCI packets on one side, the simulated air on the other.

`Controller` holds the state that parts share and turns what the link layer reports into events.
What commands do is in the modules beside this one, each a set of functions in the table of
`dispatch.py`.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable

from bleio.core.address import DeviceAddress
from bleio.radio.advertising.advertiser import Advertiser
from bleio.radio.advertising.initiator import Initiator
from bleio.radio.advertising.scanner import Scanner
from bleio.radio.air import phy
from bleio.radio.air.hopping import ALL_DATA_CHANNELS
from bleio.radio.air.privacy import ResolvingList
from bleio.radio.air.radio import Radio
from bleio.radio.connection import data_length
from bleio.radio.connection.arbitration import RadioTime
from bleio.radio.connection.end import LinkEnd
from bleio.radio.controller import dispatch, events
from bleio.radio.controller.dispatch import require
from bleio.radio.controller.events import HostEvents
from bleio.radio.controller.notices import Notices
from bleio.radio.controller.reports import Reports

ACL_OCTETS = 251
ACL_BUFFERS = 12
MAX_LINKS = 32
FIRST_HANDLE = 0x0040
LAST_HANDLE = 0x0EFF
# Company 0xFFFF is nobody's; the index makes public addresses of one radio differ.
_PUBLIC_PREFIX = bytes.fromhex("00fff0")

_H4_COMMAND, _H4_ACL = 0x01, 0x02
_COMMAND_HEADER = struct.Struct("<BHB")
_ACL_HEADER = struct.Struct("<BHH")
_PB_START, _PB_CONTINUATION = 0b10, 0b01


class Controller:
    """One virtual controller on a radio.

    Args:
        radio: the world it lives in.
        send: takes every H4 packet to the host; it only queues, never calls back or raises.
        name: what captures call this controller.
    """

    def __init__(self, radio: Radio, send: Callable[[bytes], None], name: str = "") -> None:
        self.radio = radio
        self.station = radio.add_station(name)
        index = self.station.index
        self.public_address = DeviceAddress(index.to_bytes(3, "little") + _PUBLIC_PREFIX[::-1])
        self.dropped: Counter[str] = Counter()
        self.attached = True
        self._send = send
        self._congested = False
        self._after_reply: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        self._next_handle = FIRST_HANDLE
        self.links: dict[int, LinkEnd] = {}
        self.radio_time = RadioTime(self)
        self.events = HostEvents(self._to_host)
        self.resolving = ResolvingList(radio)
        self.reports = Reports(self)
        self.notices = Notices(self)
        self.scanner = Scanner(self)
        self.initiator = Initiator(self)
        self.advertisers: dict[int, Advertiser] = {}
        self.refuses_connections = False  # a fault to be made: requests stay unanswered
        self._set_defaults()

    def _set_defaults(self) -> None:
        self.random_address: DeviceAddress | None = None
        # None stands for all devices that advertise anonymously.
        self.accept_list: dict[DeviceAddress | None, None] = {}
        self.legacy_advertiser = Advertiser(self, None)
        self.default_tx = data_length.MINIMUM
        self.default_phys = (phy.ALL_PHYS, phy.ALL_PHYS)
        self.tx_power_dbm = 0
        self.channel_map = ALL_DATA_CHANNELS
        self.le_host = 0
        self.host_flow_control = False
        self.host_buffers = 0
        self.host_credits = 0
        self.acl_in_flight = 0

    # -- the host's side --

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
        answer = dispatch.execute(self, opcode, parameters, len(parameters) == length)
        if answer:
            self._to_host(answer)
        while self._after_reply:
            callback, args = self._after_reply.pop(0)
            callback(*args)

    def after_reply(self, callback: Callable[..., None], *args: object) -> None:
        """Do something as soon as the command now running has been answered."""
        self._after_reply.append((callback, args))

    def _receive_acl(self, packet: bytes) -> None:
        _, field, length = _ACL_HEADER.unpack_from(packet)
        payload = packet[_ACL_HEADER.size :]
        end = self.links.get(field & 0x0FFF)
        boundary = field >> 12
        if end is None:
            self.dropped["ACL data for an unknown handle"] += 1
        elif len(payload) != length or length > ACL_OCTETS or boundary > _PB_START:
            self.dropped["malformed ACL data"] += 1
        elif self.acl_in_flight >= ACL_BUFFERS:
            self.dropped["ACL data beyond the buffers"] += 1
            events.data_buffer_overflow(self.events)
        else:
            self.acl_in_flight += 1
            end.send_data(payload, boundary != _PB_CONTINUATION)

    def _to_host(self, packet: bytes) -> None:
        if self.attached:
            self._send(packet)

    @property
    def congested(self) -> bool:
        """Set by the driver while the host does not keep up with what it is sent.

        Advertising reports are then dropped and counted, and data stays with the peer, which its
        own flow control stops; nothing piles up here.
        """
        return self._congested

    @congested.setter
    def congested(self, value: bool) -> None:
        self._congested = value
        if not value:
            self.wake_links()

    @property
    def takes_data(self) -> bool:
        """Whether a data PDU from a peer can be passed on to the host now."""
        if self.host_flow_control and self.host_credits <= 0:
            return False
        return not self._congested

    def wake_links(self) -> None:
        """Peers may have data that waited for `takes_data`."""
        for end in list(self.links.values()):
            end.link.wake()

    def detach(self) -> None:
        """The host has gone: fall silent. Peers notice by their supervision time-out."""
        self.attached = False
        self._silence()
        self.radio.release_static_address(self.station)
        self.radio.medium.leave(self.station)

    def reset(self) -> None:
        """HCI_Reset: everything but the public address and a claimed static address goes."""
        self._silence()
        self._set_defaults()
        self.events.reset()
        self.resolving.reset()
        self.scanner = Scanner(self)

    def _silence(self) -> None:
        self.scanner.stop()
        self.initiator.stop()
        for advertiser in (self.legacy_advertiser, *self.advertisers.values()):
            advertiser.stop()
        self.advertisers.clear()
        self.accept_list.clear()
        links, self.links = self.links, {}
        for end in links.values():
            end.link.vanish(end)

    # -- addresses --

    def own_address(
        self, kind: int, random: DeviceAddress | None, peer: DeviceAddress | None = None
    ) -> DeviceAddress:
        """The address an own address type stands for. Spec: Vol 4, Part E, 7.8.5.

        Args: random: the random address the host has set. peer: whom we talk to.
        Raises: CommandError when the random address is to be used and none was set.
        """
        if kind >= 2:
            private = self.resolving.local_address(peer)
            if private is not None:
                return private
        if kind & 1 == 0:
            return self.public_address
        require(random is not None)
        assert random is not None
        return random

    # -- links --

    def has_room_for_link(self) -> bool:
        """Whether another link fits."""
        return len(self.links) < MAX_LINKS

    def new_conn_handle(self) -> int:
        """A connection handle that was not used lately."""
        while self._next_handle in self.links:
            self._advance_handle()
        handle = self._next_handle
        self._advance_handle()
        return handle

    def _advance_handle(self) -> None:
        self._next_handle += 1
        if self._next_handle > LAST_HANDLE:
            self._next_handle = FIRST_HANDLE

    def link_to(self, own: DeviceAddress, peer_on_air: DeviceAddress) -> LinkEnd | None:
        """The link between two addresses, if there is one."""
        for end in self.links.values():
            if end.own == own and end.peer_on_air == peer_on_air:
                return end
        return None

    def packet_completed(self, end: LinkEnd) -> None:
        """The peer has all of an HCI packet."""
        if end.handle in self.links:
            self.acl_in_flight -= 1
            events.completed_packets(self.events, end.handle, 1)

    def data_received(self, end: LinkEnd, payload: bytes, start: bool) -> None:
        """A data PDU for the host."""
        if self.host_flow_control:
            self.host_credits -= 1
            end.at_host += 1
        boundary = _PB_START if start else _PB_CONTINUATION
        self._to_host(
            _ACL_HEADER.pack(_H4_ACL, end.handle | boundary << 12, len(payload)) + payload
        )

    def host_is_done(self, handle: int, count: int) -> None:
        """The host has room for so many data packets of a link again."""
        end = self.links.get(handle)
        if end is not None:
            count = min(count, end.at_host)
            end.at_host -= count
            self.host_credits += count
            self.wake_links()

    def forget_link(self, end: LinkEnd) -> bool:
        """A link has ended; what it held of the buffers is free. Returns: whether it was known."""
        if self.links.pop(end.handle, None) is None:
            return False
        self.acl_in_flight -= end.in_flight
        self.host_credits += end.at_host
        return True
