"""The contract between the engine and a backend.

A backend turns the engine's wishes into Bluetooth. `hci` does so through a controller, real or
simulated; one on an operating system's Bluetooth calls that system. They differ more than they
look: the first is told in handles and octets and decides everything itself, the second is given
objects and fields and decides little. So the contract names things by what both have, and it says
where they part. The obvious contract, HCI's with the missing parts left empty, would have every
other backend invent handles, keep CCCDs that it never sees, and stay silent about what it ignores.

Names. Values of a peer are the records that `discover` returned, values of ours the records of the
published model (`gatt.server`), which a backend serves as it likes. Handles in those records are
0 without `Capability.HANDLES`. Advertising data is octets; a backend that has fields takes them
apart and refuses what it cannot say exactly (`core.advertising_fields`).

Subscriptions. A CCCD is one backend's business: `Link.subscribe` asks for values, however that is
done, and `Backend.publish` tells a value to all that asked. Some systems tell their clients apart,
others only say that some client has subscribed. There, listeners of a local characteristic hear
of one `Subscriber` that stands for all clients: when the first subscribes and the last stops, for
every write, and at the end of the last link. What a program's PacketBuffer adopts as its peer is
such a Subscriber, so on those systems all clients together are its peer: each gets every packet,
and packets of several clients come mixed.

Threads. All of this runs on the engine thread, inside its asyncio loop. Coroutines may wait for the
air, plain methods must not. Attributes and what says "any thread" can be read from any. A backend
is made by another thread, without a loop, for that loads modules and asks the system; what waits
for a disk later on is given to a thread too (`asyncio.to_thread`). `backends/os` makes one call
that can wait in the kernel: `bluez.kernel_links` says which, and why.

Order. `link_opened` comes before `connect` returns; `advertising_ended` before the `link_opened`
that ended it; `link_closed` after every listener of that link was told; `lost` after all that.
Cancelling a call takes back what it began, and leaves the link usable.

Errors. Methods raise the inner errors of `bleio.errors`: AttError, ProtocolViolation,
TransactionTimeout, PairingFailed and KeysLost for what a peer does, CallerError and
InvalidParameter for what the program asked, ConnectTimeout, ControllerError. A lost link fails
every call that waits on it with LinkLost, a lost controller everything with ControllerLost.

Limits. What a backend cannot do it does not claim in `capabilities`, and the session refuses it
before it calls (`runtime.needs`). Called all the same, it raises NotImplementedError; it never does
less than it was asked for without a word. That goes for each field of SecuritySettings and each
permission of a local value, too: a `Publisher` that cannot keep one refuses to publish the value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from bleio.att.codec import VALUE_HEADER_OCTETS
from bleio.backends.capabilities import Capabilities
from bleio.core.address import DeviceAddress
from bleio.core.pairing import IoCapability, PairingQuestion, SecuritySettings
from bleio.core.security import LinkSecurity
from bleio.errors import CallerError
from bleio.gatt.model import (
    LocalCharacteristic,
    RemoteCharacteristic,
    RemoteListener,
    RemoteService,
    RemoteValue,
)
from bleio.gatt.server import LocalServer

Function = TypeVar("Function", bound=Callable[..., Any])


class AdvertisingParameters(NamedTuple):
    """One call of start_advertising, checked. The engine ends it after its timeout, not we."""

    data: bytes
    scan_response: bytes = b""
    connectable: bool = True
    anonymous: bool = False
    interval_us: int = 100_000
    tx_power_dbm: int = 0
    directed_to: DeviceAddress | None = None
    high_duty_cycle: bool = False


class ScanParameters(NamedTuple):
    """One call of start_scan, checked. Filters, buffers and the timeout are the engine's."""

    interval_us: int = 100_000
    window_us: int = 100_000
    active: bool = True
    extended: bool = False


class Report(NamedTuple):
    """One advertising packet or scan response, as received. Data plane: no cheaper form exists.

    `data`: without `Capability.RAW_ADVERTISING` it is built from fields, and may hold what came in
    several packets of the same device.
    """

    address: DeviceAddress
    data: bytes
    rssi_dbm: int
    connectable: bool
    scan_response: bool


class Events(Protocol):
    """What a backend tells the engine; called on the engine thread, must not block or raise."""

    def reported(self, report: Report) -> None:
        """A packet was received while scanning."""

    def advertising_ended(self) -> None:
        """Advertising stopped by itself: a link came up from it, or the controller ended it."""

    def link_opened(self, link: Link) -> None:
        """A peer connected to us, or our connect succeeded (before `connect` returns)."""

    def link_closed(self, link: Link) -> None:
        """A link is gone for good."""

    def lost(self, error: Exception) -> None:
        """The controller is gone; links were reported closed before. Only `close` may follow."""


