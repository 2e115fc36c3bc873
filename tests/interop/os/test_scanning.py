"""Scans with the real bluetoothd: each packet is reported, and nothing ends a scan but its program.

Devices of ours are on the radio, and BlueZ's controller is on it, too.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bleio.backends.base import Link, Report, ScanParameters
from bleio.backends.os.backend import OsBackend
from bleio.backends.os.bluez.system import BlueZ
from bleio.core.address import DeviceAddress
from bleio.core.advertising_fields import AdvertisingFields, parse
from bleio.gatt.server import LocalServer
from support.bluez.loops import in_loop
from support.patience import PATIENCE_S
from support.processes import Program, stop_all
from support.stacks import bluez_image
from support.stacks.kept import Kept, kept
from support.stacks.machine import Machine

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(bool(bluez_image.missing()), reason=bluez_image.missing()),
]

ADVERTISERS = Path(__file__).parent / "programs" / "advertisers.py"
DEVICES = 5
COMPANY = 0x0822
HEART_RATE = b"\x0d\x18"


class Desk:
    """The machine, and the devices around it."""

    def __init__(self, of: Kept, visited: bytes) -> None:
        self.kept = of
        self.visited = DeviceAddress(visited, random=True)

    @property
    def machine(self) -> Machine:
        return self.kept.machine


@pytest.fixture(scope="module")
def _desk() -> Iterator[Desk]:
    of = kept()
    with tempfile.TemporaryDirectory(prefix="bleio-") as name:
        environment = {**of.environment, "BLEIO_STATE_DIR": f"{name}/state"}
        arguments = [str(ADVERTISERS), "virtual:kept", str(DEVICES)]
        program = Program("advertisers", arguments, environment, Path(name))
        try:
            visited = program.wait_for("^address ([0-9a-f]{12})$")[1]
            yield Desk(of, bytes.fromhex(visited))
        finally:
            stop_all([program])


@pytest.fixture
def desk(_desk: Desk) -> Iterator[Desk]:
    yield _desk
    asyncio.run(_desk.kept.reset())


class Central:
    """Our backend on the machine's BlueZ; what it hears."""

    def __init__(self) -> None:
        self.backend = OsBackend(BlueZ("hci0"))
        self.heard: defaultdict[DeviceAddress, list[Report]] = defaultdict(list)
        self.lost_error: Exception | None = None

    def reported(self, report: Report) -> None:
        self.heard[report.address].append(report)

    def link_opened(self, link: Link) -> None:
        """What `connect` returns as well."""

    def link_closed(self, link: Link) -> None:
        """Seen by the link itself."""

    def advertising_ended(self) -> None:
        raise AssertionError

    def lost(self, error: Exception) -> None:
        self.lost_error = error

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            assert self.lost_error is None, self.lost_error
            await asyncio.sleep(0.02)

    async def hears(self, *addresses: DeviceAddress, packets: int = 1) -> None:
        """Wait for as many packets of each from now on; without addresses, of all devices."""
        self.heard.clear()
        many = 1 + DEVICES

        def enough() -> bool:
            full = [each for each, heard in self.heard.items() if len(heard) >= packets]
            return set(addresses) <= set(full) if addresses else len(full) >= many

        await self.until(enough)

    def fields(self, address: DeviceAddress) -> AdvertisingFields:
        return parse(self.heard[address][-1].data)


@pytest.fixture
def with_central(desk: Desk) -> Callable[..., None]:
    """Run a test's coroutine with a central that is open."""

    @in_loop
    async def run(test: Callable[[Central], Awaitable[None]]) -> None:
        central = Central()
        await central.backend.open(LocalServer(), "central", central)
        try:
            await test(central)
        finally:
            await central.backend.close()

    return run


ACTIVE, PASSIVE = ScanParameters(), ScanParameters(active=False)


def whole(packets: list[Report]) -> tuple[int, int]:
    """Return company and number in a device's packets.

    The kernel joins a scan response, which may be empty, with the packet before, unless another
    device's comes in between; then it tells the two apart.
    """
    parsed = [parse(report.data) for report in packets]
    both = [each for each in parsed if each.manufacturer_data]
    responses = [each for each in parsed if not each.manufacturer_data]
    assert len(responses) < len(both), parsed
    assert all(each.flags is None for each in responses), responses
    assert {each.services for each in both} == {(HEART_RATE,)}
    (((company, content),),) = {each.manufacturer_data for each in both}
    return company, content[0]


