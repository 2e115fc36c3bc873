"""What bleak does not document and `bleak_table` uses is there as it was."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from bleak import BleakClient
from bleak.backends.bluezdbus import manager as module
from bleak.backends.bluezdbus.client import BleakClientBlueZDBus
from bleak.backends.bluezdbus.version import BlueZFeatures

from bleio.backends.os import backend as backend_module
from bleio.backends.os.bluez import agent, bleak_table
from bleio.backends.os.bluez.connection import PatientBus, PatientSocket
from support.bluez.loops import in_loop
from support.bluez.remote import PEER, peer, remote, settled
from support.patience import PATIENCE_S


def test_the_names_that_are_used() -> None:
    manager = module.BlueZManager()
    assert manager._bus is manager._bus_watcher_task is None
    for name in ("_properties", "_characteristic_map", "_descriptor_map"):
        assert getattr(manager, name) == {}
    assert isinstance(module._global_instances, dict)
    assert BlueZFeatures.checked_bluez_version in (True, False)
    assert callable(BleakClientBlueZDBus._on_disconnected)
    assert inspect.iscoroutinefunction(BleakClientBlueZDBus._release_bus)
    assert isinstance(BleakClient("C0:00:00:00:00:01")._backend, BleakClientBlueZDBus)


@in_loop
async def test_the_last_user_ends_the_manager() -> None:
    async with remote() as (daemon, backend, _):
        daemon.know(PEER)
        await settled(backend)
        await backend.connect(peer(), PATIENCE_S)
        manager = module._global_instances[asyncio.get_running_loop()]
        bleak_table.enter()
        await bleak_table.leave()
        assert manager._bus is not None
        assert manager._bus.connected
        await backend.close()
        assert not manager._bus.connected
        assert asyncio.get_running_loop() not in module._global_instances


@pytest.mark.parametrize("limit", ["the call's", "the step's"])
@in_loop
async def test_a_bluetoothd_that_hangs_leaves_nothing_of_bleak(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if limit == "the call's":
        monkeypatch.setattr(agent, "CLOSE_S", 0.01)
    else:
        monkeypatch.setattr(backend_module, "STEP_S", 0.1)
    async with remote() as (daemon, backend, _):
        daemon.know(PEER)
        await settled(backend)
        link = await backend.connect(peer(), PATIENCE_S)
        await link.disconnect()
        peers: Any = backend._peers
        daemon.silent.add("UnregisterAgent")
        await backend.close()
        assert asyncio.get_running_loop() not in module._global_instances
        assert bleak_table._users[asyncio.get_running_loop()] == 0
        assert peers._reaching is None


@in_loop
async def test_a_burst_of_writes_leaves_bleaks_connections_open() -> None:
    async with remote() as (daemon, backend, _):
        daemon.know(PEER)
        await settled(backend)
        link: Any = await backend.connect(peer(), PATIENCE_S)
        manager = module._global_instances[asyncio.get_running_loop()]
        for bus in (manager._bus, link.client._backend._bus):
            assert isinstance(bus, PatientBus)
            assert isinstance(bus._writer.sock, PatientSocket)
