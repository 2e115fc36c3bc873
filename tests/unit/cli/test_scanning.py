"""The parts of `bleio scan`, without a radio."""

from __future__ import annotations

import io
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bleio.api import ScanEntry
from bleio.backends.base import Report
from bleio.cli.scanning import recording
from bleio.cli.scanning.device import MOST_COMPANIES, MOST_SERVICES, Device
from bleio.cli.scanning.devices import GONE_S, SETTLE_S, Change, Devices
from bleio.cli.scanning.filters import parse_filters
from bleio.cli.scanning.lines import (
    device_text,
    said_by_structure,
    structure_lines,
    summary_text,
)
from bleio.cli.scanning.objects import packet_object, summary_object
from bleio.cli.scanning.table import SORTS, LiveTable
from bleio.core.address import DeviceAddress
from bleio.core.advertising_fields import AdvertisingFields, build, parse
from bleio.decoding.reading.files import decode, read
from support import schemas, tshark

HEART_RATE, BATTERY = b"\x0d\x18", b"\x0f\x18"


def entry(
    number: int = 1,
    data: bytes = b"",
    rssi_dbm: int = -60,
    *,
    connectable: bool = True,
    scan_response: bool = False,
    random: bool = True,
    **fields: Any,
) -> ScanEntry:
    octets = number.to_bytes(5, "little") + b"\xf0"
    data = data or build(AdvertisingFields(**fields))
    address = DeviceAddress(octets, random)
    return ScanEntry._of(Report(address, data, rssi_dbm, connectable, scan_response))


def everything(device: Device) -> bool:
    return True


def told(devices: Devices, now_s: float, **options: Any) -> list[tuple[Change, str]]:
    return [
        (change, device.name or device.address_text)
        for change, device in devices.changes(now_s, **options)
    ]


# What is known of a device


def test_a_device_is_what_all_its_packets_say() -> None:
    device = Device(entry().address, 0.0)
    device.add(entry(services=(HEART_RATE,), flags=6), 0.0)
    device.add(entry(complete_name="Strap", scan_response=True, rssi_dbm=-50), 0.1)
    device.add(entry(manufacturer_data=((0x4C, b"\1"),), shortened_name="Str"), 0.2)
    assert (device.name, device.rssi_dbm) == ("Strap", -60)
    assert device_text(device) == (
        'f0:00:00:00:00:01 static     -60 dBm  connectable  "Strap"  Heart Rate; Apple, Inc.'
    )


def test_what_is_kept_of_a_device_has_bounds() -> None:
    device = Device(entry().address, 0.0)
    for number in range(300):
        company = ((number, b""),)
        service = (number.to_bytes(2, "little"),)
        device.add(entry(services=service, manufacturer_data=company), number / 10)
    assert len(device.services) == MOST_SERVICES
    assert len(device.companies) == MOST_COMPANIES


def test_a_rate_is_of_the_last_seconds() -> None:
    device = Device(entry().address, 0.0)
    for tenth in range(100):
        device.add(entry(), tenth / 10)
    assert device.rate(9.9) == pytest.approx(10, rel=0.2)
    assert device.rate(30.0) == 0


def test_a_strength_that_the_controller_does_not_know_is_none() -> None:
    device = Device(entry().address, 0.0)
    device.add(entry(rssi_dbm=127), 0.0)
    assert device.rssi_dbm is None
    assert "? dBm" in device_text(device)
    assert packet_object(entry(rssi_dbm=127), AdvertisingFields(), 0.0)["rssi_dbm"] is None


# Which are new, which are gone


def test_a_device_is_told_with_the_name_in_its_scan_response() -> None:
    devices = Devices(everything)
    devices.add(entry(1, services=(BATTERY,)), 0.0)
    assert told(devices, 0.1) == []
    devices.add(entry(1, complete_name="Thermometer", scan_response=True), 0.15)
    assert told(devices, 0.2) == [(Change.NEW, "Thermometer")]
    assert told(devices, 0.3) == []


def test_a_device_without_a_scan_response_is_told_a_moment_later() -> None:
    devices = Devices(everything)
    devices.add(entry(1), 0.0)
    assert told(devices, SETTLE_S) == [(Change.NEW, "f0:00:00:00:00:01")]
    devices.add(entry(2), 1.0)
    assert told(devices, 1.0, settled=True) == [(Change.NEW, "f0:00:00:00:00:02")]


def test_a_device_that_changes_goes_and_comes_back_is_told_so() -> None:
    devices = Devices(everything)
    devices.add(entry(1, complete_name="a"), 0.0)
    assert told(devices, 1.0) == [(Change.NEW, "a")]
    devices.add(entry(1, complete_name="b"), 2.0)
    assert told(devices, 2.5) == [(Change.CHANGED, "b")]
    assert told(devices, 2.0 + GONE_S) == [(Change.GONE, "b")]
    assert told(devices, 60.0) == []
    devices.add(entry(1, complete_name="b"), 61.0)
    assert told(devices, 61.0) == [(Change.NEW, "b")]
    assert devices.found == 1