def test_each_packet_of_each_device_is_reported(with_central: Callable[..., None]) -> None:
    async def test(central: Central) -> None:
        await central.backend.start_scan(ACTIVE)
        await central.hears(packets=20)
        numbers = set()
        for address in central.heard:
            assert address.random
            packets = central.heard[address]
            assert all(report.rssi_dbm == -60 for report in packets)
            company, number = whole(packets)
            assert company == COMPANY
            numbers.add(number)
        assert numbers == {*range(DEVICES), 0xEE}
        names = {central.fields(address).complete_name for address in central.heard}
        assert {"device 0", "device 3", "visited"} <= names
        await central.backend.stop_scan()
        central.heard.clear()
        await asyncio.sleep(0.3)
        assert not central.heard

    with_central(test)


def test_a_passive_scan_hears_each_device(with_central: Callable[..., None]) -> None:
    async def test(central: Central) -> None:
        await central.backend.start_scan(PASSIVE)
        await central.hears()
        numbers = {central.fields(each).manufacturer_data[0][1][0] for each in central.heard}
        assert numbers == {*range(DEVICES), 0xEE}

    with_central(test)


def test_what_gatt_shows_is_not_advertised(desk: Desk, with_central: Callable[..., None]) -> None:
    """Also others are heard during the connection."""

    async def test(central: Central) -> None:
        await central.backend.start_scan(ACTIVE)
        await central.hears(desk.visited)
        advertised = central.fields(desk.visited)
        assert advertised.complete_name == "visited"
        await central.backend.stop_scan()
        link = await central.backend.connect(desk.visited, PATIENCE_S)
        services = await link.discover(None)
        assert b"\x0f\x18" in [service.uuid for service in services]
        await central.backend.start_scan(ACTIVE)
        central.heard.clear()
        await central.until(lambda: len(central.heard) >= DEVICES)
        await link.disconnect()
        await central.hears(desk.visited, packets=3)
        assert central.fields(desk.visited) == advertised

    with_central(test)


def test_after_an_earlier_visit_its_services_are_a_part_of_a_list(
    desk: Desk, with_central: Callable[..., None]
) -> None:
    async def test(central: Central) -> None:
        link = await central.backend.connect(desk.visited, PATIENCE_S)
        await link.discover(None)
        await link.disconnect()
        await central.backend.start_scan(ACTIVE)
        await central.hears(desk.visited, packets=2)
        fields = central.fields(desk.visited)
        assert fields.services == ()
        assert b"\x0f\x18" in fields.more_services  # and, since 5.82, what was advertised
        assert fields.complete_name == "visited"

    with_central(test)


def test_another_programs_scan_changes_nothing(
    desk: Desk, with_central: Callable[..., None]
) -> None:
    async def test(central: Central) -> None:
        await central.backend.start_scan(ACTIVE)
        await central.hears(packets=2)
        theirs = asyncio.to_thread(desk.machine.run, "bluetoothctl --timeout 3 scan on")
        scan = asyncio.create_task(theirs)
        await central.hears(packets=2)
        await scan
        await central.hears(packets=5)

    with_central(test)


def test_a_scan_goes_on_after_power_was_off(desk: Desk, with_central: Callable[..., None]) -> None:
    async def test(central: Central) -> None:
        await central.backend.start_scan(ACTIVE)
        await central.hears(packets=2)
        for on in (False, True):
            await asyncio.to_thread(desk.machine.power, 0, on)
        await central.hears(packets=5)

    with_central(test)


def test_a_scan_goes_on_with_the_next_bluetoothd(
    desk: Desk, with_central: Callable[..., None]
) -> None:
    def restart() -> None:
        desk.machine.stop_bluetoothd("KILL")
        desk.machine.start_bluetoothd("--experimental")

    async def test(central: Central) -> None:
        await central.backend.start_scan(ACTIVE)
        await central.hears(packets=2)
        await asyncio.to_thread(restart)
        await central.hears(packets=5)

    with_central(test)


def test_a_program_that_is_gone_leaves_no_scan(
    desk: Desk, with_central: Callable[..., None]
) -> None:
    async def test(central: Central) -> None:
        await central.backend.start_scan(ACTIVE)
        await central.hears()
        system = central.backend._system
        assert isinstance(system, BlueZ)
        await system.objects.bus.close()  # as the kernel does it for a process that was killed

        def discovering() -> str:
            return desk.machine.run("bluetoothctl show | grep Discovering")

        while "yes" in await asyncio.to_thread(discovering):
            await asyncio.sleep(0.1)

    with_central(test)
