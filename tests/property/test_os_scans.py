"""Scans of the operating system: whatever it says, a scan goes on."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, strategies as st

from bleio.backends.base import Report
from bleio.backends.os.scanning.counters import ScanCounters
from bleio.backends.os.scanning.device1 import Device1Reports
from bleio.backends.os.scanning.kernel import COMMAND, EVENT
from bleio.backends.os.scanning.raw import RawReports
from bleio.backends.os.scanning.rebuilding import SystemFields, rebuilt
from bleio.core.advertising_fields import parse
from bleio.core.hci import LeEvent

DEVICE = "org.bluez.Device1"
PATH = "/org/bluez/hci0/dev_1"

text = st.text(max_size=20) | st.sampled_from(
    ("0000180d-0000-1000-8000-00805f9b34fb", "6e400001-b5a3-f393-e0a9-e50e24dcca9e")
)
content = st.binary(max_size=300)
number = st.none() | st.integers(-(1 << 17), 1 << 17)
heard = st.builds(
    SystemFields,
    flags=number,
    services=st.lists(text),
    more_services=st.lists(text),
    solicited=st.lists(text),
    service_data=st.dictionaries(text, content, max_size=5),
    manufacturer_data=st.dictionaries(st.integers(-2, 1 << 17), content, max_size=5),
    appearance=number,
    tx_power_dbm=number,
    name=st.none() | st.text(max_size=300),
    others=st.dictionaries(st.integers(-2, 300), content, max_size=5),
)


@given(heard)
def test_whatever_a_system_says_becomes_data(said: SystemFields) -> None:
    """What can be said survives, and nothing else is in it."""
    fields = parse(rebuilt(said))
    assert fields.cut == b""
    assert fields.flags in (said.flags, None)
    assert dict(fields.manufacturer_data).items() <= dict(said.manufacturer_data).items()


HEART_RATE = "0000180d-0000-1000-8000-00805f9b34fb"
NAMES = (
    *("Address", "AddressType", "AdvertisingData", "AdvertisingFlags", "Appearance", "Class"),
    *("Connected", "ManufacturerData", "Name", "RSSI", "ServiceData", "TxPower", "UUIDs"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -60, 300, 1 << 70, 1.5, float("inf"), "", "name", "\ud800", b"", b"\x06"),
    *("C0:11:22:33:44:55", "random", HEART_RATE, [HEART_RATE], [7], [None], [[]], {}, [], (1, 2)),
    *({7: b"data"}, {"7": b""}, {HEART_RATE: b"data"}, {HEART_RATE: 7}, {7: {}}, {None: None}),
    *({7: bytes(300)}, {-1: b""}, {1 << 20: b""}, {7: "text"}, {7: [1, 2]}, {7: [1, 300]}),
)
properties = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=6)
known = st.just({"Address": "C0:11:22:33:44:55", "AddressType": "random"})


@given(known | properties, st.lists(properties, max_size=4))
def test_whatever_bluetoothd_signals_ends_no_scan(
    first: dict[str, Any], changes: list[dict[str, Any]]
) -> None:
    reports: list[Report] = []
    table: dict[str, dict[str, Any]] = {PATH: dict(first)}
    listener = Device1Reports("/org/bluez/hci0", table.get, reports.append, ScanCounters())
    listener.is_on = True
    listener.added(PATH, DEVICE, table[PATH])
    for changed in changes:
        table[PATH].update(changed)
        listener.changed(PATH, DEVICE, changed)
    assert all(len(report.address.octets) == 6 for report in reports)


report_like = st.binary(max_size=60).map(lambda rest: b"\x3e\x00" + rest) | st.builds(
    lambda kind, rest: bytes((0x3E, 0, kind)) + rest,
    st.sampled_from((LeEvent.ADVERTISING_REPORT, LeEvent.EXTENDED_ADVERTISING_REPORT)),
    st.binary(max_size=80),
)
packets = st.lists(st.tuples(st.sampled_from((COMMAND, EVENT)), report_like | st.binary()))


@given(packets)
def test_whatever_the_kernel_passes_on_ends_no_scan(said: list[tuple[int, bytes]]) -> None:
    async def hear() -> None:
        raw = RawReports(0, reports.append, reports.clear, ScanCounters())
        for kind, packet in said:
            raw.heard(kind, packet)

    reports: list[Report] = []
    asyncio.run(hear())