def test_data_that_changes_is_no_change_and_names_that_do_are_told_once_a_second() -> None:
    devices = Devices(everything)
    lines = 0
    for number in range(1_000):
        name = f"name {number}"
        devices.add(entry(1, complete_name=name, manufacturer_data=((1, bytes(4)),)), number / 100)
        lines += len(told(devices, number / 100))
    assert 9 <= lines <= 11


@pytest.mark.parametrize("table", [False, True])
def test_ten_thousand_hostile_advertisers_leave_honest_ones_in_a_bounded_table(table: bool) -> None:
    devices = Devices(everything)
    live = _table(devices)[0] if table else None
    evil = "\x1b[2J\x1b]0;x\x07[red]\u202e"
    tracemalloc.start()
    for number in range(10_000):
        now_s = number / 2_000
        name = f"{evil}{number}"
        devices.add(entry(100 + number, complete_name=name, services=(HEART_RATE,)), now_s)
        if number % 100 == 0:
            devices.add(entry(1, complete_name="honest", rssi_dbm=-30), now_s)
        if number % 500 == 0:
            if live is not None:
                live.tick(now_s)
            told(devices, now_s)
    _, most_octets = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(devices) == devices.most == 4_096
    assert devices.dropped == 10_001 - 4_096
    assert any(device.name == "honest" for device in devices)
    assert most_octets < 40_000_000
    assert "5905 devices had to leave the table, which holds 4096" in summary_text(devices, 5.0, 0)
    summary = schemas.checked("scan", json.dumps(summary_object(devices, 5.0, 3)))
    assert summary["dropped_devices"] == 5_905


# Filters


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        ({}, "abc"),
        ({"texts": ["strap"]}, "a"),
        ({"texts": ["STRAP", "beacon"]}, "ab"),
        ({"texts": ["*rap"]}, "a"),
        ({"texts": ["rap?"]}, ""),
        ({"texts": ["[a]"]}, ""),
        ({"addresses": ["f0:00:00:00:00:01"]}, "a"),
        ({"addresses": ["F0"]}, "abc"),
        ({"addresses": ["f0:00:00:00:00:02", "f0-00-00-00-00-03"]}, "bc"),
        ({"services": ["heart rate"]}, "a"),
        ({"services": ["0x180d", "battery"]}, "ab"),
        ({"services": ["0000180f-0000-1000-8000-00805f9b34fb"]}, "b"),
        ({"manufacturers": ["apple"]}, "c"),
        ({"manufacturers": ["0x004c"]}, "c"),
        ({"rssi_dbm": -60}, "ab"),
        ({"connectable": True}, "ac"),
        ({"connectable": False}, "b"),
        ({"texts": ["strap"], "services": ["battery"]}, ""),
        ({"texts": ["strap", "beacon"], "services": ["battery"]}, "b"),
    ],
)
def test_filters(options: dict[str, Any], fits: str) -> None:
    devices = Devices(parse_filters(**options).fit)
    devices.add(entry(1, complete_name="Strap", services=(HEART_RATE,), rssi_dbm=-50), 0.0)
    data = ((BATTERY, b"\1"),)
    devices.add(entry(2, complete_name="Beacon", service_data=data, connectable=False), 0.0)
    devices.add(entry(3, manufacturer_data=((0x4C, b"\1"),), rssi_dbm=-90), 0.0)
    found = {device.address_text[-1] for device in devices}
    assert found == {str("abc".index(each) + 1) for each in fits}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"services": ["hart rate"]}, "did you mean 'Heart Rate'?"),
        ({"manufacturers": ["appel"]}, "'Apple, Inc.'"),
        ({"manufacturers": [""]}, "No company has ''"),
        ({"addresses": ["zz"]}, "'zz' is not how an address begins"),
        ({"addresses": [""]}, "'' is not how an address begins"),
        ({"addresses": ["00:11:22:33:44:55:66"]}, "is not how an address begins"),
    ],
)
def test_wrong_filters_are_said_before_anything_is_heard(options: Any, said: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_filters(**options)
    assert said in str(raised.value)


# Octets


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("020106030 30d18".replace(" ", "")),
        b"",
        b"\x00\x00\x00",
        b"\x02\x01\x06\x00\x00",
        b"\x05\x09ab",
        b"\x1f",
        b"\x01\xff",
        b"\xff" * 31,
        bytes([254]) + b"\xff\x4c\x00" + bytes(251),
        b"\x03\x09\x1b[",
    ],
)
def test_all_octets_of_a_packet_are_shown(data: bytes) -> None:
    assert b"".join(octets for octets, _ in said_by_structure(data)) == data
    lines = list(structure_lines(data))
    assert all(line.isprintable() for line in lines)
    assert data.hex() in "".join(re.findall(r"(?<![^ ])[0-9a-f]{2}(?![^ ])", " ".join(lines)))
    packet = packet_object(entry(1, data or b"\x00"), parse(data), 0.0, raw=True)
    assert schemas.checked("scan", json.dumps(packet))["event"] == "advertisement"


