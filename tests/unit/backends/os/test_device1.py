"""Packets from what bluetoothd signals of its devices; the signals are those of BlueZ 5.66."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from bleio.backends.base import Report
from bleio.backends.os.scanning import device1
from bleio.backends.os.scanning.counters import ScanCounters
from bleio.backends.os.scanning.device1 import Device1Reports
from bleio.core.address import DeviceAddress
from bleio.core.advertising_fields import AdvertisingFields, parse

DEVICE = "org.bluez.Device1"
ADAPTER = "/org/bluez/hci0"
PATH = f"{ADAPTER}/dev_EC_F6_7A_A2_2E_72"
ADDRESS = DeviceAddress(bytes.fromhex("722ea27af6ec"), random=True)
HEART_RATE = "0000180d-0000-1000-8000-00805f9b34fb"
ACCESS = "00001800-0000-1000-8000-00805f9b34fb"
ATTRIBUTE = "00001801-0000-1000-8000-00805f9b34fb"
BATTERY = "0000180f-0000-1000-8000-00805f9b34fb"
FOUND = {
    "Address": "EC:F6:7A:A2:2E:72",
    "AddressType": "random",
    "Name": "dev12",
    "Alias": "dev12",
    "Paired": False,
    "Bonded": False,
    "Trusted": False,
    "Blocked": False,
    "LegacyPairing": False,
    "RSSI": -60,
    "Connected": False,
    "UUIDs": [HEART_RATE],
    "Adapter": ADAPTER,
    "ManufacturerData": {2082: b"\x0c\x01\x02\x03"},
    "ServicesResolved": False,
    "AdvertisingFlags": b"\x06",
}
OF_COMPANY = b"\x07\xff\x22\x08\x0c\x01\x02\x03"
DATA = b"\x02\x01\x06\x03\x03\x0d\x18" + OF_COMPANY + b"\x06\x09dev12"


class Daemon:
    """The table that the listener reads, and what is signalled of it."""

    def __init__(self) -> None:
        self.table: dict[str, dict[str, Any]] = {}
        self.reports: list[Report] = []
        self.counters = ScanCounters()
        self.listener = Device1Reports(ADAPTER, self.table.get, self.reports.append, self.counters)
        self.listener.is_on = True

    def add(self, path: str = PATH, **more: Any) -> None:
        properties = {**FOUND, **more}
        self.table[path] = {name: each for name, each in properties.items() if each is not None}
        self.listener.added(path, DEVICE, self.table[path])

    def change(self, path: str = PATH, interface: str = DEVICE, **changed: Any) -> None:
        self.table[path].update(changed)
        self.listener.changed(path, interface, changed)

    def packet(self, **more: Any) -> AdvertisingFields:
        """Signal one, and return what is reported of it."""
        del self.reports[:]
        self.change(RSSI=-61, **more)
        (report,) = self.reports
        return parse(report.data)


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


def test_a_device_comes_with_its_first_packet(daemon: Daemon) -> None:
    daemon.add()
    assert daemon.reports == [Report(ADDRESS, DATA, -60, True, False)]


def test_each_packet_is_reported_if_it_changes_nothing(daemon: Daemon) -> None:
    daemon.add()
    for rssi_dbm in (-60, -60, -72):
        daemon.change(RSSI=rssi_dbm, ManufacturerData=FOUND["ManufacturerData"])
    assert [report.data for report in daemon.reports] == 4 * [DATA]
    assert [report.rssi_dbm for report in daemon.reports] == [-60, -60, -60, -72]


def test_what_is_not_signalled_with_a_packet_is_not_in_it(daemon: Daemon) -> None:
    daemon.add()
    assert daemon.packet(AdvertisingFlags=b"\x00") == AdvertisingFields(
        services=(b"\x0d\x18",), complete_name="dev12"
    )
    fields = daemon.packet(ServiceData={BATTERY: b"\x64"}, AdvertisingFlags=b"\x06")
    assert fields.service_data == ((b"\x0f\x18", b"\x64"),)
    assert not fields.manufacturer_data


def test_where_only_changes_are_signalled_the_table_counts(daemon: Daemon) -> None:
    daemon.listener.cumulative = True
    daemon.add()
    assert daemon.packet().manufacturer_data == ((2082, b"\x0c\x01\x02\x03"),)


def test_a_packet_may_change_its_data_and_not_its_rssi(daemon: Daemon) -> None:
    daemon.add()
    daemon.change(ManufacturerData={2082: b"\x0d"})
    assert parse(daemon.reports[-1].data).manufacturer_data == ((2082, b"\x0d"),)
    assert daemon.reports[-1].rssi_dbm == -60


@pytest.mark.parametrize(
    "changed",
    [
        {"Connected": True},
        {"Paired": True, "Bonded": True},
        {"ServicesResolved": True, "UUIDs": [ACCESS]},
        {"Name": "other", "Alias": "other"},
        {"Trusted": True},
        {},  # RSSI is invalidated when the scan ends
    ],
)
def test_other_changes_are_no_packets(daemon: Daemon, changed: dict[str, Any]) -> None:
    daemon.add()
    daemon.change(**changed)
    assert len(daemon.reports) == 1


def test_a_device_that_is_added_without_a_packet_is_not_reported(daemon: Daemon) -> None:
    daemon.add(RSSI=None)
    assert not daemon.reports


def test_other_objects_do_not_count(daemon: Daemon) -> None:
    daemon.add("/org/bluez/hci10/dev_EC_F6_7A_A2_2E_72")
    daemon.add("/org/bluez/hci1/dev_EC_F6_7A_A2_2E_72")
    daemon.change("/org/bluez/hci1/dev_EC_F6_7A_A2_2E_72", RSSI=-50)
    daemon.add()
    daemon.change(interface="org.bluez.Battery1", RSSI=1)
    daemon.listener.changed(f"{ADAPTER}/dev_unknown", DEVICE, {"RSSI": -50})
    assert len(daemon.reports) == 1


def test_nothing_is_reported_while_there_is_no_scan(daemon: Daemon) -> None:
    daemon.listener.is_on = False
    daemon.add()
    daemon.change(RSSI=-50)
    assert not daemon.reports
    daemon.listener.is_on = True
    assert daemon.packet().complete_name == "dev12"


def test_what_a_connection_finds_is_not_advertised(daemon: Daemon) -> None:
    daemon.add()
    daemon.change(Connected=True)
    daemon.change(Name="GAP's name", Appearance=0x0340, UUIDs=[ACCESS, ATTRIBUTE, BATTERY])
    daemon.change(ServicesResolved=True)
    daemon.change(Connected=False, ServicesResolved=False)
    fields = daemon.packet()
    assert fields.complete_name == "dev12"
    assert (fields.services, fields.more_services) == ((b"\x0d\x18",), ())
    assert fields.appearance is None


def test_so_it_is_after_a_connection_while_there_was_no_scan(daemon: Daemon) -> None:
    daemon.add()
    daemon.listener.is_on = False
    daemon.change(Connected=True)
    daemon.change(Name="GAP's name", UUIDs=[ACCESS, BATTERY])
    daemon.change(Connected=False)
    daemon.listener.is_on = True
    assert daemon.packet().complete_name == "dev12"


def test_what_is_advertised_anew_counts(daemon: Daemon) -> None:
    daemon.add()
    fields = daemon.packet(Name="renamed", Appearance=0x0340, UUIDs=[HEART_RATE, BATTERY])
    assert fields.complete_name == "renamed"
    assert fields.appearance == 0x0340
    assert fields.services == (b"\x0d\x18", b"\x0f\x18")


def test_a_list_that_an_earlier_visit_has_left_is_not_complete(daemon: Daemon) -> None:
    daemon.add(RSSI=None, UUIDs=[ACCESS, ATTRIBUTE, HEART_RATE])
    fields = daemon.packet()
    assert (fields.services, fields.more_services) == ((), (b"\x0d\x18",))


def test_a_device_that_is_connected_when_it_is_first_heard(daemon: Daemon) -> None:
    daemon.add(RSSI=None, Connected=True, UUIDs=[BATTERY])
    assert daemon.packet().more_services == (b"\x0f\x18",)


def test_a_device_that_is_known_and_new_again_has_no_past(daemon: Daemon) -> None:
    daemon.add()
    daemon.listener.removed(PATH, DEVICE)
    daemon.add(Name="new")
    assert parse(daemon.reports[-1].data).complete_name == "new"


def test_packets_without_names_have_none(daemon: Daemon) -> None:
    daemon.add(Name=None, UUIDs=None, ManufacturerData=None, AdvertisingFlags=None)
    assert daemon.reports[0].data == b""


def test_transmit_power_and_other_types(daemon: Daemon) -> None:
    daemon.add(TxPower=-4, AdvertisingData={0x26: b"\x01\x02", 0x09: b"twice"})
    fields = parse(daemon.reports[0].data)
    assert fields.tx_power_dbm == -4
    assert fields.others == (b"\x26\x01\x02",)


DUAL: dict[str, Any] = {"Class": 0x5A020C, "AdvertisingFlags": None, "AddressType": "public"}


def test_what_an_inquiry_finds_is_no_advertising_and_counted(daemon: Daemon) -> None:
    daemon.add(**DUAL, ManufacturerData=None)
    daemon.change(RSSI=-61)
    daemon.change(Connected=True)
    assert not daemon.reports
    assert daemon.counters.by_name()["scan.dropped_classic"] == 2


@pytest.mark.parametrize(
    "packet", [{"ManufacturerData": {76: b"x"}}, {"ServiceData": {BATTERY: b"\x64"}}]
)
def test_data_of_le_shows_a_packet_of_a_device_with_classic_too(
    daemon: Daemon, packet: dict[str, Any]
) -> None:
    """Where bluetoothd tells no flags."""
    daemon.add(**DUAL, RSSI=None, ManufacturerData=None)
    daemon.change(RSSI=-61, **packet)
    daemon.change(RSSI=-62)
    assert [report.rssi_dbm for report in daemon.reports] == [-61]


def test_so_does_a_random_address(daemon: Daemon) -> None:
    daemon.add(Class=0x5A020C, AdvertisingFlags=None, ManufacturerData=None)
    assert len(daemon.reports) == 1


def test_a_private_address_that_is_resolved_later_is_the_identity(daemon: Daemon) -> None:
    daemon.add(Address="4A:00:00:00:00:01")
    daemon.change(Address="AA:00:00:00:00:09", AddressType="public", Paired=True)
    daemon.change(RSSI=-61)
    identity = DeviceAddress(bytes.fromhex("0900000000aa"))
    assert daemon.reports[-1].address == identity
    daemon.change(Address="nowhere")
    assert daemon.counters.malformed == 1
    daemon.change(RSSI=-61)
    assert daemon.reports[-1].address == identity


def test_an_unknown_rssi(daemon: Daemon) -> None:
    daemon.add(RSSI=None)
    daemon.change(ManufacturerData={1: b""})
    assert daemon.reports[0].rssi_dbm == 127


@pytest.mark.parametrize(
    "strange",
    [
        {"Address": 7},
        {"Address": "here"},
        {"UUIDs": 7},
        {"UUIDs": [7]},
        {"RSSI": "near"},
        {"ManufacturerData": [1, 2]},
        {"ManufacturerData": {"one": b""}},
        {"ServiceData": {7: b""}},
        {"AdvertisingFlags": 6},
        {"Name": 7},
    ],
)
def test_strange_properties_are_counted(daemon: Daemon, strange: dict[str, Any]) -> None:
    daemon.add(**strange)
    daemon.add()
    daemon.change(**{"RSSI": -61, **strange})
    daemon.listener.changed(PATH, DEVICE, {"UUIDs": 7})
    assert daemon.counters.malformed >= 2
    daemon.add()
    assert daemon.reports[-1].data == DATA


def test_devices_have_a_bound(daemon: Daemon) -> None:
    with mock.patch.object(device1, "MOST_ADVERTISERS", 3):
        for number in range(10):
            daemon.add(f"{ADAPTER}/dev_{number}")
            daemon.change(f"{ADAPTER}/dev_0", RSSI=-50)
    assert list(daemon.listener._advertisers) == [f"{ADAPTER}/dev_{n}" for n in (8, 9, 0)]


def test_bluetoothd_that_ends_takes_what_it_knew(daemon: Daemon) -> None:
    daemon.add()
    daemon.listener.daemon_went()
    daemon.listener.daemon_came()
    daemon.add(Name="later")
    daemon.listener.disconnected(OSError())
    assert not daemon.listener._advertisers
