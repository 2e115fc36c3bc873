"""What differs from one operating system to another, and what each has to say of itself.

bleak is the same everywhere for a central, apart from a few arguments; the peripheral role is not.
So a `System` says what it can do, adds its arguments to bleak's, and may have a `Peripheral`. An
ESPHome proxy is a System as well: to bleak it is one more platform.

Threads. All of this runs on the engine thread, in the one asyncio loop to which bleak is bound.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bleio.backends.base import (
    AdvertisingParameters,
    Events,
    Link,
    PairingAgent,
    ScanParameters,
    Subscriber,
)
from bleio.backends.capabilities import Capabilities
from bleio.core.address import DeviceAddress
from bleio.core.pairing import SecuritySettings
from bleio.core.security import LinkSecurity
from bleio.errors import ControllerLost
from bleio.gatt.model import LocalCharacteristic
from bleio.gatt.server import LocalServer


class SystemOwner(Protocol):
    """What a system tells its backend, and asks of it; see `OsBackend`."""

    events: Events
    server: LocalServer
    agent: PairingAgent | None
    settings: SecuritySettings

    def is_ours(self, peer: DeviceAddress) -> bool:
        """Whether a link to that peer is one that we asked for, or are asking for."""

    def link_to(self, peer: DeviceAddress) -> Link | None:
        """Return the live link to a peer, None if there is none."""

    def peer_connected(self, peer: DeviceAddress) -> None:
        """A peer has connected to us: there is an incoming link from now on."""

    def peer_gone(self, peer: DeviceAddress, reason: int = 0) -> None:
        """The system says that it has no link to that peer any more. Idempotent."""

    def lost(self, error: ControllerLost) -> None:
        """The system's Bluetooth is gone. Idempotent."""


class Scans(Protocol):
    """What scans: one scan at a time; what it hears goes to `Events.reported`."""

    async def start(self, parameters: ScanParameters) -> None: ...

    async def stop(self) -> None:
        """End the scan; does nothing when idle. Nothing is reported after it has returned."""

    def heard(self, peer: DeviceAddress) -> Any | None:
        """Return the device object of bleak's that a scan has found a peer by, the newest; None if
        none has, or if an address is all that bleak needs here. Their number is bounded."""

    def counters(self) -> Mapping[str, int]:
        """See `Backend.counters`."""


class Tables(Protocol):
    """What peers have, where bleak differs or has nothing.

    `client` is a connected BleakClient. `links.plain` has what bleak does by itself.
    """

    chooses: bool  # bleak's start_notify takes force_indicate
    echoes: bool  # what is read of a value that was subscribed to comes as if it were sent, too
    hears_changes: bool  # a program can subscribe to Service Changed beside the system
    declared: int  # to add to a characteristic's handle as bleak has it, for its value's

    async def services(self, client: Any) -> Any:
        """Return bleak's collection of a peer's services as the system has them now."""

    async def mark(self, client: Any) -> bytes:
        """Return what tells the table that the system has of a peer from a later one; nothing if
        there is no such thing."""

    async def settled(self, client: Any, known: Any, changes: Any) -> bool:
        """Wait, within seconds, until changes of the peer's table that it has told can be seen.

        Args: `known`: bleak's collection of the services as they were. `changes`: the link's
            `links.changes.Changes`, of which none is pending afterwards.
        Returns: whether there was any.
        """

    def is_valid(self, value: Any) -> bool:
        """Whether bleak's characteristic or descriptor is still what it was when it was found."""

    async def mtu(self, client: Any) -> int:
        """Return the ATT_MTU."""


