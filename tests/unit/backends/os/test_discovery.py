"""BlueZ's scans: what bluetoothd is asked for, and when; by a stand-in on a bus of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from dbus_fast import Message, Variant, unpack_variants

from bleio.backends.base import Report, ScanParameters
from bleio.backends.capabilities import Capability
from bleio.backends.os.bluez import discovery
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.discovery import Discovery
from bleio.backends.os.bluez.hearing import Hearing
from bleio.backends.os.bluez.monitors import (
    EVERYTHING,
    MONITOR,
    MOST_PATTERNS,
    NOTHING,
    ROOT,
    Monitors,
)
from bleio.backends.os.bluez.objects import ADAPTER, DEVICE, MONITOR_MANAGER
from bleio.backends.os.bluez.system import BlueZ
from bleio.backends.os.scanning.counters import ScanCounters
from bleio.core.address import DeviceAddress
from support.bluez.loops import in_loop
from support.bluez.private_bus import private_bus
from support.bluez.stand_in import ADAPTER_PATH, Refusal, StandIn, device_path, until

ADDRESS = "C0:11:22:33:44:55"
OCTETS = bytes.fromhex("5544332211c0")
PATH = device_path(ADDRESS)
ACTIVE, PASSIVE = ScanParameters(), ScanParameters(active=False)
COUNTED = tuple(ScanCounters().by_name())
IN_PROGRESS = "org.bluez.Error.InProgress"


class Raw:
    """What stands for packets of the kernel."""

    allowed = False
    all: ClassVar[list[Raw]] = []

    def __init__(self, index: int, reported: Any, ended: Any, counters: Any) -> None:
        self.index, self.reported, self.ended = index, reported, ended
        self.counters = counters
        self.extended: bool | None = None
        Raw.all.append(self)

    def open(self, extended: bool) -> None:
        if not Raw.allowed:
            raise PermissionError
        self.extended = extended

    def close(self) -> None:
        self.extended = None


@pytest.fixture(autouse=True)
def raw(monkeypatch: pytest.MonkeyPatch) -> type[Raw]:
    monkeypatch.setattr(discovery, "RawReports", Raw)
    monkeypatch.setattr(discovery, "KEEP_S", 1e6)
    monkeypatch.setattr(Raw, "allowed", False)
    monkeypatch.setattr(Raw, "all", [])
    return Raw


@pytest.fixture(autouse=True)
def renewal_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default discovery is not begun anew while a test runs."""
    monkeypatch.setattr(discovery, "RENEW_S", 3600.0)


class World:
    """A bluetoothd, our BlueZ, its scanner, and what that reports."""

    def __init__(self, monitoring: bool) -> None:
        self.daemon, self.system = StandIn(), BlueZ()
        self.reports: list[Report] = []
        self.errors: list[Exception] = []
        self.events = SimpleNamespace(reported=self.reports.append)
        if monitoring:
            self.allow_monitors()
        self.scanner = Discovery(self.system, self)  # type: ignore[arg-type]

    def lost(self, error: Exception) -> None:
        self.errors.append(error)

    def allow_monitors(self) -> None:
        self.daemon.objects[ADAPTER_PATH][MONITOR_MANAGER] = {}
        self.daemon.answers["RegisterMonitor"] = self.registered
        self.monitors: dict[str, dict[str, Any]] = {}

    async def registered(self, message: Message) -> None:
        manager = "org.freedesktop.DBus.ObjectManager"
        found = await self.daemon.call(message.body[0], manager, "GetManagedObjects")
        objects = unpack_variants(found.body[0])
        self.monitors = {path: each[MONITOR] for path, each in objects.items()}
        for path in self.monitors:
            await self.daemon.call(path, MONITOR, "Activate")

    def asked(self) -> list[str]:
        """Return the methods that were called since this was asked last."""
        members = [member for _, member, _ in self.daemon.calls]
        del self.daemon.calls[:]
        return members

    def found(self, path: str = PATH, **more: Any) -> None:
        found = {"Address": ADDRESS, "AddressType": "random", "Connected": False, **more}
        self.daemon.add(path, DEVICE, **found)

    def heard(self, rssi_dbm: int) -> None:
        self.daemon.change(PATH, DEVICE, RSSI=Variant("n", rssi_dbm))

    async def taken(self, rssi_dbm: int) -> None:
        """Have a packet come while there is no scan."""
        self.heard(rssi_dbm)
        device: Any = self.system.objects.get(PATH, DEVICE)
        await until(lambda: device.get("RSSI") == rssi_dbm)
        assert all(report.rssi_dbm != rssi_dbm for report in self.reports)


