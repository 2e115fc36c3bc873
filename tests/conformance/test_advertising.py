"""Advertising and scanning, as both ends see it."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.backends.base import Report
from bleio.backends.capabilities import Capability
from bleio.core.address import AddressType, DeviceAddress
from bleio.core.advertising_fields import parse
from bleio.errors import CallerError, InvalidParameter
from support.hci.engine import until
from support.hci.simulated import in_world_time, simulated
from support.hci.world import FLAGS, Device, LegacyWorld, MakeWorld
from support.recorded import tshark_complains
from support.tshark import MALFORMED

NOBODY = DeviceAddress(bytes.fromhex("0123456789cb"), random=True)
NAME = b"\x05\x09name"
MAKERS = b"\x05\xff\xff\xff\x01\x02"  # a manufacturer's data: what no system leaves out
BEACON = FLAGS + MAKERS
LONG = b"\x02\x01\x06" + bytes((200, 0xFF)) + bytes(range(199))


def reports_of(scanner: Device, advertiser: Device) -> list[Report]:
    return [each for each in scanner.engine.reports if each.address == advertiser.address]


def is_told(sent: bytes, heard: bytes, *devices: Device) -> bool:
    """Whether a scanner was told what was sent, as well as it and the advertiser can say it.

    What has fields in place of octets tells all that were sent by now, but flags and types that it
    does not know. Some add flags.
    """
    if all(Capability.RAW_ADVERTISING in each.backend.capabilities for each in devices):
        return heard == sent
    said, understood = parse(sent), parse(heard)
    return (
        set(said.services) <= set(understood.services)
        and set(said.service_data) <= set(understood.service_data)
        and set(said.manufacturer_data) <= set(understood.manufacturer_data)
        and set(understood.others) <= set(said.others)
    )


@in_world_time
async def test_a_scanner_gets_the_data_as_it_was_sent(make_world: MakeWorld) -> None:
    async with make_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await advertiser.advertise(data=BEACON)
        await scanner.scan(extended=True)
        await until(lambda: reports_of(scanner, advertiser))
        report = reports_of(scanner, advertiser)[0]
        assert is_told(BEACON, report.data, scanner, advertiser)
        assert report.connectable
        assert not report.scan_response
        assert -127 <= report.rssi_dbm <= 20


@in_world_time
async def test_packets_are_not_deduplicated(make_world: MakeWorld) -> None:
    async with make_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await advertiser.advertise(data=BEACON)
        await scanner.scan(extended=True)
        await until(lambda: len(reports_of(scanner, advertiser)) >= 3)


@in_world_time
async def test_stopping_the_scan_ends_the_reports(make_world: MakeWorld) -> None:
    async with make_world() as world:
        scanner, other, advertiser = [await world.device() for _ in range(3)]
        await advertiser.advertise(data=BEACON)
        await scanner.scan(extended=True)
        await other.scan(extended=True)
        await until(lambda: reports_of(scanner, advertiser))
        await scanner.backend.stop_scan()
        await scanner.backend.stop_scan()
        seen = len(scanner.engine.reports)
        other.engine.reports.clear()
        await until(lambda: len(other.engine.reports) >= 3)
        assert len(scanner.engine.reports) == seen
        await scanner.scan(extended=True)
        await until(lambda: len(scanner.engine.reports) > seen)


@in_world_time
async def test_stopping_advertising_is_heard(make_world: MakeWorld) -> None:
    async with make_world() as world:
        scanner, advertiser, other = [await world.device() for _ in range(3)]
        await advertiser.advertise(data=BEACON)
        await scanner.scan(extended=True)
        await until(lambda: reports_of(scanner, advertiser))
        await advertiser.backend.stop_advertising()
        await advertiser.backend.stop_advertising()
        await other.advertise(data=BEACON)
        await until(lambda: reports_of(scanner, other))
        scanner.engine.reports.clear()
        await until(lambda: len(reports_of(scanner, other)) >= 3)
        assert not reports_of(scanner, advertiser)
        assert advertiser.engine.log == []


@pytest.mark.needs(Capability.SCAN_RESPONSES)
@in_world_time
async def test_a_scan_response_comes_as_a_report_of_its_own(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await advertiser.advertise(scan_response=NAME)
        await scanner.scan()
        await until(lambda: any(r.scan_response for r in reports_of(scanner, advertiser)))
        response = next(r for r in reports_of(scanner, advertiser) if r.scan_response)
        assert response.data == NAME
        assert response.connectable


@pytest.mark.needs(Capability.SCAN_RESPONSES, Capability.PASSIVE_SCANNING)
@in_world_time
async def test_a_passive_scan_gets_no_scan_responses(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await advertiser.advertise(scan_response=NAME)
        await scanner.scan(active=False)
        await until(lambda: len(reports_of(scanner, advertiser)) >= 3)
        assert not any(report.scan_response for report in scanner.engine.reports)


@pytest.mark.needs(Capability.SCAN_RESPONSES, Capability.NON_CONNECTABLE_ADVERTISING)
@in_world_time
async def test_scannable_but_not_connectable(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await advertiser.advertise(connectable=False, scan_response=NAME)
        await scanner.scan()
        await until(lambda: any(r.scan_response for r in reports_of(scanner, advertiser)))
        assert not any(report.connectable for report in reports_of(scanner, advertiser))


@pytest.mark.parametrize("connectable", [False, True])
@pytest.mark.needs(Capability.EXTENDED_ADVERTISING)
@in_world_time
async def test_more_than_31_octets_are_extended(
    faithful_world: MakeWorld, connectable: bool
) -> None:
    async with faithful_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await advertiser.advertise(data=LONG, connectable=connectable)
        await scanner.scan(extended=True)
        await until(lambda: reports_of(scanner, advertiser))
        report = reports_of(scanner, advertiser)[0]
        assert report.data == LONG
        assert report.connectable == connectable


@pytest.mark.needs(Capability.EXTENDED_ADVERTISING)
@in_world_time
async def test_a_legacy_scan_does_not_show_extended_packets(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        scanner, advertiser, legacy = [await world.device() for _ in range(3)]
        await advertiser.advertise(data=LONG, connectable=False)
        await legacy.advertise()
        await scanner.scan()
        await until(lambda: len(reports_of(scanner, legacy)) >= 3)
        assert not reports_of(scanner, advertiser)


@pytest.mark.needs(Capability.EXTENDED_ADVERTISING)
@in_world_time
async def test_long_and_short_data_one_after_the_other(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await scanner.scan(extended=True)
        for data in (LONG, FLAGS, LONG, b""):
            await advertiser.advertise(data=data, connectable=False)
            scanner.engine.reports.clear()
            await until(lambda: scanner.engine.reports)
            assert scanner.engine.reports[-1].data == data
            await advertiser.backend.stop_advertising()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            b"\x05\x09cut",
            marks=tshark_complains(MALFORMED, reason="the structure is cut on purpose"),
        ),
        b"\x02\x24x",
        b"\x03\x09\xff\xfe",
    ],
)
@pytest.mark.needs(Capability.RAW_ADVERTISING)
@in_world_time
async def test_data_need_not_make_sense(make_world: MakeWorld, data: bytes) -> None:
    async with make_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await advertiser.advertise(data=data)
        await scanner.scan(extended=True)
        await until(lambda: reports_of(scanner, advertiser))
        assert reports_of(scanner, advertiser)[0].data == data


@in_world_time
async def test_all_of_the_data_arrives_or_it_is_refused(make_world: MakeWorld) -> None:
    async with make_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        for data in (bytes.fromhex("0303 0f18 0201 06 0416 0f18 64"), b"\x02\x24x"):
            scanner.engine.reports.clear()
            try:
                await advertiser.advertise(data=data)
            except NotImplementedError:
                assert Capability.RAW_ADVERTISING not in advertiser.backend.capabilities
                assert not parse(data).is_plain
                continue
            await scanner.scan(extended=True)
            await until(lambda: reports_of(scanner, advertiser))
            await scanner.backend.stop_scan()
            await advertiser.backend.stop_advertising()
            assert is_told(data, reports_of(scanner, advertiser)[0].data, scanner, advertiser)


@in_world_time
async def test_too_much_data_is_refused_with_a_sentence(make_world: MakeWorld) -> None:
    async with make_world() as world:
        device = await world.device()
        with pytest.raises(InvalidParameter, match="at most"):
            await device.advertise(data=bytes(5000))
        await device.advertise()


@pytest.mark.parametrize(
    "parameters",
    [
        {"data": FLAGS, "directed_to": NOBODY},
        {"data": b"", "scan_response": NAME, "directed_to": NOBODY},
        {"data": LONG, "scan_response": NAME},
        {"high_duty_cycle": True},
    ],
)
@pytest.mark.needs(Capability.SCAN_RESPONSES, Capability.DIRECTED_ADVERTISING)
@in_world_time
async def test_what_does_not_go_together_is_refused(
    make_world: MakeWorld, parameters: dict[str, Any]
) -> None:
    async with make_world() as world:
        device = await world.device()
        with pytest.raises(CallerError):
            await device.advertise(**parameters)


@in_world_time
async def test_impossible_transmit_power_is_refused(make_world: MakeWorld) -> None:
    async with make_world() as world:
        device = await world.device()
        with pytest.raises(InvalidParameter):
            await device.advertise(tx_power_dbm=100)
        await device.advertise()


@simulated
async def test_a_legacy_controller_cannot_do_more_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with LegacyWorld() as world:
        scanner, advertiser = await world.device(), await world.device()
        with pytest.raises(InvalidParameter, match="at most 31 octets"):
            await advertiser.advertise(data=bytes(32))
        await advertiser.advertise()
        for _ in range(2):
            await scanner.scan(extended=True)
            await until(lambda: reports_of(scanner, advertiser))
            await scanner.backend.stop_scan()
        (record,) = caplog.records  # once is enough
        assert record.getMessage() == (
            "This controller hears legacy advertising only, no extended packets"
        )


@in_world_time
async def test_a_transmit_power_is_a_wish(
    faithful_world: MakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """A program that sets one runs on every adapter, and is told where it was not heeded."""
    async with faithful_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await advertiser.advertise(tx_power_dbm=4)
        await scanner.scan()
        await until(lambda: reports_of(scanner, advertiser))
        heeded = Capability.TRANSMIT_POWER in advertiser.backend.capabilities
        assert caplog.text.count("so tx_power is ignored") == (not heeded)


@simulated
async def test_that_a_transmit_power_is_not_heeded_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with LegacyWorld() as world:
        advertiser = await world.device()
        for power_dbm in (4, -12):
            await advertiser.advertise(tx_power_dbm=power_dbm)
            await advertiser.backend.stop_advertising()
        (record,) = caplog.records
        assert record.getMessage() == (
            "This controller chooses its transmit power, so tx_power is ignored"
        )


@pytest.mark.needs(Capability.TRANSMIT_POWER)
@in_world_time
async def test_transmit_power_shows_in_the_rssi(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        scanner, strong, weak = [await world.device() for _ in range(3)]
        await strong.advertise(tx_power_dbm=4)
        await weak.advertise(tx_power_dbm=-12)
        await scanner.scan()
        await until(lambda: reports_of(scanner, strong) and reports_of(scanner, weak))
        difference = reports_of(scanner, strong)[0].rssi_dbm - reports_of(scanner, weak)[0].rssi_dbm
        assert difference == 16


@pytest.mark.needs(Capability.ANONYMOUS_ADVERTISING)
@in_world_time
async def test_anonymous_advertising_does_not_show_the_identity(make_world: MakeWorld) -> None:
    async with make_world() as world:
        scanner, advertiser = await world.device(), await world.device()
        await advertiser.advertise(anonymous=True)
        await scanner.scan(extended=True)
        await until(lambda: scanner.engine.reports)
        address = scanner.engine.reports[0].address
        assert address != advertiser.address
        assert address.type is AddressType.RANDOM_PRIVATE_RESOLVABLE
        link = await scanner.backend.connect(address, 10)
        assert link.peer == address


@pytest.mark.needs(Capability.DIRECTED_ADVERTISING)
@in_world_time
async def test_directed_advertising_reaches_the_one_it_is_for(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        right, wrong, advertiser = [await world.device() for _ in range(3)]
        await wrong.scan()
        await right.scan()
        await advertiser.advertise(data=b"", directed_to=right.address)
        await until(lambda: reports_of(right, advertiser))
        assert reports_of(right, advertiser)[0].connectable
        assert not reports_of(wrong, advertiser)
        await right.backend.stop_scan()
        link, _ = await right.connect(advertiser)
        assert link.connected


@pytest.mark.needs(Capability.DIRECTED_ADVERTISING)
@in_world_time
async def test_high_duty_cycle_ends_by_itself(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        target, advertiser = await world.device(), await world.device()
        await advertiser.advertise(data=b"", directed_to=target.address, high_duty_cycle=True)
        await until(lambda: advertiser.engine.log)
        assert advertiser.engine.log == ["advertising ended"]
        await advertiser.advertise()


@pytest.mark.needs(Capability.NON_CONNECTABLE_ADVERTISING)
@in_world_time
async def test_non_connectable_advertising_survives_a_link(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        beacon, peripheral, scanner = [await world.device() for _ in range(3)]
        await beacon.advertise(data=MAKERS, connectable=False)
        await peripheral.advertise()
        await beacon.connect(peripheral)
        await scanner.scan()
        # Its address may be one that was made up for it.
        await until(lambda: any(MAKERS in report.data for report in scanner.engine.reports))
        assert beacon.engine.log == ["link opened"]


@in_world_time
async def test_advertising_while_scanning(make_world: MakeWorld) -> None:
    async with make_world() as world:
        one, other = await world.device(), await world.device()
        for device in (one, other):
            await device.scan(extended=True)
            await device.advertise(data=BEACON)
        await until(lambda: reports_of(one, other) and reports_of(other, one))
