"""Choosing BlueZ's adapter, the sentences when there is none, and its going and coming."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bleak.backends.bluezdbus.client import BleakClientBlueZDBus
from bleak.backends.bluezdbus.scanner import BleakScannerBlueZDBus
from dbus_fast import Message

from bleio.backends.capabilities import Capability
from bleio.backends.os.bluez import presence, troubles
from bleio.backends.os.bluez.adapter import version_of
from bleio.backends.os.bluez.bus import ACCESS_DENIED, BusError
from bleio.backends.os.bluez.objects import ADAPTER
from bleio.backends.os.bluez.system import BlueZ
from bleio.core.address import DeviceAddress
from bleio.errors import ControllerLost, public_error
from support.bluez.loops import in_loop
from support.bluez.private_bus import private_bus
from support.bluez.stand_in import ADAPTER_PATH, Refusal, StandIn, until

SECOND = "/org/bluez/hci1"


class Owner:
    """What a system tells its backend."""

    def __init__(self) -> None:
        self.errors: list[ControllerLost] = []
        self.log: list[str] = []

    def lost(self, error: ControllerLost) -> None:
        self.errors.append(error)

    def adapter_went(self, registrations_too: bool) -> None:
        self.log.append("went, all with it" if registrations_too else "went")

    def adapter_came(self) -> None:
        self.log.append("came")


@asynccontextmanager
async def opened(adapter: str | None = None) -> AsyncIterator[tuple[StandIn, BlueZ, Any]]:
    async with private_bus():
        daemon, system, owner = StandIn(), BlueZ(adapter), Owner()
        await daemon.start()
        await system.open(owner)  # type: ignore[arg-type]
        system.presence.watch(owner)
        try:
            yield daemon, system, owner
        finally:
            await system.close()
            daemon.bus.disconnect()


@in_loop
async def test_the_first_powered_adapter_is_chosen() -> None:
    async with private_bus():
        daemon = StandIn(powered=False)
        daemon.add_adapter(SECOND, "AA:BB:CC:00:11:33")
        await daemon.start()
        system = BlueZ()
        assert system.name == "os"
        address = await system.open(Owner())  # type: ignore[arg-type]
        assert address == DeviceAddress(bytes.fromhex("331100ccbbaa"))
        assert system.name == "os:hci1"
        assert system.platform == "BlueZ 5.66"
        assert system.scanner_arguments() == {
            "backend": BleakScannerBlueZDBus,  # whatever programs have bleak choose
            "bluez": {"adapter": "hci1"},
        }
        assert system.client_arguments()["backend"] is BleakClientBlueZDBus
        await system.close()
        await system.close()
        with pytest.raises(ControllerLost, match="powered off"):
            await BlueZ("hci0").open(Owner())  # type: ignore[arg-type]
        daemon.bus.disconnect()


@in_loop
async def test_a_wrong_adapter_is_told_with_the_right_ones() -> None:
    async with private_bus():
        daemon = StandIn()
        await daemon.start()
        system = BlueZ("hci7")
        with pytest.raises(ControllerLost, match='BlueZ has no such adapter: choose "os:hci0"'):
            await system.open(Owner())  # type: ignore[arg-type]
        await system.close()
        daemon.bus.disconnect()


@in_loop
async def test_no_adapter_at_all() -> None:
    async with private_bus():
        daemon = StandIn()
        daemon.objects.clear()
        await daemon.start()
        system = BlueZ()
        with pytest.raises(ControllerLost, match="plug one in"):
            await system.open(Owner())  # type: ignore[arg-type]
        await system.close()
        daemon.bus.disconnect()


@in_loop
async def test_without_bluetoothd_the_command_that_starts_it_is_named() -> None:
    async with private_bus():
        system = BlueZ()
        with pytest.raises(ControllerLost, match="sudo systemctl start bluetooth"):
            await system.open(Owner())  # type: ignore[arg-type]
        await system.close()


@in_loop
async def test_without_a_bus_its_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    with pytest.raises(ControllerLost, match="sudo systemctl start dbus"):
        await BlueZ().open(Owner())  # type: ignore[arg-type]


@in_loop
async def test_without_permission_the_group_is_named() -> None:
    async with private_bus():
        daemon = StandIn()

        def refuse(message: Message) -> None:
            raise Refusal(ACCESS_DENIED, "Rejected send message")

        daemon.answers["GetManagedObjects"] = refuse
        await daemon.start()
        system = BlueZ()
        with pytest.raises(ControllerLost, match="usermod -aG bluetooth"):
            await system.open(Owner())  # type: ignore[arg-type]
        await system.close()
        daemon.bus.disconnect()


@pytest.mark.parametrize(
    ("blocked", "command"),
    [("soft", "rfkill unblock bluetooth"), ("hard", "switch"), (None, "bluetoothctl power on")],
)
def test_an_adapter_that_is_off_says_by_what(blocked: str | None, command: str) -> None:
    assert command in str(troubles.powered_off("hci0", blocked))


def test_rfkill_is_asked_for_the_adapter_itself(tmp_path: Path) -> None:
    for number, (kind, name, soft, hard) in enumerate(
        [("wlan", "phy0", 1, 0), ("bluetooth", "hci1", 1, 0), ("bluetooth", "hci0", 1, 1)]
    ):
        folder = tmp_path / f"rfkill{number}"
        folder.mkdir()
        for file, content in (("type", kind), ("name", name), ("soft", soft), ("hard", hard)):
            (folder / file).write_text(f"{content}\n")
    (tmp_path / "rfkill9").mkdir()
    assert troubles.blocked_by_rfkill("hci1", tmp_path) == "soft"
    assert troubles.blocked_by_rfkill("hci0", tmp_path) == "hard"
    assert troubles.blocked_by_rfkill("phy0", tmp_path) is None
    assert troubles.blocked_by_rfkill("hci0", tmp_path / "none") is None


def test_the_version_is_in_the_identity_of_devices() -> None:
    assert version_of("usb:v1D6Bp0246d0542") == (5, 66)
    assert version_of("usb:v1D6Bp0246d0548") == (5, 72)
    assert version_of("bluetooth:v000Dp0000d0110") is None


@in_loop
async def test_clients_are_told_apart_by_a_new_bluez_alone() -> None:
    async with private_bus():
        daemon = StandIn()
        await daemon.start()
        for version, can in (("0544", False), ("0545", True)):
            properties = daemon.objects[ADAPTER_PATH][ADAPTER]
            properties["Modalias"].value = f"usb:v1D6Bp0246d{version}"
            system = BlueZ()
            await system.open(Owner())  # type: ignore[arg-type]
            assert (Capability.SUBSCRIBERS in system.capabilities) is can
            await system.close()
        daemon.bus.disconnect()


@in_loop
async def test_an_old_bluez_has_no_peripheral_role() -> None:
    async with private_bus():
        daemon = StandIn()
        del daemon.objects[ADAPTER_PATH]["org.bluez.LEAdvertisingManager1"]
        await daemon.start()
        system = BlueZ()
        await system.open(Owner())  # type: ignore[arg-type]
        assert Capability.PERIPHERAL not in system.capabilities
        await system.close()
        daemon.bus.disconnect()


@in_loop
async def test_a_restart_is_no_loss() -> None:
    async with opened() as (daemon, system, owner):
        await daemon.stop()
        await until(lambda: owner.log == ["went, all with it"])
        with pytest.raises(BusError) as raised:
            system.presence.require()
        assert "sudo systemctl start bluetooth" in str(public_error(raised.value))
        await daemon.start()
        await until(lambda: owner.log == ["went, all with it", "came"])
        system.presence.require()
        assert owner.errors == []


@in_loop
async def test_a_graceful_restart_is_no_loss_either() -> None:
    async with opened() as (daemon, _, owner):
        had = dict(daemon.objects[ADAPTER_PATH])
        daemon.remove(ADAPTER_PATH)
        await daemon.stop()
        await until(lambda: owner.log[:1] == ["went, all with it"])
        await daemon.start()
        for interface, properties in had.items():
            daemon.add(ADAPTER_PATH, interface, **properties)
        await until(lambda: owner.log[-1:] == ["came"])
        assert owner.errors == []


@in_loop
async def test_a_bluetoothd_that_stays_away_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "RESTART_S", 0.01)
    async with opened() as (daemon, _, owner):
        await daemon.stop()
        await until(lambda: owner.errors)
        assert "not come back" in str(owner.errors[0])


@in_loop
async def test_an_unplugged_adapter_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "UNPLUG_S", 0.01)
    async with opened() as (daemon, system, owner):
        daemon.remove(ADAPTER_PATH)
        await until(lambda: owner.errors)
        with pytest.raises(BusError, match="hci0 is gone, unplugged"):
            system.presence.require()
        assert "unplugged" in str(owner.errors[0])


@pytest.mark.parametrize("goes", ["the adapter", "its manager", "bluetoothd"])
@in_loop
async def test_an_adapter_without_its_managers_is_a_loss(
    goes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "UNPLUG_S", 0.5)
    monkeypatch.setattr(presence, "RESTART_S", 0.5)
    manager = "org.bluez.LEAdvertisingManager1"
    async with opened() as (daemon, system, owner):
        had = dict(daemon.objects[ADAPTER_PATH])
        del had[manager]
        if goes == "its manager":
            daemon.remove(ADAPTER_PATH, manager)
        elif goes == "the adapter":
            daemon.remove(ADAPTER_PATH)
            for interface, properties in had.items():
                daemon.add(ADAPTER_PATH, interface, **properties)
        else:
            await daemon.stop()
            daemon.objects[ADAPTER_PATH] = had
            await until(lambda: owner.log)
            await daemon.start()
        await until(lambda: owner.log and system.objects.is_running)
        await until(lambda: system.objects.get(ADAPTER_PATH, manager) is None)
        await until(lambda: system.objects.get(ADAPTER_PATH, ADAPTER) is not None)
        with pytest.raises(BusError, match="LEAdvertisingManager1"):
            system.presence.require()
        await until(lambda: owner.errors)
        assert "LEAdvertisingManager1" in str(owner.errors[0])
        assert set(owner.log) == {"went, all with it"}


@in_loop
async def test_powered_off_and_on_by_its_user() -> None:
    async with opened() as (daemon, system, owner):
        daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        await until(lambda: owner.log == ["went"])
        with pytest.raises(BusError, match="bluetoothctl power on"):
            system.presence.require()
        daemon.change(ADAPTER_PATH, ADAPTER, Powered=True)
        await until(lambda: owner.log == ["went", "came"])


@in_loop
async def test_bonds_are_erased_by_removing_paired_devices() -> None:
    async with opened() as (daemon, system, _):
        for number, paired in ((1, True), (2, False)):
            path = f"{ADAPTER_PATH}/dev_C0_00_00_00_00_0{number}"
            daemon.add(path, "org.bluez.Device1", Paired=paired)
        await until(lambda: len(system.objects.paths("org.bluez.Device1")) == 2)
        await system.erase_bonds()
        assert daemon.called("RemoveDevice") == [[f"{ADAPTER_PATH}/dev_C0_00_00_00_00_01"]]


@in_loop
async def test_one_bond_is_erased_whatever_it_is() -> None:
    async with opened() as (daemon, system, _):
        for number in (1, 2):
            path = f"{ADAPTER_PATH}/dev_C0_00_00_00_00_0{number}"
            address = f"C0:00:00:00:00:0{number}"
            more = {"Address": address, "Icon": "input-keyboard"}
            daemon.add(path, "org.bluez.Device1", Paired=True, **more)
        await until(lambda: len(system.objects.paths("org.bluez.Device1")) == 2)
        await system.erase_bonds(DeviceAddress(bytes.fromhex("0200000000c0"), True))
        assert daemon.called("RemoveDevice") == [[f"{ADAPTER_PATH}/dev_C0_00_00_00_00_02"]]


@in_loop
async def test_the_computers_own_devices_keep_their_bonds() -> None:
    async with opened() as (daemon, system, _):
        kinds: list[dict[str, Any]] = [
            {"Class": 0x240404, "Icon": "audio-headset"},
            {"Icon": "input-keyboard"},
            {"Icon": "phone"},
        ]
        for number, kind in enumerate(kinds):
            path = f"{ADAPTER_PATH}/dev_C0_00_00_00_00_0{number}"
            daemon.add(path, "org.bluez.Device1", Paired=True, **kind)
        await until(lambda: len(system.objects.paths("org.bluez.Device1")) == 3)
        await system.erase_bonds()
        assert daemon.called("RemoveDevice") == [[f"{ADAPTER_PATH}/dev_C0_00_00_00_00_02"]]
