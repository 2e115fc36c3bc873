"""Scans by bleak: what it calls back with on Windows, macOS and elsewhere, and its faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

import bleak
import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from bleio.backends.base import Report, ScanParameters
from bleio.backends.capabilities import WINDOWS
from bleio.backends.os.platforms import Desktop
from bleio.backends.os.scanning import scanner as scanner_module
from bleio.backends.os.scanning.finding import find_device
from bleio.backends.os.scanning.scanner import Scanner, ScanRefused
from bleio.backends.os.seen import MOST_DEVICES, address_of_uuid
from bleio.core.address import DeviceAddress
from support.bluez.loops import in_loop

HEART_RATE = "0000180d-0000-1000-8000-00805f9b34fb"
BATTERY = "0000180f-0000-1000-8000-00805f9b34fb"
NAME = "C0:11:22:33:44:55"
OCTETS = bytes.fromhex("5544332211c0")
PERIPHERAL = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
ACTIVE, PASSIVE = ScanParameters(), ScanParameters(active=False)


@dataclass
class BleakScanner:
    """What stands for bleak's scanner."""

    detection_callback: Callable[[BLEDevice, AdvertisementData], None]
    scanning_mode: str = "active"
    bluez: Mapping[str, Any] = field(default_factory=dict)
    backend: type | None = None
    log: list[str] = field(default_factory=list)
    error: Exception | None = None

    async def start(self) -> None:
        self.log.append("start")
        if self.error is not None:
            raise self.error

    async def stop(self) -> None:
        self.log.append("stop")
        if self.error is not None:
            raise self.error


class World:
    """A scanner, and what stands around it."""

    def __init__(self, platform: str) -> None:
        self.reports: list[Report] = []
        self.made: list[BleakScanner] = []
        self.error: Exception | None = None
        self.events = SimpleNamespace(reported=self.reports.append)
        arguments = {"bluez": {"adapter": "hci1"}}
        system = SimpleNamespace(platform="Windows", scanner_arguments=lambda: arguments)
        self.scanner = Scanner(system, self, platform)  # type: ignore[arg-type]

    def make(self, **arguments: Any) -> BleakScanner:
        self.made.append(BleakScanner(**arguments, error=self.error))
        return self.made[-1]

    def says(
        self, heard: AdvertisementData, address: str = NAME, details: object = None
    ) -> BLEDevice:
        device = BLEDevice(address, None, details)
        self.made[-1].detection_callback(device, heard)
        return device


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Any:
    made = World(getattr(request, "param", "linux"))
    with mock.patch.object(bleak, "BleakScanner", made.make):
        yield made


