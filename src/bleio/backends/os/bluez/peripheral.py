"""The peripheral role on BlueZ: table, clients, advertisement and centrals put together.

Order. When a central comes: advertising has ended, then the link is there. When it goes: the last
subscription ends, listeners of local values are told, then the link is gone. When bluetoothd goes,
all links go like that, one by one, and what was registered is noted to be registered again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bleio.backends.base import AdvertisingParameters, Subscriber
from bleio.backends.os.bluez.adapter import Adapter
from bleio.backends.os.bluez.advertising import Advertiser
from bleio.backends.os.bluez.bus import Bus, Reply
from bleio.backends.os.bluez.clients import AllClients
from bleio.backends.os.bluez.incoming import Centrals
from bleio.backends.os.bluez.objects import DEVICE
from bleio.backends.os.bluez.table import Table
from bleio.backends.os.system import Peripheral, SystemOwner
from bleio.core.address import DeviceAddress
from bleio.gatt.model import LocalCharacteristic


class BlueZPeripheral(Peripheral):
    """See `Peripheral`."""

    tells_apart = False

    def __init__(self, adapter: Adapter, owner: SystemOwner) -> None:
        self._adapter, self._owner = adapter, owner
        self._table = Table(adapter, self)
        self._clients = AllClients(self._table, self._bus)
        self._advertiser = Advertiser(adapter, self)
        self._centrals = Centrals(adapter, self)
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
        self._owner.server.withdraw(self._table)
        await self._advertiser.close()
        await self._table.close()

    def _bus(self) -> Bus:
        return self._adapter.objects.bus

    async def start_advertising(self, parameters: AdvertisingParameters) -> None:
        await self._advertiser.start(parameters)

    async def stop_advertising(self) -> None:
        await self._advertiser.stop()

    @property
    def subscribers(self) -> Sequence[Subscriber]:
        return (self._clients,)

    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        await self._clients.publish(characteristic, value)

    # AdvertiserOwner

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
        self._table.hurry = True
        properties = self._adapter.objects.get(device, DEVICE) or {}
        self._clients.came(device, bonded=bool(properties.get("Paired")))
        self._advertiser.link_came()
        self._owner.peer_connected(peer)

    def central_went(self, device: str, peer: DeviceAddress) -> None:
        if not self._clients.went(device):
            return
        self._table.hurry = False
        for service in self._owner.server.services:
            for characteristic in service.characteristics:
                for listener in tuple(characteristic.listeners):
                    listener.link_closed(self._clients)

    def device_went(self, peer: DeviceAddress) -> None:
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

    # Clients of the applications

    def seen(self, device: str, mtu: int) -> None:
        self._centrals.used(device)
        self._clients.seen(device, mtu)

    def of(self, device: str) -> Any:
        return self._clients

    def start(self, characteristic: LocalCharacteristic) -> None:
        self._clients.start(characteristic)

    def stop(self, characteristic: LocalCharacteristic) -> None:
        self._clients.stop(characteristic)

    def forget(self, characteristic: LocalCharacteristic) -> None:
        self._clients.forget(characteristic)

    def acquire(self, characteristic: LocalCharacteristic, device: str, mtu: int) -> Reply:
        raise NotImplementedError

    def confirmed(self, characteristic: LocalCharacteristic) -> None:
        self._clients.confirmed(characteristic)