@asynccontextmanager
async def opened(*, monitoring: bool = False) -> AsyncIterator[World]:
    async with private_bus():
        world = World(monitoring)
        await world.daemon.start()
        await world.system.open(world)  # type: ignore[arg-type]
        try:
            yield world
            await world.scanner.stop()
        finally:
            await world.system.close()
            world.daemon.bus.disconnect()


@in_loop
async def test_an_active_scan_is_discovery_with_duplicates() -> None:
    async with opened() as world:
        await world.scanner.start(ACTIVE)
        assert world.daemon.called("SetDiscoveryFilter") == [
            [{"Transport": "le", "DuplicateData": True}]
        ]
        assert world.asked() == ["SetDiscoveryFilter", "StartDiscovery"]
        await world.scanner.stop()
        assert world.daemon.called("SetDiscoveryFilter") == [[{}]]
        assert world.asked() == ["StopDiscovery", "SetDiscoveryFilter"]
        await world.scanner.stop()
        assert world.asked() == []


@in_loop
async def test_each_packet_is_reported_until_the_end() -> None:
    async with opened() as world:
        world.found()
        await world.scanner.start(ACTIVE)
        for rssi in (-50, -50, -51):
            world.heard(rssi)
        world.daemon.change(PATH, DEVICE, Connected=True)
        world.heard(-52)
        await until(lambda: len(world.reports) == 4)
        assert [report.rssi_dbm for report in world.reports] == [-50, -50, -51, -52]
        await world.scanner.stop()
        await world.taken(-53)
        await world.scanner.start(ACTIVE)
        world.heard(-54)
        await until(lambda: len(world.reports) > 4)
        assert [report.rssi_dbm for report in world.reports[4:]] == [-54]


@in_loop
async def test_a_monitor_for_nothing_has_duplicates_reported() -> None:
    async with opened(monitoring=True) as world:
        await world.scanner.start(ACTIVE)
        assert world.asked() == ["RegisterMonitor", "SetDiscoveryFilter", "StartDiscovery"]
        assert list(world.monitors) == [f"{ROOT}/0"]
        assert world.monitors[f"{ROOT}/0"] == {
            "Type": "or_patterns",
            "Patterns": list(NOTHING),
        }
        await world.scanner.stop()
        assert world.asked() == ["StopDiscovery", "SetDiscoveryFilter", "UnregisterMonitor"]
        with pytest.raises(Refusal):
            await world.daemon.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")


@in_loop
async def test_discovery_does_without_a_monitor_that_is_refused() -> None:
    async with opened(monitoring=True) as world:

        def refuse(message: Message) -> None:
            raise Refusal("org.bluez.Error.Failed", "too many")

        world.daemon.answers["RegisterMonitor"] = refuse
        await world.scanner.start(ACTIVE)
        assert "StartDiscovery" in world.asked()


@in_loop
async def test_a_passive_scan_is_monitors_alone() -> None:
    async with opened(monitoring=True) as world:
        world.found()
        await world.scanner.start(PASSIVE)
        assert world.asked() == ["RegisterMonitor"]
        patterns = [each["Patterns"] for each in world.monitors.values()]
        assert max(len(each) for each in patterns) <= MOST_PATTERNS
        assert [tuple(one) for each in patterns for one in each] == list(EVERYTHING)
        await world.daemon.call(f"{ROOT}/0", MONITOR, "DeviceFound", "o", PATH)
        properties = "org.freedesktop.DBus.Properties"
        told = await world.daemon.call(f"{ROOT}/0", properties, "GetAll", "s", MONITOR)
        assert unpack_variants(told.body[0]) == world.monitors[f"{ROOT}/0"]
        with pytest.raises(Refusal):
            await world.daemon.call(ROOT, properties, "GetAll", "s", MONITOR)
        await world.scanner.stop()
        assert world.asked() == ["UnregisterMonitor"]