@dataclass(frozen=True, slots=True)
class OobData:
    """Out-of-band data of one device; key material, hence not in the repr.

    Spec: Vol 3, Part H, 2.3.5.6.4 and 2.3.5.4.

    Attributes:
        confirm, random: of LE Secure Connections, 16 octets each, little-endian.
        temporary_key: of LE legacy pairing, 16 octets.
    """

    confirm: bytes = field(default=b"", repr=False)
    random: bytes = field(default=b"", repr=False)
    temporary_key: bytes = field(default=b"", repr=False)


class PairingAgent(Protocol):
    """What is asked during pairing; on the engine thread, the answers come from elsewhere.

    An answer that is cancelled is no longer wanted: the pairing has ended. One that raises
    PairingFailed refuses the pairing.
    """

    @property
    def io_capability(self) -> IoCapability: ...

    @property
    def has_oob(self) -> bool:
        """Whether out-of-band data of peers may be asked for."""

    async def accept(self, request: PairingQuestion) -> bool:
        """Whether to pair at all; asked once the method is known, whatever it is."""

    async def display_passkey(self, request: PairingQuestion, passkey: int) -> None:
        """Show six digits, 0 to 999999, which the peer's user types."""

    async def enter_passkey(self, request: PairingQuestion) -> int | None:
        """Ask for the six digits that the peer shows; None refuses."""

    async def compare(self, request: PairingQuestion, number: int) -> bool:
        """Ask whether the peer shows the same six digits."""

    async def peer_oob(self, peer: DeviceAddress) -> OobData | None:
        """Return what was received of the peer out of band; None if nothing was."""

    def ended(self, request: PairingQuestion, reason: str | None) -> None:
        """A pairing is over: `reason` None if it succeeded. Must not block."""

    def bond_used(self, peer: DeviceAddress, authenticated: bool) -> None:
        """A link is encrypted with the keys of a bond, so nobody is asked. Must not block.

        Args: authenticated: whether the peer was, when the bond was made.
        """


def light(function: Function) -> Function:
    """Mark a coroutine function that waits for slots alone (`slots`), so that it needs no task."""
    function.is_light = True  # type: ignore[attr-defined]
    return function


def is_light(function: Callable[..., Any]) -> bool:
    """Whether a coroutine function was marked."""
    return getattr(function, "is_light", False)


class Room(Protocol):
    """Room to send."""

    @property
    def packets(self) -> int:
        """How many may be sent now without waiting."""


