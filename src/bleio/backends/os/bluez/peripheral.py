"""The peripheral role on BlueZ: table, clients, advertisement and centrals put together.

Order. When a central comes: advertising has ended, then the link is there. When it goes: the last
subscription ends, listeners of local values are told, then the link is gone. When bluetoothd goes,
all links go like that, one by one, and what was registered is noted to be registered again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from bleio.backends.base import AdvertisingParameters, Subscriber
from bleio.backends.capabilities import Capability, require
from bleio.backends.os.bluez.adapter import Adapter
from bleio.backends.os.bluez.advertising import Advertiser
from bleio.backends.os.bluez.all_clients import AllClients
from bleio.backends.os.bluez.application import Application
from bleio.backends.os.bluez.each_client import EachClient
from bleio.backends.os.bluez.incoming import Centrals
from bleio.backends.os.bluez.objects import DEVICE
from bleio.backends.os.bluez.table import Table
from bleio.backends.os.system import Peripheral, SystemOwner
from bleio.core.address import DeviceAddress
from bleio.gatt.model import LocalCharacteristic

CLOSE_S = 3.0  # for the end of an advertisement, when the adapter is closed; bluetoothd may hang

_log = logging.getLogger(__name__)


class BlueZPeripheral(Peripheral):
    """See `Peripheral`."""

    def __init__(self, adapter: Adapter, owner: SystemOwner) -> None:
        self._adapter, self._owner = adapter, owner
        self._centrals = Centrals(adapter, self)
        self._clients: AllClients | EachClient = (
            EachClient(self._centrals.used, self._link_of, adapter.objects.bus.counts)
            if adapter.tells_clients_apart
            else AllClients(self._centrals.used, self._serving, adapter.objects)
        )
        self._table = Table(adapter, self._clients)
        self._advertiser = Advertiser(adapter, self)
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True
        server = self._owner.server
        self._table.open(server.services)
        server.publish_by(self._table)
        self._centrals.open()
        self._adapter.presence.watch(self)

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._centrals.close()
        self._clients.close()
        self._owner.server.withdraw(self._table)
        try:
            await asyncio.wait_for(self._advertiser.close(), CLOSE_S)
        except (asyncio.TimeoutError, TimeoutError):
            _log.warning("bluetoothd has not confirmed the end of an advertisement")
        await self._table.close()

    async def start_advertising(self, parameters: AdvertisingParameters) -> None:
        await self._advertiser.start(parameters)

    async def stop_advertising(self) -> None:
        await self._advertiser.stop()

    @property
    def subscribers(self) -> Sequence[Subscriber]:
        return self._clients.subscribers

    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        await self._clients.publish(characteristic, value)

    def subscription(
        self, link: Subscriber, characteristic: LocalCharacteristic
    ) -> tuple[bool, bool]:
        return self._each.subscription(link, characteristic)

    async def notify(
        self, link: Subscriber, characteristic: LocalCharacteristic, value: bytes
    ) -> None:
        await self._each.notify(link, characteristic, value)

    async def indicate(
        self, link: Subscriber, characteristic: LocalCharacteristic, value: bytes
    ) -> None:
        await self._each.indicate(link, characteristic, value)

    @property
    def _each(self) -> EachClient:
        if not isinstance(self._clients, EachClient):
            require(self._adapter.platform, self._adapter.capabilities, Capability.SUBSCRIBERS)
        assert isinstance(self._clients, EachClient)
        return self._clients

    def _link_of(self, device: str) -> Subscriber | None:
        peer = self._centrals.peer(device)
        return None if peer is None else self._owner.link_to(peer)

    def _serving(self, characteristic: LocalCharacteristic) -> Application | None:
        return self._table.serving(characteristic)

    # AdvertiserOwner

    @property
    def device_name(self) -> str:
        return self._owner.server.device_name

    async def settled(self) -> None:
        await self._table.settled()

    def advertising_ended(self) -> None:
        self._owner.events.advertising_ended()

    # CentralsOwner

    def is_ours(self, peer: DeviceAddress) -> bool:
        return self._owner.is_ours(peer)

    @property
    def is_advertising(self) -> bool:
        return self._advertiser.is_active

    def central_came(self, device: str, peer: DeviceAddress) -> None:
        self._client_came(device)
        self._advertiser.link_came()
        self._owner.peer_connected(peer)

    def ours_came(self, device: str) -> None:
        self._client_came(device)

    def _client_came(self, device: str) -> None:
        self._table.hurry = True
        properties = self._adapter.objects.get(device, DEVICE) or {}
        self._clients.came(device, bonded=bool(properties.get("Paired")))

    def mtu_known(self, device: str, peer: DeviceAddress, mtu: int) -> None:
        self._clients.mtu_known(device, mtu)
        link = self._owner.link_to(peer)
        if link is not None:
            link.mtu = max(link.mtu, mtu)

    def link_went(self, device: str, peer: DeviceAddress) -> None:
        client = self._clients.went(device)
        self._table.hurry = self._clients.connected
        if client is not None:
            for service in self._owner.server.services:
                for characteristic in service.characteristics:
                    for listener in tuple(characteristic.listeners):
                        listener.link_closed(client)
        self._owner.peer_gone(peer)

    # AdapterWatcher

    def adapter_went(self, registrations_too: bool) -> None:
        self._centrals.all_went()
        self._advertiser.adapter_went(registrations_too)
        if registrations_too:
            self._table.adapter_went()

    def adapter_came(self) -> None:
        self._table.adapter_came()
        self._advertiser.adapter_came()