@in_loop
async def test_without_monitors_there_is_no_passive_scan() -> None:
    async with opened() as world:
        assert Capability.PASSIVE_SCANNING not in world.system.capabilities
        with pytest.raises(NotImplementedError, match="without asking for scan responses"):
            await world.scanner.start(PASSIVE)
        await world.scanner.start(ACTIVE)
    async with opened(monitoring=True) as world:
        assert Capability.PASSIVE_SCANNING in world.system.capabilities


@in_loop
async def test_a_monitor_that_bluetoothd_releases_is_refused() -> None:
    async with opened(monitoring=True) as world:

        async def release(message: Message) -> None:
            await world.daemon.call(f"{ROOT}/0", MONITOR, "Release")

        world.daemon.answers["RegisterMonitor"] = release
        with pytest.raises(BusError, match=r"BlueZ 5.66 does not scan: .*refused the monitor"):
            await world.scanner.start(PASSIVE)


@in_loop
async def test_a_monitor_that_never_begins_ends() -> None:
    async with opened(monitoring=True) as world:
        world.daemon.answers.clear()
        monitors = Monitors(world.system.objects.bus, ADAPTER_PATH, NOTHING)
        with pytest.raises(BusError, match="did not begin to monitor"):
            await monitors.open(0.01)
        assert world.asked() == ["RegisterMonitor", "UnregisterMonitor"]


@in_loop
async def test_discovery_does_not_wait_long_for_a_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "DUPLICATES_S", 0.01)
    async with opened(monitoring=True) as world:
        world.daemon.answers.clear()
        await world.scanner.start(ACTIVE)
        assert "StartDiscovery" in world.asked()


@in_loop
async def test_what_bluetoothd_says_against_a_scan_is_told() -> None:
    async with opened() as world:

        def refuse(message: Message) -> None:
            raise Refusal("org.bluez.Error.NotReady", "Resource Not Ready")

        world.daemon.answers["StartDiscovery"] = refuse
        with pytest.raises(BusError, match=r"BlueZ 5.66 does not scan: Resource Not Ready"):
            await world.scanner.start(ACTIVE)


@in_loop
async def test_a_scan_that_has_begun_already_goes_on() -> None:
    async with opened() as world:

        def refuse(message: Message) -> None:
            raise Refusal(IN_PROGRESS, "Operation already in progress")

        world.daemon.answers["StartDiscovery"] = refuse
        await world.scanner.start(ACTIVE)


@in_loop
async def test_bluetoothd_is_freed_of_its_belief_that_it_scans() -> None:
    async with opened() as world:
        await world.scanner.start(ACTIVE)
        world.asked()

        def refuse(message: Message) -> None:
            del world.daemon.answers["StopDiscovery"]
            raise Refusal(IN_PROGRESS, "Operation already in progress")

        world.daemon.answers["StopDiscovery"] = refuse
        await world.scanner.stop()
        expected = ["StopDiscovery", "StartDiscovery", "StopDiscovery", "SetDiscoveryFilter"]
        assert world.asked() == expected


@in_loop
async def test_a_scan_that_cannot_be_stopped_is_over_all_the_same() -> None:
    async with opened() as world:
        world.found()
        await world.scanner.start(ACTIVE)

        def refuse(message: Message) -> None:
            raise Refusal("org.bluez.Error.Failed", "No discovery started")

        world.daemon.answers["StopDiscovery"] = refuse
        await world.scanner.stop()
        await world.taken(-53)
        await world.scanner.start(ACTIVE)
        assert not world.reports


@in_loop
async def test_a_scan_goes_on_when_the_power_is_back() -> None:
    async with opened(monitoring=True) as world:
        await world.scanner.start(ACTIVE)
        world.asked()
        world.daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        await until(lambda: not world.system.presence.is_usable)
        with pytest.raises(BusError, match="power"):
            await Discovery(world.system, world).start(ACTIVE)  # type: ignore[arg-type]
        world.daemon.change(ADAPTER_PATH, ADAPTER, Powered=True)
        await until(lambda: world.daemon.called("StartDiscovery"))
        expected = ["UnregisterMonitor", "RegisterMonitor", "SetDiscoveryFilter", "StartDiscovery"]
        assert world.asked() == expected