def on(platform: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", [platform], indirect=True)


def advertisement(**said: Any) -> AdvertisementData:
    nothing: dict[str, Any] = {
        "local_name": None,
        "manufacturer_data": {},
        "service_data": {},
        "service_uuids": [],
        "tx_power": None,
        "rssi": -50,
        "platform_data": (),
    }
    return AdvertisementData(**{**nothing, **said})


# Windows


def event(kind: int, *sections: tuple[int, bytes], **said: Any) -> SimpleNamespace:
    parts = [SimpleNamespace(data_type=ad_type, data=data) for ad_type, data in sections]
    return SimpleNamespace(
        advertisement_type=kind,
        advertisement=SimpleNamespace(data_sections=parts),
        **{
            "bluetooth_address": 0xC01122334455,
            "bluetooth_address_type": 1,
            "is_connectable": kind in (0, 1),
            "raw_signal_strength_in_dbm": -61,
            **said,
        },
    )


def pair(adv: object, scan: object) -> AdvertisementData:
    return advertisement(platform_data=(object(), SimpleNamespace(adv=adv, scan=scan)))


FLAGS, NAME_SECTION = (1, b"\x06"), (9, b"Thermo")


@on("win32")
@in_loop
async def test_windows_sections_are_octets_and_scan_responses_are_apart(world: World) -> None:
    await world.scanner.start(ACTIVE)
    adv, scan = event(0, FLAGS, (0xFF, b"\x22\x08\x01"), FLAGS), event(4, NAME_SECTION)
    world.says(pair(adv, None))
    world.says(pair(adv, scan))
    later = event(0, FLAGS, raw_signal_strength_in_dbm=-70)
    world.says(pair(later, scan))
    address = DeviceAddress(OCTETS, random=True)
    data = b"\x02\x01\x06\x04\xff\x22\x08\x01\x02\x01\x06"
    assert world.reports == [
        Report(address, data, -61, True, False),
        Report(address, b"\x07\x09Thermo", -61, True, True),
        Report(address, b"\x02\x01\x06", -70, True, False),
    ]


@on("win32")
@in_loop
async def test_windows_says_what_kind_of_address_and_whether_it_connects(world: World) -> None:
    await world.scanner.start(ACTIVE)
    world.says(pair(event(3, FLAGS, bluetooth_address_type=0), None))
    world.says(pair(event(4, FLAGS), None), "00:11:22:33:44:55")
    assert [report.address.random for report in world.reports] == [False, True]
    assert [report.connectable for report in world.reports] == [False, False]


@on("win32")
@in_loop
async def test_an_older_windows_is_done_without_what_it_does_not_say(world: World) -> None:
    await world.scanner.start(ACTIVE)
    old = event(1, FLAGS)
    del old.is_connectable, old.bluetooth_address_type
    world.says(pair(old, None))
    assert world.reports == [
        Report(DeviceAddress(OCTETS, random=True), b"\x02\x01\x06", -61, True, False)
    ]


@on("win32")
@in_loop
async def test_extended_packets_of_windows_come_only_if_they_are_wanted(world: World) -> None:
    await world.scanner.start(ACTIVE)
    world.says(pair(event(5, FLAGS), None))
    assert not world.reports
    await world.scanner.start(ScanParameters(extended=True))
    world.says(pair(event(5, FLAGS), None))
    assert len(world.reports) == 1


@on("win32")
@in_loop
async def test_what_is_remembered_of_windows_events_has_a_bound(world: World) -> None:
    await world.scanner.start(ACTIVE)
    for number in range(2 * MOST_DEVICES):
        name = number.to_bytes(6, "big").hex(":")
        world.says(pair(event(0, FLAGS), None), name)
    reader: Any = world.scanner._reader
    assert len(reader._last) == len(reader._connectable) == MOST_DEVICES


# macOS


@on("darwin")
@in_loop
async def test_macos_has_fields_and_uuids_for_addresses(world: World) -> None:
    await world.scanner.start(ACTIVE)
    uuid = SimpleNamespace(UUIDString=lambda: "180F")
    said = {"kCBAdvDataIsConnectable": 0, "kCBAdvDataSolicitedServiceUUIDs": [uuid]}
    device = world.says(
        advertisement(
            local_name="Thermo",
            service_uuids=[HEART_RATE],
            manufacturer_data={0x0822: b"\x01"},
            platform_data=(object(), said, -50),
        ),
        PERIPHERAL,
    )
    data = b"\x03\x03\x0d\x18\x03\x14\x0f\x18\x04\xff\x22\x08\x01\x07\x09Thermo"
    address = address_of_uuid(PERIPHERAL)
    assert world.reports == [Report(address, data, -50, False, False)]
    assert world.scanner.heard(address) is device


# Elsewhere


@in_loop
async def test_elsewhere_there_are_the_fields_of_bleak(world: World) -> None:
    await world.scanner.start(PASSIVE)
    assert world.made[0].scanning_mode == "passive"
    assert world.made[0].bluez == {"adapter": "hci1"}
    world.says(advertisement(tx_power=4, service_data={BATTERY: b"\x64"}))
    world.says(advertisement(), "00:11:22:33:44:55")
    assert world.reports == [
        Report(DeviceAddress(OCTETS, True), b"\x04\x16\x0f\x18\x64\x02\x0a\x04", -50, True, False),
        Report(DeviceAddress(bytes.fromhex("554433221100")), b"", -50, True, False),
    ]


# Its life


@in_loop
async def test_a_second_scan_takes_the_place_of_the_first(world: World) -> None:
    await world.scanner.start(ACTIVE)
    await world.scanner.start(PASSIVE)
    assert world.made[0].log == ["start", "stop"]
    assert world.made[1].log == ["start"]
    await world.scanner.stop()
    await world.scanner.stop()
    assert world.made[1].log == ["start", "stop"]
    world.says(advertisement())
    assert not world.reports


@in_loop
async def test_what_the_system_says_against_a_scan_is_told(world: World) -> None:
    world.error = BleakError("Bluetooth is off")
    with pytest.raises(ScanRefused, match=r"^Windows does not scan: Bluetooth is off$"):
        await world.scanner.start(ACTIVE)
    await world.scanner.stop()


@in_loop
async def test_a_scan_that_cannot_be_stopped_has_ended(world: World) -> None:
    await world.scanner.start(ACTIVE)
    world.made[0].error = OSError("gone")
    await world.scanner.stop()
    world.says(advertisement())
    assert not world.reports


@on("win32")
@in_loop
async def test_what_cannot_be_read_is_counted(world: World) -> None:
    await world.scanner.start(ACTIVE)
    world.says(advertisement(platform_data=(1, 2)))
    world.says(pair(event(0, FLAGS), None), "no address")
    assert world.scanner.counters()["scan.malformed"] == 2
    assert not world.reports


@in_loop
async def test_bleak_starts_anew_among_very_many_devices(world: World) -> None:
    with mock.patch.object(scanner_module, "MOST_NAMES", 3):
        await world.scanner.start(ACTIVE)
        for number in range(4):
            world.says(advertisement(), f"00:00:00:00:00:{number:02x}")
        while len(world.made) < 2 or world.made[1].log != ["start"]:
            await asyncio.sleep(0)
        assert world.made[0].log == ["start", "stop"]
        world.says(advertisement())
        assert len(world.reports) == 5
        await world.scanner.stop()
    assert world.made[1].log == ["start", "stop"]


class SlowScanner(BleakScanner):
    """Begins at once, and returns from that later, as bleak's do."""

    async def start(self) -> None:
        await super().start()
        await asyncio.get_running_loop().create_future()


@in_loop
async def test_a_start_that_is_cancelled_leaves_no_scan_on() -> None:
    made: list[BleakScanner] = []

    def make(**arguments: Any) -> BleakScanner:
        made.append(SlowScanner(**{"detection_callback": print, **arguments}))
        return made[-1]

    system: Any = SimpleNamespace(platform="Windows", scanner_arguments=dict)
    desktop, peer = Desktop(WINDOWS), DeviceAddress(OCTETS, random=True)
    with mock.patch.object(bleak, "BleakScanner", make):
        for begun in (
            Scanner(system, World("win32"), "win32").start(ACTIVE),  # type: ignore[arg-type]
            find_device(system, peer, "win32"),
            desktop.open(SimpleNamespace()),  # type: ignore[arg-type]
        ):
            task = asyncio.ensure_future(begun)
            count = len(made)
            while len(made) == count or made[-1].log != ["start"]:
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
            assert made[-1].log == ["start", "stop"]


@in_loop
async def test_a_scan_that_cannot_be_begun_anew_is_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        mock.patch.object(scanner_module, "MOST_NAMES", 0),
        mock.patch.object(scanner_module, "RETRY_S", 0.001),
    ):
        await world.scanner.start(ACTIVE)
        world.error = BleakError("Bluetooth is off")
        world.says(advertisement())
        while len(world.made) < 4:
            await asyncio.sleep(0.001)
        world.error = None
        while world.scanner._renewal is not None:
            await asyncio.sleep(0.001)
    assert caplog.text.count("Scanning has stopped for now: Windows does not scan") == 1
    count = len(world.reports)
    world.says(advertisement())
    assert len(world.reports) == count + 1
    await world.scanner.stop()


@in_loop
async def test_one_device_is_found_without_a_report(world: World) -> None:
    system: Any = SimpleNamespace(scanner_arguments=dict)
    peer = DeviceAddress(OCTETS, random=True)
    finding = asyncio.ensure_future(find_device(system, peer, "linux"))
    await asyncio.sleep(0)
    world.says(advertisement(), "no address")
    world.says(advertisement(), "C0:11:22:33:44:56")
    device = world.says(advertisement())
    assert await finding is device
    assert (world.made[-1].log, world.reports) == (["start", "stop"], [])
