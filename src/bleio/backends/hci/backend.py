"""The backend over HCI: one controller, from a USB dongle to the simulated radio.

The contract, `Backend`, outlives any controller: it is opened, closed and opened again, and its
settings, its agent and its wish for an address are there before the first opening. What exists
only while a controller is up is another object, `OpenParts`, made anew by each opening.
With one class for both, every part would have to be told to forget, and every method would have to
ask which of its fields mean something at present. So methods begin with `_opened()`, which returns
the parts or raises what a program should read.

Opening goes from the outside in: the port, the HCI layer on it, bringing the controller up, the
address, the parts, and last what may go wrong only once they are there. An opening that fails, or
is cancelled, leaves nothing open.

The controller may be lost at any moment, also while it is being opened or closed, by a dongle that
is pulled out or a command that is not answered. `lost` then ends links before it tells the engine:
programs see each of their connections end, then the adapter. Nothing is asked of the controller any
more; each later call raises the error with which it was lost. The parts stay until `close`.

Closing must end although the controller may be silent. So each step of it is bounded, links are
given a second to part from their peers, and a reset ends what is left. Only then are tasks
cancelled and bonds written: both may still change while links close.

What may surprise: an adapter's address is chosen here, not by the caller. A controller with a
public address keeps it; on a simulated radio each controller claims a static address, so that a
program that is started twice is two devices (`gap.identity`).
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from bleio.backends.base import (
    AdvertisingParameters,
    Backend,
    Events,
    OobData,
    PairingAgent,
    ScanParameters,
    light,
)
from bleio.backends.capabilities import EVERYTHING, Capabilities, Capability
from bleio.backends.hci.background import Background
from bleio.backends.hci.bonds.store import BondStore, MemoryBondStore, known, stored
from bleio.backends.hci.capture import tap as capture
from bleio.backends.hci.controller.bringup import ControllerFacts, bring_up
from bleio.backends.hci.controller.layer import COMMAND_TIMEOUT_S, HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.controller.port import OnLost, OnPacket, Port
from bleio.backends.hci.gap import identity
from bleio.backends.hci.gap.identity import AddressOfInstance, any_static_address
from bleio.backends.hci.links import calls
from bleio.backends.hci.links.table import load
from bleio.backends.hci.own_device import OwnDevice
from bleio.backends.hci.parts import OpenParts
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.core.pairing import SecuritySettings
from bleio.errors import (
    CallerError,
    ControllerLost,
)
from bleio.gatt.model import LocalCharacteristic
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable

if TYPE_CHECKING:
    from bleio.backends.hci.controller.uart import PinLike, UartLike
    from bleio.backends.hci.links.link import HciLink

_log = logging.getLogger(__name__)

BONDS_READ_S = 5.0  # how long a disk may take for an identity's bonds


class HciBackend(Backend):
    """See `Backend`.

    Args: `transport`: `virtual`, `virtual:NAME`, the name of a bumble transport, or a serial
        object, for which `rts` and `cts` may be pins. `address`: the random static identity to
        use, or what makes one for each instance of the program: a controller's public address
        comes before those, and on a simulated radio the first that is free is taken.
        `bonds`: returns where an identity's keys are kept; by default in memory. `close_bonds` is
        called when the backend has written the last of them.
    """

    def __init__(
        self,
        transport: str | UartLike,
        address: DeviceAddress | AddressOfInstance = any_static_address,
        *,
        rts: PinLike | None = None,
        cts: PinLike | None = None,
        bonds: Callable[[DeviceAddress], BondStore] | None = None,
        close_bonds: Callable[[], Awaitable[None]] | None = None,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> None:
        if isinstance(transport, str) and (rts is not None or cts is not None):
            raise CallerError("The pins rts and cts go with a serial object only")
        self.capabilities: Capabilities = EVERYTHING
        self._own = OwnDevice()
        self._background = Background()
        self._transport = transport
        self._virtual = isinstance(transport, str) and transport.partition(":")[0] == "virtual"
        self._pins = (rts, cts)
        self._wanted_address = address
        self._bonds_of = bonds or functools.cache(_in_memory)
        self._close_bonds = close_bonds
        self._command_timeout_s = command_timeout_s
        self._open: OpenParts | None = None

    @property
    def name(self) -> str:
        """What messages call the controller: an adapter string, as it can be typed."""
        if not isinstance(self._transport, str):
            return "the serial port"
        return self._transport if self._virtual else f"hci:{self._transport}"

    @property
    def address(self) -> DeviceAddress:  # type: ignore[override]
        """The own identity address; valid after `open`."""
        return self._own.address

    @property
    def agent(self) -> PairingAgent | None:
        """What answers for the user in a pairing; None: everybody is accepted, Just Works."""
        return self._own.agent

    @agent.setter
    def agent(self, agent: PairingAgent | None) -> None:
        self._own.agent = agent

    @property
    def settings(self) -> SecuritySettings:
        """How to pair, and which address to show. Private addresses come and go at once."""
        return self._own.settings

    @settings.setter
    def settings(self, settings: SecuritySettings) -> None:
        old, self._own.settings = self._own.settings, settings
        if self._open is not None:
            self._open.links.attributes.min_key_octets = settings.min_key_octets
            self._open.privacy.settings_changed(old)
            self._open.peers.settings_changed()

    # Life

    async def open(self, server: LocalServer, name: str, events: Events) -> None:
        if self._open is not None:
            raise CallerError("The adapter is open already")
        # Before anything is opened: a wrong address is the caller's fault, not the controller's.
        if isinstance(self._wanted_address, DeviceAddress):
            identity.check_static(self._wanted_address)
        server.set_device_name(name)
        attributes = AttributeTable.of(server)
        attributes.min_key_octets = self.settings.min_key_octets
        layer, port = await self._connect_port()
        try:
            facts = await self._bring_up(layer, port)
            self._own.bonds = await _read(self._bonds_of(self.address), self.name)
            opened = OpenParts(
                self._own, layer, port, facts, attributes, events, self._background.spawn
            )
            await opened.peers.update()
        except BaseException:
            layer.close()
            await port.close()
            raise
        self.capabilities = EVERYTHING
        if not facts.extended_advertising:  # the legacy commands have no transmit power
            self.capabilities -= {Capability.EXTENDED_ADVERTISING, Capability.TRANSMIT_POWER}
        self._open = opened

    async def close(self) -> None:
        opened, self._open = self._open, None
        if opened is None:
            return
        await opened.quiet()
        error = opened.layer.close()
        opened.privacy.close()
        opened.initiator.close(error)
        opened.links.close_all(HciErrorCode.LOCAL_HOST_TERMINATED)
        await self._background.cancel()
        if self._close_bonds is not None:
            await self._close_bonds()
        await opened.port.close()

    async def set_address(self, address: DeviceAddress) -> None:
        opened = self._opened()
        identity.check_static(address)
        bonds = await _read(self._bonds_of(address), self.name)

        async def change() -> None:
            # The claim first: it may be refused, and then nothing has changed.
            if self._virtual:
                await identity.claim(opened.layer, address)
            await opened.privacy.use_identity(address)
            self._own.address = self._wanted_address = address
            opened.security.shared.encrypted_values.save()
            opened.bonds.use(bonds)
            opened.security.shared.encrypted_values.clear()
            opened.privacy.identity_changed()

        await opened.privacy.undivided(change)

    async def erase_bonds(self, peer: DeviceAddress | None = None) -> None:
        opened = self._opened()
        opened.security.erase_bonds(peer)
        await stored(opened.bonds)  # a program that erases keys means them to be gone

    async def local_oob(self) -> OobData:
        return self._opened().security.shared.own_oob.data()

    def counters(self) -> dict[str, int]:
        return self._own.counters.by_name()

    # GAP

    async def start_advertising(self, parameters: AdvertisingParameters) -> None:
        await self._opened().advertiser.start(parameters)

    async def stop_advertising(self) -> None:
        await self._opened().advertiser.stop()

    async def start_scan(self, parameters: ScanParameters) -> None:
        await self._opened().scanner.start(parameters)

    async def stop_scan(self) -> None:
        await self._opened().scanner.stop()

    async def connect(self, address: DeviceAddress, timeout_s: float) -> HciLink:
        await known(self._opened().bonds)
        return await self._opened().connecting.connect(address, timeout_s)

    @property
    def subscribers(self) -> tuple[HciLink, ...]:
        return () if self._open is None else tuple(self._open.links.links.values())

    @light
    def publish(
        self, characteristic: LocalCharacteristic, value: bytes
    ) -> Coroutine[Any, Any, None]:
        characteristic.value = value
        return calls.publish(self.subscribers, characteristic, value)

    # Part of `LayerOwner`

    def lost(self, error: ControllerLost) -> None:
        """The controller is gone."""
        opened = self._open
        if opened is None:
            return  # while opening, which fails with the same error
        opened.privacy.close()
        opened.initiator.close(error)
        # Programs see their connections end before the adapter does.
        opened.links.close_all()
        opened.events.lost(error)

    def _opened(self) -> OpenParts:
        if self._open is None:
            raise ControllerLost("The adapter is not open.")
        if self._open.layer.error is not None:
            raise self._open.layer.error
        return self._open

    async def _connect_port(self) -> tuple[HciLayer, Port]:
        """Open the transport, with a layer on it that waits for nothing yet."""
        layer = HciLayer(self, self.name, self._command_timeout_s, self._own.counters)
        taps = await asyncio.to_thread(self._taps)
        port = await self._open_port(capture.tapped(taps, layer.received), layer.lose)
        for tap in taps:
            port = capture.TappedPort(port, tap)
        layer.connect(port)
        return layer, port

    def _taps(self) -> list[capture.Tap]:
        """Return what writes down what is said to this controller; it is asked at each opening."""
        tap = capture.tap_by_setting(self.name)
        return [] if tap is None else [tap]

    async def _open_port(self, on_packet: OnPacket, on_lost: OnLost) -> Port:
        await asyncio.to_thread(_load)  # loaded by a link, it would make others wait
        from bleio.backends.hci.controller.transport import open_port
        from bleio.backends.hci.controller.uart import UartPort

        if isinstance(self._transport, str):
            return await open_port(self._transport, on_packet, on_lost, self._own.counters)
        return UartPort(self._transport, *self._pins, on_packet, on_lost, self._own.counters)

    async def _bring_up(self, layer: HciLayer, port: Port) -> ControllerFacts:
        try:
            facts = await bring_up(layer, port.metadata)
            self._own.address = await self._choose_address(layer, facts)
            return facts
        except (CallerError, ControllerLost, asyncio.CancelledError):
            raise
        except Exception as error:
            _log.debug("The controller did not come up", exc_info=True)
            raise ControllerLost(
                f"The controller at {self.name} did not come up: "
                f"{str(error) or type(error).__name__}; "
                "check that it is a Bluetooth LE controller that speaks HCI (H4)."
            ) from None

    async def _choose_address(self, layer: HciLayer, facts: ControllerFacts) -> DeviceAddress:
        """Decide on the identity and, if it is random, tell the controller."""
        wanted = self._wanted_address
        if isinstance(wanted, DeviceAddress):
            address = wanted
            if self._virtual:
                await identity.claim_wanted(layer, address, self.name)
        elif self._virtual:
            address = await identity.claim_first(layer, wanted)
        else:
            address = facts.public_address or wanted(0)
        if address.random:
            await layer.request(Opcode.LE_SET_RANDOM_ADDRESS, address.octets)
        return address


def _load() -> None:
    """Load what adapters of real time have in common. Files are not for the engine's thread."""
    from bleio.backends.hci.controller import transport, uart  # noqa: F401

    load()


async def _read(bonds: BondStore, name: str) -> BondStore:
    """Return an identity's bonds once they are known. Without them all peers would be strangers."""
    if not await known(bonds, BONDS_READ_S):
        raise ControllerLost(
            f"The bonds of {name} cannot be read: the disk has not answered for "
            f"{BONDS_READ_S:g} seconds; check it, or set BLEIO_STATE_DIR to another folder."
        )
    return bonds


def _in_memory(_identity: DeviceAddress) -> BondStore:
    return MemoryBondStore()