@in_loop
async def test_a_scan_goes_on_with_the_next_bluetoothd() -> None:
    async with opened() as world:
        await world.scanner.start(ACTIVE)
        await world.daemon.stop()
        await until(lambda: not world.system.presence.is_usable)
        world.asked()
        await world.daemon.start()
        await until(lambda: world.daemon.called("StartDiscovery"))
        world.found(RSSI=Variant("n", -40))
        await until(lambda: world.reports)
        assert not world.errors


@in_loop
async def test_an_adapter_that_is_back_may_need_a_moment(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(discovery, "KEEP_S", 0.01)
    monkeypatch.setattr(discovery, "RENEW_S", 0.01)
    async with opened() as world:
        await world.scanner.start(ACTIVE)
        world.daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        await until(lambda: not world.system.presence.is_usable)
        world.asked()
        refusals = 3 * [Refusal("org.bluez.Error.NotReady", "Resource Not Ready")]

        def refuse(message: Message) -> None:
            if refusals:
                raise refusals.pop()
            world.daemon.change(ADAPTER_PATH, ADAPTER, Discovering=True)

        world.daemon.answers["StartDiscovery"] = refuse
        world.daemon.change(ADAPTER_PATH, ADAPTER, Powered=True)
        await until(lambda: world.system.opened.properties.get("Discovering"))
        assert len(world.daemon.called("StartDiscovery")) >= 4
        assert caplog.text.count("Scanning has stopped for now: Resource Not Ready") == 1


@in_loop
async def test_a_scan_that_only_seemed_to_begin_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when another bluetoothd was killed and the kernel still discovers for it."""
    monkeypatch.setattr(discovery, "KEEP_S", 0.01)
    monkeypatch.setattr(discovery, "RENEW_S", 0.01)
    async with opened() as world:
        refusals = 2 * [Refusal(IN_PROGRESS, "Operation already in progress")]

        def refuse(message: Message) -> None:
            if refusals:
                raise refusals.pop()
            world.daemon.change(ADAPTER_PATH, ADAPTER, Discovering=True)

        world.daemon.answers["StartDiscovery"] = refuse
        await world.scanner.start(ACTIVE)
        await until(lambda: world.system.opened.properties.get("Discovering"))
        await world.scanner.stop()
        assert len(world.daemon.called("StartDiscovery")) == 3


@in_loop
async def test_a_scan_in_which_nothing_is_heard_is_begun_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """bluetoothd may believe that the kernel scans, and does not ask it to."""
    monkeypatch.setattr(discovery, "KEEP_S", 0.02)
    async with opened(monitoring=True) as world:

        def discovers(message: Message) -> None:
            world.daemon.change(ADAPTER_PATH, ADAPTER, Discovering=True)

        world.daemon.answers["StartDiscovery"] = discovers
        await world.scanner.start(ACTIVE)
        await until(lambda: world.daemon.called("StopDiscovery"))
        await until(lambda: len(world.daemon.called("StartDiscovery")) == 2)
        await world.scanner.stop()


@pytest.mark.parametrize("parameters", [ACTIVE, PASSIVE], ids=["active", "passive"])
@in_loop
async def test_monitors_that_bluetoothd_gives_up_are_registered_anew(
    parameters: ScanParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "DUPLICATES_S", 60.0)
    monkeypatch.setattr(discovery, "KEEP_S", 0.01)
    async with opened(monitoring=True) as world:
        await world.scanner.start(parameters)
        for _ in range(2):
            former: Any = world.scanner._monitors
            await world.daemon.call(f"{ROOT}/0", MONITOR, "Release")
            await until(lambda former=former: world.scanner._monitors not in (None, former))
            await until(lambda: getattr(world.scanner._monitors, "_active", None))
        assert len(world.daemon.called("RegisterMonitor")) >= 3


@in_loop
async def test_a_part_of_a_passive_scan_that_is_refused_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with opened(monitoring=True) as world:

        async def some(message: Message) -> None:
            await world.daemon.call(f"{ROOT}/0", MONITOR, "Activate")
            await world.daemon.call(f"{ROOT}/{MOST_PATTERNS}", MONITOR, "Release")

        world.daemon.answers["RegisterMonitor"] = some
        await world.scanner.start(PASSIVE)
        assert caplog.text.count("refused a part of a passive scan") == 1
        assert world.scanner._monitors is not None
        assert not world.scanner._monitors.has_ended


@pytest.mark.parametrize("monitoring", [True, False])
@in_loop
async def test_a_scan_goes_on_when_the_kernel_tells_no_longer(
    monitoring: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the monitor that it did not need before, where there is one."""
    monkeypatch.setattr(discovery, "KEEP_S", 0.01)
    monkeypatch.setattr(discovery, "RENEW_S", 0.01)
    Raw.allowed = True
    async with opened(monitoring=monitoring) as world:
        await world.scanner.start(ACTIVE)
        assert "RegisterMonitor" not in world.asked()
        Raw.allowed = False
        Raw.all[0].ended()
        wanted = "RegisterMonitor" if monitoring else "StartDiscovery"
        await until(lambda: world.daemon.called(wanted))


@in_loop
async def test_a_scan_that_was_stopped_meanwhile_does_not_come_back() -> None:
    async with opened() as world:
        await world.scanner.start(ACTIVE)
        world.daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        await until(lambda: not world.system.presence.is_usable)
        await world.scanner.stop()
        world.asked()
        world.daemon.change(ADAPTER_PATH, ADAPTER, Powered=True)
        await until(lambda: world.system.presence.is_usable)
        await world.scanner.stop()
        assert world.asked() == []


@in_loop
async def test_the_scanner_is_used_again_after_close() -> None:
    async with opened() as world:
        await world.scanner.start(ACTIVE)
        await world.scanner.stop()
        await world.system.close()
        await world.system.open(world)  # type: ignore[arg-type]
        await world.scanner.start(ACTIVE)
        world.found(RSSI=Variant("n", -40))
        await until(lambda: world.reports)
        assert world.scanner.counters() == dict.fromkeys(COUNTED, 0)
        assert world.scanner.heard(world.reports[0].address) is None


# One discovery for all


@in_loop
async def test_a_connection_that_waits_for_a_device_does_not_end_a_scan() -> None:
    async with opened() as world:
        hearing = Hearing(world.system.objects, world.system.discovery)
        task = asyncio.create_task(hearing.hear(PATH, lambda seconds: None))
        await until(lambda: world.daemon.called("StartDiscovery"))
        await world.scanner.start(ACTIVE)
        world.asked()
        world.found(RSSI=Variant("n", -40))
        await task
        assert world.asked() == []
        await world.scanner.stop()
        assert world.asked() == ["StopDiscovery", "SetDiscoveryFilter"]


@in_loop
async def test_a_scan_that_ends_does_not_end_a_connection_that_waits() -> None:
    async with opened() as world:
        hearing = Hearing(world.system.objects, world.system.discovery)
        await world.scanner.start(ACTIVE)
        task = asyncio.create_task(hearing.hear(PATH, lambda seconds: None))
        await until(lambda: len(world.system.discovery._users) == 2)
        await world.scanner.stop()
        assert not world.daemon.called("StopDiscovery")
        task.cancel()
        await asyncio.wait({task})
        assert len(world.daemon.called("StopDiscovery")) == 1


@in_loop
async def test_a_discovery_is_renewed_for_all() -> None:
    async with opened() as world:
        discovery = world.system.discovery
        await discovery.renew()
        assert world.asked() == []
        await discovery.begin("one")
        await discovery.begin("other")
        world.asked()
        await discovery.renew()
        expected = ["StopDiscovery", "SetDiscoveryFilter", "SetDiscoveryFilter", "StartDiscovery"]
        assert world.asked() == expected
        await discovery.end("one")
        await discovery.end("one")
        assert world.asked() == []
        await discovery.end("other")
        assert world.asked() == ["StopDiscovery", "SetDiscoveryFilter"]


@pytest.mark.parametrize("monitoring", [False, True])
@in_loop
async def test_discovery_begins_anew_where_duplicates_are_left_out(
    monitoring: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "RENEW_S", 0.001)
    async with opened(monitoring=monitoring) as world:
        await world.scanner.start(ACTIVE)
        if monitoring:
            await asyncio.sleep(0.05)
            assert len(world.daemon.called("StartDiscovery")) == 1
            return
        await until(lambda: len(world.daemon.called("StartDiscovery")) >= 3)

        def refuse(message: Message) -> None:
            raise Refusal("org.bluez.Error.NotReady")

        world.daemon.answers["StartDiscovery"] = refuse
        before = len(world.daemon.called("StartDiscovery"))
        await until(lambda: len(world.daemon.called("StartDiscovery")) >= before + 2)
        await world.scanner.stop()
        world.asked()
        await asyncio.sleep(0.05)
        assert world.asked() == []


# Packets of the kernel


@in_loop
async def test_packets_of_the_kernel_take_the_place_of_signals() -> None:
    Raw.allowed = True
    async with opened(monitoring=True) as world:
        world.found()
        await world.scanner.start(ScanParameters(extended=True))
        assert world.asked() == ["SetDiscoveryFilter", "StartDiscovery"]
        (raw,) = Raw.all
        assert (raw.index, raw.extended) == (0, True)
        report = Report(DeviceAddress(OCTETS, random=True), b"raw", -50, True, True)
        raw.reported(report)
        await world.taken(-51)
        assert world.reports == [report]
        raw.counters.malformed, raw.counters.scan_fragments = 2, 1
        await world.scanner.stop()
        assert raw.extended is None
        assert world.scanner.counters() == {
            **dict.fromkeys(COUNTED, 0),
            "scan.malformed": 2,
            "scan.dropped_fragments": 1,
        }


@in_loop
async def test_what_bluetoothd_alone_knows_is_reported_as_well() -> None:
    """A bonded peer with a private address, which the kernel resolves for bluetoothd only."""
    Raw.allowed = True
    async with opened() as world:
        world.found()
        await world.scanner.start(ACTIVE)
        private = Report(DeviceAddress(bytes(5) + b"\x40", random=True), b"raw", -50, True, False)
        Raw.all[0].reported(private)
        world.heard(-50)
        await until(lambda: len(world.reports) == 2)
        assert world.reports[1].address == DeviceAddress(OCTETS, random=True)


@in_loop
async def test_private_addresses_are_left_to_bluetoothd_where_there_are_bonds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By one that the kernel tells, a bonded peer could not be connected to."""
    monkeypatch.setattr(discovery, "BONDS_S", 0.0)
    Raw.allowed = True
    async with opened() as world:
        world.found()
        await world.scanner.start(ACTIVE)
        private = Report(DeviceAddress(bytes(5) + b"\x40", random=True), b"raw", -50, True, False)
        static = Report(DeviceAddress(bytes(5) + b"\xc0", random=True), b"raw", -50, True, False)
        Raw.all[0].reported(private)
        assert world.reports == [private]
        world.daemon.change(PATH, DEVICE, Paired=True)
        device: Any = world.system.objects.get(PATH, DEVICE)
        await until(lambda: device.get("Paired"))
        for report in (private, static):
            Raw.all[0].reported(report)
        assert world.reports == [private, static]


@in_loop
async def test_bluetoothd_goes_on_telling_when_the_kernel_does_not() -> None:
    Raw.allowed = True
    async with opened() as world:
        world.found()
        await world.scanner.start(ACTIVE)
        report = Report(DeviceAddress(OCTETS, random=True), b"raw", -50, True, True)
        Raw.all[0].reported(report)
        Raw.all[0].ended()
        world.heard(-52)
        await until(lambda: len(world.reports) == 2)
        await world.scanner.stop()
        Raw.all[0].ended()
        await world.taken(-53)


@in_loop
async def test_a_kernel_behind_another_bus_is_another_computers() -> None:
    Raw.allowed = True
    async with opened() as world:
        world.system.objects.bus.passes_descriptors = False
        await world.scanner.start(ACTIVE)
        assert not Raw.all


@in_loop
async def test_the_kernel_is_listened_to_anew_when_the_adapter_is_back() -> None:
    Raw.allowed = True
    async with opened() as world:
        await world.scanner.start(ACTIVE)
        world.daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        await until(lambda: not world.system.presence.is_usable)
        world.daemon.change(ADAPTER_PATH, ADAPTER, Powered=True)
        await until(lambda: len(Raw.all) == 2)
        await world.scanner.stop()
        assert [raw.extended for raw in Raw.all] == [None, None]
