"""habluetooth, which Home Assistant's integrations stand on, with an adapter of ours, no D-Bus."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from bleak import BleakScanner
from bleak_retry_connector import BleakSlotManager, establish_connection
from bluetooth_adapters import BluetoothAdapters
from habluetooth import (
    BaseHaRemoteScanner,
    BluetoothManager,
    HaBleakClientWrapper,
    HaBluetoothConnector,
    set_manager,
)

from bleio.api import use_adapter
from bleio.bleak import Client, Scanner
from bleio.testing.bleak_radio import BleakRadio
from support.bleak import ours, table
from support.patience import PATIENCE_S

pytestmark = pytest.mark.interop


class NoAdapters(BluetoothAdapters):
    """What this computer has of its own: nothing that is looked for."""

    history: dict[str, Any] = {}  # noqa: RUF012
    adapters: dict[str, Any] = {}  # noqa: RUF012
    default_adapter = ""

    async def refresh(self) -> None:
        """There is nothing to look for."""


class Manager(BluetoothManager):
    """Takes what is heard, as Home Assistant's own does."""

    def _discover_service_info(self, service_info: Any) -> None:
        """Of no concern here."""


class AsRemoteScanner(BaseHaRemoteScanner):
    """Our scanner, as what habluetooth calls a remote one."""

    def hear(self, device: Any, data: Any) -> None:
        self._async_on_advertisement(
            device.address,
            data.rssi,
            data.local_name,
            data.service_uuids,
            data.service_data,
            data.manufacturer_data,
            data.tx_power,
            {"address": device.details["address"]},  # what our Client connects by
            time.monotonic(),
        )


async def use_the_peripheral() -> None:
    manager = Manager(NoAdapters(), BleakSlotManager())
    set_manager(manager)
    await manager.async_setup()
    connector = HaBluetoothConnector(client=Client, source="bleio", can_connect=lambda: True)
    scanner = AsRemoteScanner("bleio", "bleio", connector, connectable=True)
    unsetup, unregister = scanner.async_setup(), manager.async_register_scanner(scanner)
    try:
        async with BleakScanner(scanner.hear, backend=Scanner):
            while not (found := named(manager)):
                await asyncio.sleep(0.02)
            assert found[0].manufacturer_data == {table.COMPANY: table.COMPANY_DATA}
            device = manager.async_ble_device_from_address(found[0].address, True)
            client = await establish_connection(HaBleakClientWrapper, device, table.NAME)
            assert await client.read_gatt_char(table.READ) == b"hello"
            await client.disconnect()
    finally:
        unregister()
        unsetup()
        manager.async_stop()


def named(manager: BluetoothManager) -> list[Any]:
    return [info for info in manager.async_discovered_service_info(True) if info.name == table.NAME]


def test_habluetooth(ble_bleak: BleakRadio) -> None:
    with use_adapter(ble_bleak.peer):
        peripheral = ours.Peripheral()
    ended = threading.Event()
    thread = threading.Thread(target=peripheral.serve, args=[ended.is_set])
    thread.start()
    try:
        asyncio.run(asyncio.wait_for(use_the_peripheral(), PATIENCE_S))
    finally:
        ended.set()
        thread.join(PATIENCE_S)