class Subscriber(ABC):
    """A client of our server, as listeners of local characteristics are told of it.

    It is the client's `Link`. Without `Capability.SUBSCRIBERS` it is one object that stands for all
    clients together, whose `max_value_octets` is the least of theirs, and a link's own methods of
    this class raise NotImplementedError. Attributes are live and may be read from any thread.
    """

    connected: bool
    room: Room | None = None  # for notifications and writes without response, where that is known

    @property
    @abstractmethod
    def max_value_octets(self) -> int:
        """How much one notification or write without response holds: ATT_MTU - 3 octets."""

    @abstractmethod
    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        """Return this client's CCCD of ours as (notify, indicate). Any thread."""

    @abstractmethod
    async def notify(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        """Send one notification cut at `max_value_octets`, subscribed or not; waits only for room
        to send, and behind what this client was to be told before. One that unsubscribes
        meanwhile is not told."""

    @abstractmethod
    async def indicate(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        """Send one indication cut at `max_value_octets` and wait for its confirmation."""


class Link(Subscriber):
    """One connection. Identity-hashed; attributes are live and may be read from any thread.

    Remote values are named by the records that `discover` returned. A record that is no longer
    valid, since the peer's table has changed, gives AttError with Invalid Handle.
    """

    peer: DeviceAddress
    is_central: bool
    security: LinkSecurity
    mtu: int  # ATT_MTU of the unenhanced bearer, octets
    interval_us: int  # 0 without Capability.CONNECTION_INTERVAL
    reason: int = 0  # the HCI error code of its end, 0 as long as it is up, or if nobody tells

    @property
    def max_value_octets(self) -> int:
        return self.mtu - VALUE_HEADER_OCTETS

    @abstractmethod
    async def discover(self, uuids: Sequence[bytes] | None) -> list[RemoteService]:
        """Find primary services with all they hold. None: all; else those of equal UUID value,
        sizes 16 and 128 expanded, in the order of `uuids` with every instance of each."""

    @abstractmethod
    async def read(self, value: RemoteValue) -> bytes:
        """Read a whole value, up to 512 octets."""

    @abstractmethod
    async def write(self, value: RemoteValue, octets: bytes) -> None:
        """Write with response, up to 512 octets. Returns after the response."""

    @abstractmethod
    async def write_command(
        self, characteristic: RemoteCharacteristic, octets: bytes, signed: bool = False
    ) -> None:
        """Write without response, at most `max_value_octets`; waits only for room to send.

        `signed`: sign it if the link is not encrypted and the bond has a key for that.
        """

    @abstractmethod
    async def subscribe(
        self, characteristic: RemoteCharacteristic, notify: bool, indicate: bool
    ) -> None:
        """Have the peer send the values of a characteristic, or with neither no longer.

        A backend that cannot choose takes what the characteristic has, notifications first.
        Raises: CallerError if the characteristic cannot be subscribed to; what a write raises.
        """

    @abstractmethod
    def listen(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        """Pass the characteristic's notifications and indications to the listener too."""

    @abstractmethod
    def unlisten(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        """Undo `listen`; does nothing if it is not listening."""

    @abstractmethod
    async def pair(self) -> None:
        """Get the link encrypted: with stored keys, else by pairing and bonding."""

    @abstractmethod
    async def set_interval(self, interval_us: int) -> None:
        """Ask for a connection interval, latency and supervision kept. A refusal is silent."""

    @abstractmethod
    async def disconnect(self) -> None:
        """End the link with reason 0x13; returns when it is gone, bounded by a few seconds."""


class Backend(ABC):
    """One adapter's way to the air, between `open` and `close` or `Events.lost`."""

    capabilities: Capabilities  # may become fewer by `open`, when more is known
    address: DeviceAddress  # own identity address, valid after open
    settings: SecuritySettings  # may be replaced at any time; what has begun goes on as it was
    agent: PairingAgent | None  # None: Just Works, every peer is accepted

    @property
    @abstractmethod
    def name(self) -> str:
        """What messages call the adapter: its adapter string, such as `hci:usb:0`."""

    @property
    def platform(self) -> str:
        """What sentences about its limits call it, such as `BlueZ 5.66`; see `capabilities`."""
        return self.name

    @abstractmethod
    async def open(self, server: LocalServer, name: str, events: Events) -> None:
        """Bring the controller up and publish `server`, on every link and with every change.

        Args: name: the GAP Device Name, to be set in `server`; a system may show its own instead.
        Raises: CallerError if it is open already; ControllerLost with a sentence: what was tried,
            what is wrong, what to do.
        """

    @abstractmethod
    async def close(self) -> None:
        """End advertising, scan and links, then release the controller. Idempotent, bounded."""

    @abstractmethod
    async def set_address(self, address: DeviceAddress) -> None:
        """Use another random static identity address."""

    @abstractmethod
    async def start_advertising(self, parameters: AdvertisingParameters) -> None:
        """Advertise until stopped or connected to, as `parameters` say and not otherwise.

        Raises: CallerError for what does not go together; InvalidParameter for more data or
            another transmit power than it can send, with a sentence.
        """

    @abstractmethod
    async def stop_advertising(self) -> None:
        """End advertising; does nothing when idle. `Events.advertising_ended` is not called."""

    @abstractmethod
    async def start_scan(self, parameters: ScanParameters) -> None:
        """Report what is heard, every packet of it, to `Events.reported` until stopped."""

    @abstractmethod
    async def stop_scan(self) -> None:
        """End the scan; does nothing when idle. Nothing is reported after it has returned."""

    @abstractmethod
    async def connect(self, address: DeviceAddress, timeout_s: float) -> Link:
        """Connect, finish the MTU exchange (bounded) and return. timeout_s 0: no limit.

        Cancelling the awaiting task cancels the initiation. Raises: ConnectTimeout and others.
        """

    @property
    @abstractmethod
    def subscribers(self) -> Sequence[Subscriber]:
        """All that may have subscribed to something: the live links, or the one that stands for
        all clients. Any thread."""

    @abstractmethod
    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        """Set the value of a local characteristic, open or not, and tell it each subscriber.

        It is notified, and indicated where that was subscribed to, cut at `max_value_octets`.
        Waits until the first of the subscribers has it: room to send, or a confirmation. Slower
        ones delay nobody; they get it later or, if they stay behind, miss it, which is counted.
        """

    @abstractmethod
    async def erase_bonds(self, peer: DeviceAddress | None = None) -> None:
        """Forget all bonds of both roles, or those with one peer, by its identity address; its live
        links count as unpaired from now on."""

    def counters(self) -> Mapping[str, int]:
        """Return what was dropped, refused or found wrong since the backend was made, by name.

        Names have a prefix of their layer, and are always the same; links that are gone are in it.
        Any thread, open or not. By default nothing is counted.
        """
        return {}

    async def local_oob(self) -> OobData:
        """Return our own out-of-band data, for a peer to receive before the next pairing.

        Raises: CallerError where there is no such thing.
        """
        raise CallerError("This adapter has no out-of-band data")
