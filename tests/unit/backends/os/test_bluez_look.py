"""Looking at BlueZ without opening anything, on a bus of the test's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bleio.backends.os.finding import bluez
from bleio.backends.os.finding.bluez import BluezAdapter, look_at_bluez
from bleio.errors import ControllerLost
from support.bluez.loops import in_loop
from support.bluez.private_bus import private_bus
from support.bluez.stand_in import StandIn

SECOND = "/org/bluez/hci1"


@in_loop
async def test_adapters_and_why_one_cannot_be_used() -> None:
    async with private_bus():
        daemon = StandIn()
        daemon.add_adapter(SECOND, "00:00:00:00:00:02", powered=False)
        await daemon.start()
        first, second = await look_at_bluez()
        assert first == BluezAdapter("hci0", (5, 66), False, "")
        assert second.name == "hci1"
        assert second.trouble.startswith("Opened the adapter hci1, but it is powered off:")
        assert [member for _, member, _ in daemon.calls] == []  # but of what is there
        await daemon.stop()


@in_loop
async def test_no_bluetoothd_is_started_by_looking() -> None:
    async with private_bus():
        with pytest.raises(ControllerLost, match="bluetoothd does not run"):
            await look_at_bluez()


@in_loop
async def test_bluez_without_an_adapter() -> None:
    async with private_bus():
        daemon = StandIn()
        daemon.objects.clear()
        await daemon.start()
        with pytest.raises(ControllerLost, match="but BlueZ has none"):
            await look_at_bluez()
        await daemon.stop()


@in_loop
async def test_no_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/bus")
    with pytest.raises(ControllerLost, match="the system bus cannot be reached"):
        await look_at_bluez()


@in_loop
async def test_a_bluetoothd_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bluez, "LOOK_S", 0.3)
    async with private_bus():
        daemon = StandIn()

        async def never(message: Any) -> None:
            await asyncio.sleep(60)

        daemon.answers["GetManagedObjects"] = never
        await daemon.start()
        with pytest.raises(ControllerLost, match="does not answer"):
            await look_at_bluez()
        await daemon.stop()
