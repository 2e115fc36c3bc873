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
from bleio.core.codes import HciErrorCode
from bleio.radio import link_control, phy
from bleio.radio.advertiser import Advertiser
from bleio.radio.air import Radio
from bleio.radio.controller import dispatch, events
from bleio.radio.controller.dispatch import require
from bleio.radio.controller.events import Event, HostEvents, LeEvent
from bleio.radio.controller.reports import Reports
from bleio.radio.initiator import Initiator
from bleio.radio.link import ALL_DATA_CHANNELS, MIN_OCTETS, LinkEnd
from bleio.radio.privacy import Peer, ResolvingList
from bleio.radio.scanner import Scanner

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
_REMOTE_VERSION = struct.Struct("<BH5s")
_PB_START, _PB_CONTINUATION = 0b10, 0b01


class Controller:
    """One virtual controller on a radio.

    Args:
        radio: the world it lives in.
        send: takes every H4 packet to the host; it is to queue it, not to call back.
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
        self.events = HostEvents(self._to_host)
        self.resolving = ResolvingList(radio)
        self.reports = Reports(self)
        self.scanner = Scanner(self)
        self.initiator = Initiator(self)
        self.advertisers: dict[int, Advertiser] = {}
        self._set_defaults()

    def _set_defaults(self) -> None:
        self.random_address: DeviceAddress | None = None
        # None stands for all devices that advertise anonymously.
        self.accept_list: dict[DeviceAddress | None, None] = {}
        self.legacy_advertiser = Advertiser(self, None)
        self.default_tx_octets = MIN_OCTETS
        self.default_phys = (phy.ALL_PHYS, phy.ALL_PHYS)
        self.tx_power_dbm = 0
        self.rf_path_compensation = (0, 0)
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
        self, kind: int, peer: DeviceAddress | None = None, random: DeviceAddress | None = None
    ) -> DeviceAddress:
        """The address an own address type stands for. Spec: Vol 4, Part E, 7.8.5.

        Args: random: the random address to use, if not the controller's.
        Raises: CommandError when it is a random address and none was set.
        """
        if kind >= 2:
            private = self.resolving.local_address(peer)
            if private is not None:
                return private
        if kind & 1 == 0:
            return self.public_address
        address = random or self.random_address
        require(address is not None)
        assert address is not None
        return address

    # -- what the link layer reports --

    def scan_timed_out(self) -> None:
        """An extended scan's duration is over."""
        self.events.send_le(LeEvent.SCAN_TIMEOUT, b"")

    def scan_request_received(self, handle: int, scanner: DeviceAddress) -> None:
        """A scannable set with notifications was asked for its scan response."""
        peer = self.resolving.peer_of(scanner) or Peer(scanner, False)
        self.events.send_le(
            LeEvent.SCAN_REQUEST_RECEIVED,
            struct.pack("<BB6s", handle, peer.hci_type, peer.address.octets),
        )

    def advertising_set_terminated(
        self, handle: int, status: int, conn_handle: int, completed: int
    ) -> None:
        """A set is disabled, by a connection, its duration or its limit of events."""
        self.events.send_le(
            LeEvent.ADVERTISING_SET_TERMINATED,
            struct.pack("<BBHB", status, handle, conn_handle, min(completed, 0xFF)),
        )

    def directed_advertising_timed_out(self, peer: DeviceAddress) -> None:
        """High duty cycle directed advertising of the legacy commands found nobody."""
        self.connection_failed(HciErrorCode.ADVERTISING_TIMEOUT, 1, peer)

    def connection_failed(self, status: int, role: int, peer: DeviceAddress) -> None:
        """Connection Complete with an error, in the form the host has unmasked."""
        address = struct.pack("<BHBB6s", status, 0, role, int(peer.random), peer.octets)
        enhanced = address + bytes(12) + bytes(7)
        if not self.events.send_le(LeEvent.ENHANCED_CONNECTION_COMPLETE, enhanced):
            self.events.send_le(LeEvent.CONNECTION_COMPLETE, address + bytes(7))

    def link_opened(self, end: LinkEnd) -> None:
        """A connection was made."""
        self.links[end.handle] = end
        link, peer = end.link, end.peer
        timing = struct.pack(
            "<HHHB",
            link.interval_us // link_control.INTERVAL_UNIT_US,
            link.latency,
            link.timeout_us // link_control.TIMEOUT_UNIT_US,
            0,
        )
        head = struct.pack("<BHB", 0, end.handle, end.role)
        peer_rpa = end.peer_on_air.octets if peer.resolved else bytes(6)
        enhanced = struct.pack(
            "<B6s6s6s", peer.hci_type, peer.address.octets, end.local_rpa, peer_rpa
        )
        if not self.events.send_le(LeEvent.ENHANCED_CONNECTION_COMPLETE, head + enhanced + timing):
            plain = struct.pack("<B6s", int(peer.address.random), peer.address.octets)
            self.events.send_le(LeEvent.CONNECTION_COMPLETE, head + plain + timing)

    def announce_channel_selection(self, end: LinkEnd) -> None:
        """The channel selection algorithm of a new link: always #1."""
        self.events.send_le(LeEvent.CHANNEL_SELECTION_ALGORITHM, struct.pack("<HB", end.handle, 0))

    def link_closed(self, end: LinkEnd, reason: int) -> None:
        """A connection has ended; its credits are free."""
        if self.links.pop(end.handle, None) is None:
            return
        self.acl_in_flight -= end.in_flight
        events.disconnection_complete(self.events, end.handle, reason)

    def packet_completed(self, end: LinkEnd) -> None:
        """The peer has all of an HCI packet."""
        if end.handle in self.links:
            self.acl_in_flight -= 1
            events.completed_packets(self.events, end.handle, 1)

    def data_received(self, handle: int, payload: bytes, start: bool) -> None:
        """A data PDU for the host."""
        if self.host_flow_control:
            self.host_credits -= 1
        boundary = _PB_START if start else _PB_CONTINUATION
        self._to_host(_ACL_HEADER.pack(_H4_ACL, handle | boundary << 12, len(payload)) + payload)

    def remote_version(self, end: LinkEnd, version: bytes) -> None:
        """Read Remote Version Information has its answer."""
        self.events.send(
            Event.READ_REMOTE_VERSION_COMPLETE, _REMOTE_VERSION, 0, end.handle, version
        )

    def remote_features(self, end: LinkEnd, features: int) -> None:
        """LE Read Remote Features has its answer."""
        self.events.send_le(
            LeEvent.READ_REMOTE_FEATURES_COMPLETE, struct.pack("<BHQ", 0, end.handle, features)
        )

    def data_length_changed(self, end: LinkEnd) -> None:
        """Payload limits have changed."""
        tx, rx = end.tx_octets, end.rx_octets
        limit = link_control.air_time_limit_us
        self.events.send_le(
            LeEvent.DATA_LENGTH_CHANGE,
            struct.pack("<HHHHH", end.handle, tx, limit(tx), rx, limit(rx)),
        )

    def phy_updated(self, end: LinkEnd) -> None:
        """A PHY procedure has ended."""
        self.events.send_le(
            LeEvent.PHY_UPDATE_COMPLETE,
            struct.pack("<BHBB", 0, end.handle, end.tx_phy, end.other.tx_phy),
        )

    def parameters_updated(self, end: LinkEnd, status: int) -> None:
        """A connection update has ended."""
        link = end.link
        self.events.send_le(
            LeEvent.CONNECTION_UPDATE_COMPLETE,
            struct.pack(
                "<BHHHH",
                status,
                end.handle,
                link.interval_us // link_control.INTERVAL_UNIT_US,
                link.latency,
                link.timeout_us // link_control.TIMEOUT_UNIT_US,
            ),
        )

    def parameters_requested(self, end: LinkEnd, wanted: tuple[int, int, int, int]) -> bool:
        """The peer asks for other parameters. Returns: whether the host decides."""
        return self.events.send_le(
            LeEvent.REMOTE_CONNECTION_PARAMETER_REQUEST,
            struct.pack("<HHHHH", end.handle, *wanted),
        )

    def key_requested(self, end: LinkEnd, rand: bytes, ediv: int) -> bool:
        """The central wants encryption. Returns: whether the host looks for the key."""
        return self.events.send_le(
            LeEvent.LONG_TERM_KEY_REQUEST, struct.pack("<H8sH", end.handle, rand, ediv)
        )

    def encryption_started(self, end: LinkEnd, refreshed: bool) -> None:
        """The link is encrypted, or encrypted with a new key."""
        if refreshed:
            events.encryption_refresh(self.events, end.handle, HciErrorCode.SUCCESS)
        else:
            events.encryption_change(self.events, end.handle, HciErrorCode.SUCCESS, True)

    def encryption_refused(self, end: LinkEnd, reason: int) -> None:
        """The peer has no key."""
        events.encryption_change(self.events, end.handle, reason, False)

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