def test_a_packet_that_says_everything_fits_the_schema() -> None:
    packet = entry(
        services=(HEART_RATE, bytes(16)),
        solicited=(BATTERY,),
        service_data=((BATTERY, b"\x05"),),
        manufacturer_data=((0x4C, b"\x01"), (0xFFFE, b"")),
        appearance=833,
        tx_power_dbm=-4,
        complete_name="\x1b[2J",
        shortened_name="x",
        flags=0x1F,
    )
    fields = parse(packet.advertisement_bytes)
    shown = schemas.checked("scan", json.dumps(packet_object(packet, fields, 1.25, raw=True)))
    assert shown["services"][0]["name"] == "Heart Rate"
    assert shown["manufacturer_data"][0] == {"company": 76, "name": "Apple, Inc.", "octets": "01"}
    assert shown["appearance"] == {"value": 833, "name": "Heart Rate Sensor: Heart Rate Belt"}
    assert shown["name"] == "\x1b[2J"
    assert shown["address_type"] == "random_static"


# Recordings


@tshark.needs_tshark
@pytest.mark.parametrize("name", ["scan.pcapng", "scan.btsnoop"])
def test_a_recording_is_read_by_decode_and_tshark(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    long = bytes([253]) + b"\xff\x4c\x00" + bytes(range(251))
    heard = [
        entry(1, complete_name="Strap", services=(HEART_RATE,)),
        entry(1, complete_name="Strap", scan_response=True, rssi_dbm=-127),
        entry(2, b"\x05\x09ab", connectable=False, random=False, rssi_dbm=20),
        entry(3, long),
        entry(4, b"\xff" * 31),
    ]
    file = recording.ScanRecording(str(path), "virtual:desk")
    for each in heard:
        file.add(each)
    file.close()
    with path.open("rb") as stream:
        texts = [packet.text for packet in decode(read(stream, "scan"))]
    assert len(texts) == 6
    assert '"Strap"' in texts[0]
    assert "Heart Rate" in texts[0]
    assert "at -127 dBm, Scan Response" in texts[1]
    # Frames 3 and 6 have damaged data, 4 and 5 parts of one structure, which tshark does not join.
    assert {each.frame for each in tshark.complaints(path)} <= {3, 4, 5, 6}
    shown = tshark.fields(path, "bthci_evt.bd_addr", "bthci_evt.rssi")
    assert [row[0] for row in shown][:2] == ["f0:00:00:00:00:01"] * 2


# The table


def _table(devices: Devices, width: int = 80, height: int = 24) -> tuple[LiveTable, io.StringIO]:
    live = LiveTable(devices, "virtual:desk", "rssi")
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    live._console = live._live.console = console
    return live, out


@pytest.mark.parametrize("width", [1, 10, 38, 40, 60, 79, 80, 81, 100, 200, 400])
@pytest.mark.parametrize("height", [1, 5, 24])
def test_the_table_never_leaves_its_terminal(width: int, height: int) -> None:
    devices = Devices(everything)
    for number in range(100):
        name = ["\x1b[2J", "温度計" * 20, "", "[red]x[/]", "a" * 300][number % 5]
        services = tuple(bytes([each, 0x18]) for each in range(30))
        devices.add(entry(number, complete_name=name[:80], services=services), 0.0)
    live, _ = _table(devices, width, height)
    live._take(1.0, last=True)
    rows = live._rows(width, height)
    assert len(rows) <= max(height, 2) + 1
    widest = max(row.cell_len for row in rows)
    assert widest <= max(width, 36)
    assert all("\x1b" not in row.plain for row in rows)
    assert "more" in rows[-1].plain or width < 12


def test_eighty_columns_have_all_that_is_known() -> None:
    devices = Devices(everything)
    devices.add(entry(1, complete_name="Strap", services=(HEART_RATE,)), 0.0)
    live, _ = _table(devices)
    live._take(1.0, last=True)
    head, row = (each.plain for each in live._rows(80, 20))
    assert head == "  Address           Type   C Name           dBm Trend   /s Seen Services/maker"
    assert row == "+ f0:00:00:00:00:01 static C Strap          -60 ▆        1   1s Heart Rate"


@pytest.mark.parametrize("sort", SORTS)
def test_each_order_puts_those_that_are_gone_last(sort: str) -> None:
    devices = Devices(everything)
    devices.add(entry(1, complete_name="a", rssi_dbm=-10), 0.0)
    told(devices, 1.0)
    told(devices, 100.0)
    for _ in range(3):
        devices.add(entry(2, complete_name="b", rssi_dbm=-90), 100.0)
    live = LiveTable(devices, "", sort)
    live._take(100.0, last=True)
    first, second = (row.plain for row in live._rows(60, 20)[1:])
    assert (first[2:19], second[2:19]) == ("f0:00:00:00:00:02", "f0:00:00:00:00:01")
    assert (first[0], second[0]) == ("+", "-")