class Peers(Protocol):
    """How links to peers are made, ended and secured, where bleak differs or has nothing.

    `client` is a BleakClient, `device` the object that one is made with. All of it is called for
    links of both roles. `links.plain` has what bleak does by itself.
    """

    tells_ends: bool  # the system tells `SystemOwner.peer_gone` of every link, bleak or not
    tables: Tables

    async def open(self) -> None:
        """Begin, once the system is open."""

    async def close(self) -> None:
        """End, before the system is closed. Idempotent, bounded."""

    async def reach(self, peer: DeviceAddress) -> Any:
        """Return the device object by which bleak can connect now; may take for ever.

        On some systems the link is up then. Cancelled or failed, it takes back what it began.
        Raises: InnerError, what bleak raises.
        """

    def found_connected(self, peer: DeviceAddress) -> bool:
        """Whether the link was there when `reach` began, so that others may be using it."""

    async def let_go(self, peer: DeviceAddress, client: Any) -> None:
        """Stop using a link that was found connected, and leave it to others. Bounded."""

    async def give_up(self, peer: DeviceAddress) -> None:
        """End what a `reach` that succeeded has made, as no client came of it. Bounded."""

    def security(self, peer: DeviceAddress) -> LinkSecurity:
        """Return what the system says of the link's security when it changes."""

    def security_now(self, peer: DeviceAddress, told: LinkSecurity) -> LinkSecurity:
        """Return what holds at this moment of what `security` or `pair` has told, no more.

        Any thread may ask.
        """

    async def pair(self, peer: DeviceAddress, client: Any | None) -> LinkSecurity:
        """Pair, or encrypt with the keys there are. Returns: what the link's security is then.

        Raises: PairingFailed, KeysLost, BleakError.
        """

    def agent_changed(self) -> None:
        """The owner's agent is another one, or None, from now on."""


class Peripheral(ABC):
    """The peripheral role of a system, between `open` and `close` of its backend."""

    @abstractmethod
    async def open(self) -> None:
        """Publish the owner's server from now on, with every change. Raises: ControllerLost."""

    @abstractmethod
    async def close(self) -> None:
        """Take all back. Idempotent, bounded."""

    @abstractmethod
    async def start_advertising(self, parameters: AdvertisingParameters) -> None:
        """See `Backend.start_advertising`."""

    @abstractmethod
    async def stop_advertising(self) -> None:
        """See `Backend.stop_advertising`."""

    @property
    @abstractmethod
    def subscribers(self) -> Sequence[Subscriber]:
        """See `Backend.subscribers`."""

    # Only called with `Capability.SUBSCRIBERS`

    def subscription(
        self, link: Subscriber, characteristic: LocalCharacteristic
    ) -> tuple[bool, bool]:
        """See `Subscriber.subscription`."""
        raise NotImplementedError

    async def notify(
        self, link: Subscriber, characteristic: LocalCharacteristic, value: bytes
    ) -> None:
        """See `Subscriber.notify`."""
        raise NotImplementedError

    async def indicate(
        self, link: Subscriber, characteristic: LocalCharacteristic, value: bytes
    ) -> None:
        """See `Subscriber.indicate`."""
        raise NotImplementedError

    @abstractmethod
    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        """See `Backend.publish`."""


class System(ABC):
    """One platform's Bluetooth."""

    name: str  # what messages call the adapter: an adapter string, such as `os:hci0`
    platform: str  # what sentences about limits call it, such as `macOS` or `BlueZ 5.66`
    capabilities: Capabilities
    peripheral: Peripheral | None = None  # after open, where there is that role
    finds_by_scan: bool = False  # bleak may have to find a peer before it can connect
    needs_scan: bool = False  # it always has to; an address is not enough
    chooses_indications: bool = False  # bleak's start_notify takes force_indicate

    @abstractmethod
    async def open(self, owner: SystemOwner) -> DeviceAddress:
        """Get at the system's Bluetooth; return its own address, all zero where it has none.

        Raises: ControllerLost with a sentence: what was tried, what is wrong, what to do.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of it. Idempotent, bounded."""

    def own_scanner(self, owner: SystemOwner) -> Scans | None:
        """Return what scans here in place of bleak's scanner; None where that does."""
        return None

    def own_peers(self, owner: SystemOwner) -> Peers | None:
        """Return how peers are reached here if not as bleak does it by itself."""
        return None

    def scanner_arguments(self) -> Mapping[str, Any]:
        """Return what bleak's scanner wants to know here beside what is the same everywhere.

        The class is named, since programs may have bleak choose another one: `bleak_choice`.
        """
        from bleak.backends.scanner import get_platform_scanner_backend_type

        return {"backend": get_platform_scanner_backend_type()[0]}

    def client_arguments(self) -> Mapping[str, Any]:
        """Return what bleak's client wants to know here beside what is the same everywhere."""
        from bleak.backends.client import get_platform_client_backend_type

        return {"backend": get_platform_client_backend_type()[0]}

    async def erase_bonds(self, peer: DeviceAddress | None = None) -> None:
        """Forget all peers, or one; only called with `Capability.ERASABLE_BONDS`."""
        raise NotImplementedError

    def counters(self) -> Mapping[str, int]:
        """See `Backend.counters`."""
        return {}
