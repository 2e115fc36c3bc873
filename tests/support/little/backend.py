"""One little system: it publishes once for all and keeps to itself who has subscribed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from bleio.backends.base import (
    AdvertisingParameters,
    Backend,
    Events,
    Link,
    PairingAgent,
    Report,
    ScanParameters,
    Subscriber,
)
from bleio.backends.capabilities import Capabilities, Capability, require
from bleio.core.address import DeviceAddress
from bleio.core.advertising_fields import AdvertisingFields, build, parse
from bleio.core.codes import HciErrorCode, SecurityMode
from bleio.core.pairing import SecuritySettings
from bleio.errors import CallerError, ConnectTimeout, ControllerLost, InvalidParameter
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService
from bleio.gatt.server import LocalServer
from bleio.runtime import needs
from support.little.air import LittleAir
from support.little.link import MTU, LittleLink, LocalValue, check_length

_log = logging.getLogger(__name__)

CAPABILITIES = frozenset({Capability.PERIPHERAL})
INTERVAL_S = 0.01
MAX_DATA_OCTETS = 31
_KEPT = (SecurityMode.NO_ACCESS, SecurityMode.OPEN, SecurityMode.ENCRYPT_NO_MITM)


class LittleBackend(Backend):
    """See `Backend`. Its own `Publisher`."""

    capabilities: Capabilities = CAPABILITIES

    def __init__(self, air: LittleAir) -> None:
        self.address = air.new_address()
        self.settings = SecuritySettings()
        self.agent: PairingAgent | None = None
        self.server = LocalServer()
        self.advertised: AdvertisingFields | None = None
        self.scanning = False
        self.is_lost = False
        self._air = air
        self._events: Events | None = None
        self._links: list[LittleLink] = []
        self._subscribed: dict[LocalCharacteristic, list[LittleLink]] = {}
        self._everybody = _Everybody(self)
        self._advertising: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return f"little{self.address.octets[0]}"

    # Life

    async def open(self, server: LocalServer, name: str, events: Events) -> None:
        if self._events is not None:
            raise CallerError("The adapter is open already")
        for service in server.services:
            self.service_added(service)
        server.set_device_name(name)
        server.publish_by(self)
        self.server, self._events, self.is_lost = server, events, False
        self._air.systems.append(self)

    async def close(self) -> None:
        if self._events is None:
            return
        self._stop(HciErrorCode.LOCAL_HOST_TERMINATED)
        self.server.withdraw(self)
        self._events = None

    def lose(self) -> None:
        """The user switches Bluetooth off."""
        assert self._events is not None
        self._stop(HciErrorCode.CONNECTION_TIMEOUT)
        self.is_lost = True
        self._events.lost(self._loss())

    def _stop(self, reason: int) -> None:
        self._end_advertising()
        self.scanning = False
        for link in tuple(self._links):
            link.close(reason)
        with suppress(ValueError):
            self._air.systems.remove(self)
        self._air.changed()

    def _loss(self) -> ControllerLost:
        return ControllerLost(f"{self.name} is lost: it was switched off")

    def _opened(self) -> Events:
        if self._events is None:
            raise ControllerLost("The adapter is not open.")
        if self.is_lost:
            raise self._loss()
        return self._events

    # GAP

    async def set_address(self, address: DeviceAddress) -> None:
        require(self.name, self.capabilities, Capability.SETTABLE_ADDRESS)

    async def erase_bonds(self, peer: DeviceAddress | None = None) -> None:
        require(self.name, self.capabilities, Capability.ERASABLE_BONDS)

    async def start_advertising(self, parameters: AdvertisingParameters) -> None:
        self._opened()
        if len(parameters.data) > MAX_DATA_OCTETS:
            raise InvalidParameter(f"{self.name} advertises at most {MAX_DATA_OCTETS} octets")
        if not -127 <= parameters.tx_power_dbm <= 20:
            raise InvalidParameter("Invalid BLE parameter")
        if parameters.tx_power_dbm:
            _log.warning("%s chooses its transmit power, so tx_power is ignored", self.name)
        if parameters.high_duty_cycle and parameters.directed_to is None:
            raise CallerError("Only directed advertising has a high duty cycle")
        require(self.name, self.capabilities, *needs.of_advertising(parameters))
        if parameters.scan_response:
            require(self.name, self.capabilities, Capability.SCAN_RESPONSES)
        fields = parse(parameters.data)
        if not fields.is_plain:
            require(self.name, self.capabilities, Capability.RAW_ADVERTISING)
        self._end_advertising()
        self.advertised = fields
        self._advertising = asyncio.get_running_loop().create_task(self._advertise(fields))
        self._air.changed()

    async def stop_advertising(self) -> None:
        self._opened()
        self._end_advertising()

    async def _advertise(self, fields: AdvertisingFields) -> None:
        report = Report(self.address, build(fields), -50, True, False)
        while True:
            for scanner in self._air.scanners(self):
                scanner._opened().reported(report)
            await asyncio.sleep(INTERVAL_S)

    def _end_advertising(self) -> None:
        self.advertised = None
        if self._advertising is not None:
            self._advertising.cancel()
            self._advertising = None

    async def start_scan(self, parameters: ScanParameters) -> None:
        self._opened()
        require(self.name, self.capabilities, *needs.of_scan(parameters))
        self.scanning = True

    async def stop_scan(self) -> None:
        self._opened()
        self.scanning = False

    async def connect(self, address: DeviceAddress, timeout_s: float) -> Link:
        try:
            peer = await asyncio.wait_for(self._wait_for(address), timeout_s or None)
        except (asyncio.TimeoutError, TimeoutError):
            raise ConnectTimeout from None
        return self._link_up(peer)  # no wait from here on, so cancelling leaves no link behind

    async def _wait_for(self, address: DeviceAddress) -> LittleBackend:
        self._opened()
        await asyncio.sleep(0)
        while (peer := self._air.advertiser(address)) is None:
            await self._air.change()
            self._opened()
        return peer

    def _link_up(self, peer: LittleBackend) -> LittleLink:
        if peer.advertised is None:
            raise ConnectTimeout  # another was faster in the same turn
        link = LittleLink(self, peer.address, is_central=True)
        incoming = LittleLink(peer, self.address, is_central=False)
        link.other, incoming.other = incoming, link
        peer._end_advertising()
        peer._opened().advertising_ended()
        for end in (incoming, link):
            end.system._links.append(end)
            end.system._opened().link_opened(end)
        return link

    def link_gone(self, link: LittleLink) -> None:
        """A link has ended: first its listeners hear of it, then the engine."""
        self._links.remove(link)
        for characteristic in tuple(self._subscribed):
            self.subscribe(link, characteristic, False)
        if not self._links:
            for service in self.server.services:
                for characteristic in service.characteristics:
                    for listener in tuple(characteristic.listeners):
                        listener.link_closed(self._everybody)
        for remote_listener in link.closed_listeners():
            remote_listener.link_closed()
        self._opened().link_closed(link)

    # GATT

    @property
    def subscribers(self) -> Sequence[Subscriber]:
        return () if self._events is None else (self._everybody,)

    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        characteristic.value = value
        await asyncio.sleep(0)
        for link in tuple(self._subscribed.get(characteristic, ())):
            link.other.deliver(characteristic, value)

    def offers(self, value: LocalValue) -> bool:
        """Whether a value is there for clients."""
        return any(
            value is characteristic or value in characteristic.descriptors
            for service in self.server.services
            for characteristic in service.characteristics
        )

    def written(self, value: LocalValue, octets: bytes) -> None:
        """A client writes. Raises: AttError."""
        check_length(value, octets)
        value.value = octets
        if isinstance(value, LocalCharacteristic):
            for listener in tuple(value.listeners):
                listener.written(self._everybody, octets)

    def subscribe(self, link: LittleLink, characteristic: LocalCharacteristic, on: bool) -> None:
        """A client does or undoes it; the program hears of the first and of the last."""
        clients = self._subscribed.setdefault(characteristic, [])
        before = bool(clients)
        if on and link not in clients:
            clients.append(link)
        elif not on and link in clients:
            clients.remove(link)
        if bool(clients) != before:
            for listener in tuple(characteristic.listeners):
                listener.subscribed(self._everybody, bool(clients), False)

    def subscribed(self, characteristic: LocalCharacteristic) -> bool:
        """Whether any client has subscribed; which, is not told."""
        return bool(self._subscribed.get(characteristic))

    @property
    def has_clients(self) -> bool:
        """Whether there is any link."""
        return bool(self._links)

    # Publisher

    def device_name_changed(self, name: str) -> None:
        """The system has a name of its own, which its user gave it."""

    def service_added(self, service: LocalService) -> None:
        for characteristic in service.characteristics:
            self.characteristic_added(service, characteristic)

    def characteristic_added(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        self._keep(characteristic)
        for descriptor in characteristic.descriptors:
            self._keep(descriptor)

    def descriptor_added(
        self,
        service: LocalService,
        characteristic: LocalCharacteristic,
        descriptor: LocalDescriptor,
    ) -> None:
        self._keep(descriptor)

    def _keep(self, value: LocalValue) -> None:
        """Refuse permissions that the system does not have, rather than give less."""
        if value.read_perm not in _KEPT or value.write_perm not in _KEPT:
            raise NotImplementedError(f"{self.name} encrypts values but does not authenticate them")

    def service_removed(self, service: LocalService) -> None:
        for characteristic in service.characteristics:
            self.characteristic_removed(service, characteristic)

    def characteristic_removed(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        for link in tuple(self._subscribed.get(characteristic, ())):
            self.subscribe(link, characteristic, False)
        self._subscribed.pop(characteristic, None)

    def forget_clients(self) -> None:
        self._links.clear()
        self._subscribed.clear()


class _Everybody(Subscriber):
    """All clients together; see `Capability.SUBSCRIBERS`."""

    def __init__(self, system: LittleBackend) -> None:
        self._system = system

    @property
    def connected(self) -> bool:  # type: ignore[override]
        return self._system.has_clients

    @property
    def max_value_octets(self) -> int:
        return MTU - 3

    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        return self._system.subscribed(characteristic), False

    async def notify(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        await self._system.publish(characteristic, value)

    async def indicate(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        await self._system.publish(characteristic, value)
