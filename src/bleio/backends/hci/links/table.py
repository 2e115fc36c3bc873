"""All links of a controller: how they come up, change and go (Vol 4, Part E, 7.7.65).

Events name links by connection handles, which a controller uses again as soon as a link is gone. So
handles are looked up here and nowhere else, and an event for a handle without a link is counted and
dropped: it is of a link that has been closed on our side already, or of none. Data without a link
is held for a moment, for its event may be behind it (`early`), unless it is of a link that has just
ended (`closing`).

One event tells of every new link, from whichever side. Its role says which: as peripheral it ends
our advertising, as central it is what a connect waits for. A link that no connect waits for any
more (the program cancelled it, and the controller was faster) is ended at once. The order in
`_open` is part of the contract: the engine hears that advertising has ended, then of the link, and
only then does `connect` return with it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from bleio.backends.base import Events
from bleio.backends.hci.bonds.store import LOOK_S
from bleio.backends.hci.controller.bringup import ControllerFacts
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.gap.advertising import AdvertisingControl
from bleio.backends.hci.gap.initiating import InitiationControl
from bleio.backends.hci.gap.resolving import Resolver
from bleio.backends.hci.links.acl import AclQueue
from bleio.backends.hci.links.closing import ClosingLinks
from bleio.backends.hci.links.early import EarlyData
from bleio.backends.hci.own_device import OwnDevice
from bleio.backends.hci.security.manager import SecurityManager
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.core.hci import Event, LeEvent
from bleio.errors import LinkLost
from bleio.gatt.table import AttributeTable

if TYPE_CHECKING:
    from bleio.backends.hci.links.link import Established, HciLink

# status, handle, role, peer address type, peer address (6); then in the enhanced forms the
# resolvable addresses that the controller made and resolved; then interval, latency, supervision
_COMPLETE_HEAD = Struct("<BHBB6s")
_RESOLVABLE = Struct("<6s6s")  # local, peer; zeros if there is none
_COMPLETE_TAIL = Struct("<HHH")
_NONE = bytes(6)
_DISCONNECTION = Struct("<BHB")  # status, handle, reason
_UPDATE = Struct("<BHHHH")  # status, handle, interval, latency, supervision
_REQUEST = Struct("<HHHHH")  # handle, interval min, max, latency, supervision
_U16 = Struct("<H")
_COMPLETED = Struct("<HH")  # handle, packets

_CENTRAL = 0x00
_MAX_HANDLE = 0x0EFF  # Spec: Vol 4, Part E, 7.7.65.1
_MAX_DATA_OCTETS, _MAX_DATA_US = 251, 2120
_PHY_2M = 0x02


class Roles(NamedTuple):
    """The parts of GAP that wait for links, or know peers by their addresses.

    `closing`: what is left of links that have ended, which ends where those let new ones come.
    """

    advertiser: AdvertisingControl
    initiator: InitiationControl[HciLink]
    resolver: Resolver
    closing: ClosingLinks

    @property
    def link_may_come(self) -> bool:
        """Whether the controller may be making a link."""
        return self.advertiser.link_may_come or self.initiator.on_air


class LinkTable:
    """Links by connection handle, from Connection Complete to Disconnection Complete.

    What all links share is here too, for them to use: the layer, the send queue, the attribute
    table, the security manager, and `spawn`.
    """

    def __init__(
        self,
        layer: HciLayer,
        facts: ControllerFacts,
        attributes: AttributeTable,
        security: SecurityManager,
        roles: Roles,
        own: OwnDevice,
        events: Events,
        spawn: Callable[[Coroutine[Any, Any, Any]], object],
    ) -> None:
        self.layer = layer
        self.attributes = attributes
        self.security = security
        self.own = own
        self.spawn = spawn
        self.acl = AclQueue(
            layer.send, facts.acl_octets, facts.acl_packets, self._useless, layer.counters
        )
        self.links: dict[int, HciLink] = {}
        self._early = EarlyData(layer.counters)
        self._closing = roles.closing
        self._facts = facts
        self._roles = roles
        self._events = events
        layer.on_acl(self._acl_received)
        layer.on_event(Event.DISCONNECTION_COMPLETE, self._disconnected)
        layer.on_event(Event.NUMBER_OF_COMPLETED_PACKETS, self._completed_packets)
        layer.on_event(LeEvent.CONNECTION_COMPLETE, self._connection_complete)
        layer.on_event(LeEvent.ENHANCED_CONNECTION_COMPLETE, self._connected)
        layer.on_event(LeEvent.ENHANCED_CONNECTION_COMPLETE_V2, self._connected)
        layer.on_event(LeEvent.CONNECTION_UPDATE_COMPLETE, self._updated)
        layer.on_event(LeEvent.REMOTE_CONNECTION_PARAMETER_REQUEST, self._parameters_requested)

    def ending(self, link: HciLink) -> None:
        """A link is about to be ended."""
        self._closing.ending(link.conn_handle, link.peer)

    def close_link(self, link: HciLink, reason: int) -> None:
        """A link is gone: fail what waits, tell its listeners, then the engine."""
        if self.links.get(link.conn_handle) is link:
            del self.links[link.conn_handle]
            self.acl.remove(link.conn_handle, LinkLost(reason))
            # Paired by now, perhaps: then its last address is the one to find it by.
            self._roles.resolver.heard(link.peer, link.peer_on_air)
            self._closing.add(link.conn_handle, link.closed(reason))
            if self._roles.link_may_come:
                self._closing.new_may_come()
            self._events.link_closed(link)

    def close_all(self, reason: int = 0) -> None:
        """The controller is gone, and all links with it."""
        for link in tuple(self.links.values()):
            self.close_link(link, reason)
        self._closing.close()
        self._early.close()

    def _connection_complete(self, event: bytes) -> None:
        """Take the form without the resolvable addresses, which controllers before 4.2 send."""
        self._connected(event, enhanced=False)

    def _connected(self, event: bytes, enhanced: bool = True) -> None:
        status, conn_handle, *_ = _COMPLETE_HEAD.unpack_from(event)
        if status != HciErrorCode.SUCCESS:
            # The role in a failure is not to be relied on; only this status is of advertising.
            if status == HciErrorCode.ADVERTISING_TIMEOUT:
                self._roles.advertiser.directed_timed_out()
            else:
                self._roles.initiator.failed(status)
            return
        if conn_handle > _MAX_HANDLE:
            # In packets of data it would be another one, whose buffers were never free again.
            self.layer.counters.malformed += 1
            return
        # The peer may be bonded by another process, since we last looked.
        came_up = partial(self._came_up, event, enhanced)
        self.layer.pause_for(self.security.shared.bonds.look, LOOK_S, came_up)

    def _came_up(self, event: bytes, enhanced: bool) -> None:
        _, conn_handle, role, address_type, octets = _COMPLETE_HEAD.unpack_from(event)
        central = role == _CENTRAL
        tail = _COMPLETE_HEAD.size + (_RESOLVABLE.size if enhanced else 0)
        timing = _COMPLETE_TAIL.unpack_from(event, tail)
        if conn_handle in self.links:
            # The controller has lost the end of the former link, or never told it.
            self.layer.counters.malformed += 1
            self.close_link(self.links[conn_handle], 0)
        self._closing.finish(conn_handle)
        if central and not self._roles.initiator.wanted:
            peer = DeviceAddress(octets, bool(address_type & 1))
            self._discard(conn_handle, self._roles.resolver.identity_of(peer))
            return
        # What this link was made with: pairing is computed from the addresses on the air.
        own = self._roles.initiator.own_address if central else self._roles.advertiser.own_address
        resolvable = _NONE, _NONE
        if enhanced:
            resolvable = _RESOLVABLE.unpack_from(event, _COMPLETE_HEAD.size)
        if resolvable[0] != _NONE:  # made by the controller, of its resolving list
            own = DeviceAddress(resolvable[0], random=True)
        peer, on_air = self._identify(address_type, octets, resolvable[1])
        from bleio.backends.hci.links.link import Established  # see `load`

        self._open(Established(conn_handle, central, peer, on_air, own, *timing))

    def _identify(
        self, address_type: int, octets: bytes, resolvable: bytes
    ) -> tuple[DeviceAddress, DeviceAddress]:
        """Return the peer's identity, as far as it is known, and its address on the air.

        Types 2 and 3 are identities that the controller resolved.
        """
        on_air = DeviceAddress(octets, bool(address_type & 1))
        if address_type < 2 or resolvable == _NONE:
            peer = self._roles.resolver.identity_of(on_air)
        else:
            peer, on_air = on_air, DeviceAddress(resolvable, random=True)
        self._roles.resolver.heard(peer, on_air)
        return peer, on_air

    def _open(self, established: Established) -> None:
        if not established.is_central and self._roles.advertiser.link_came_up():
            self._events.advertising_ended()
        from bleio.backends.hci.links.link import HciLink

        link = HciLink(self, established, self.acl.add(established.conn_handle))
        self.links[established.conn_handle] = link
        link.opened()
        self._events.link_opened(link)
        if established.is_central:
            self._roles.initiator.link_came_up(link)
        # Once its owner knows it: what the peer asks for may reach the program.
        for continues, fragment in self._early.claim(established.conn_handle):
            self.layer.shielded(link.received, continues, fragment)
        # Not awaited: a peer may take its time over this, and the link can be used meanwhile.
        self.spawn(self._tune(link))

    def _discard(self, conn_handle: int, peer: DeviceAddress) -> None:
        """End a link that nobody waits for any more. It is in no table, so nothing hears of it."""
        self._closing.ending(conn_handle, peer)
        self._early.drop(conn_handle)
        parameters = _U16.pack(conn_handle) + bytes((HciErrorCode.REMOTE_USER_TERMINATED,))
        self.spawn(self.layer.request(Opcode.DISCONNECT, parameters))
        self._roles.initiator.failed(HciErrorCode.UNKNOWN_CONNECTION_IDENTIFIER)

    async def _tune(self, link: HciLink) -> None:
        """Ask for long packets and, as central, the 2M PHY; each is a wish."""
        handle = _U16.pack(link.conn_handle)
        requests = []
        if self._facts.long_packets:
            lengths = _U16.pack(_MAX_DATA_OCTETS) + _U16.pack(_MAX_DATA_US)
            requests.append((Opcode.LE_SET_DATA_LENGTH, handle + lengths))
        if link.is_central and self._facts.phy_2m:
            phys = bytes((0, _PHY_2M, _PHY_2M)) + bytes(2)
            requests.append((Opcode.LE_SET_PHY, handle + phys))
        for opcode, parameters in requests:
            if link.connected:
                await self.layer.wish(opcode, parameters, for_peer=True)

    def _disconnected(self, event: bytes) -> None:
        status, conn_handle, reason = _DISCONNECTION.unpack_from(event)
        link = self.links.get(conn_handle)
        if link is None:
            self.layer.counters.unknown_handles += 1
        if status != HciErrorCode.SUCCESS:
            return
        self._early.drop(conn_handle)
        if link is not None:
            self.close_link(link, reason)
        else:
            self._closing.add(conn_handle, None)

    def _updated(self, event: bytes) -> None:
        status, conn_handle, interval, latency, supervision = _UPDATE.unpack_from(event)
        link = self.links.get(conn_handle)
        if link is None:
            self.layer.counters.unknown_handles += 1
        elif status == HciErrorCode.SUCCESS:
            link.parameters.now_in_force(interval, latency, supervision)
        else:
            link.parameters.change_ended()

    def _parameters_requested(self, event: bytes) -> None:
        """Accept what the peer asks for by the link layer's procedure.

        Refusing would make it ask again by signaling, where a central accepts what is plausible.
        """
        conn_handle, *_ = _REQUEST.unpack_from(event)
        if conn_handle not in self.links:
            self.layer.counters.unknown_handles += 1
            return
        parameters = event[2 : _REQUEST.size] + bytes(4)
        opcode = Opcode.LE_REMOTE_CONNECTION_PARAMETER_REQUEST_REPLY
        self.layer.reply(opcode, conn_handle, parameters, is_wish=True)

    def _acl_received(self, conn_handle: int, continues: bool, fragment: bytes) -> None:
        link = self.links.get(conn_handle)
        if link is not None:
            link.received(continues, fragment)
        elif not self._closing.received(conn_handle, continues, fragment):
            self._early.hold(conn_handle, continues, fragment)

    def _completed_packets(self, event: bytes) -> None:
        """Take handle and count pairs, as controllers send them: interleaved."""
        for position in range(1, 1 + 4 * (event[0] if event else 0), 4):
            conn_handle, count = _COMPLETED.unpack_from(event, position)
            self.acl.completed(conn_handle, count)

    def _useless(self, conn_handle: int) -> None:
        """The peer makes us answer without taking the answers, or takes nothing: the link ends."""
        link = self.links.get(conn_handle)
        if link is not None and link.connected:
            self.spawn(link.disconnect())


def load() -> None:
    """Load what links are made of, and the cryptography of pairing.

    That is half of what an adapter is made of, and takes its time, so adapters of real time do it
    as they open, in a thread. Many devices of worlds have no link, and most never pair.
    """
    import bleio.backends.hci.links.link  # noqa: F401
    from bleio.backends.hci.security.smp.pairing import phase_2

    phase_2()
