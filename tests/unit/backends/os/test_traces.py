"""What bluetoothd 5.66 and 5.82 have said on D-Bus, as recorded on Debian's machines."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from bleio.backends.base import Report
from bleio.backends.os.bluez.adapter import Adapter
from bleio.backends.os.bluez.objects import ADAPTER, DEVICE, Objects
from bleio.backends.os.scanning.counters import ScanCounters
from bleio.backends.os.scanning.device1 import Device1Reports
from bleio.core.advertising_fields import parse
from support.stacks.traces import FOLDER, read

VERSIONS = ("5.66", "5.82")
OFFERED = uuid.UUID("0b1e0000-0000-4000-8000-000000000000").bytes[::-1]
PATH = "/org/bluez/hci0"


class Replay:
    """BlueZ's objects, and what a scan makes of them."""

    def __init__(self, file: Path) -> None:
        self.objects = Objects()
        self.reports: list[Report] = []
        self.was_paired = False
        scan = Device1Reports(PATH, self._device, self.reports.append, ScanCounters())
        scan.is_on = True
        self.objects.listen(scan)
        first, *others = read(file)
        self.objects._filled(first.body)
        for each in others:
            self.objects.signalled(each.path, each.interface, each.member, each.body)
            for path in self.objects.paths(DEVICE):
                self.was_paired |= bool((self._device(path) or {}).get("Paired"))

    def _device(self, path: str) -> object:
        return self.objects.get(path, DEVICE)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["central", "peripheral", "paired"])
def test_nothing_of_it_is_malformed(name: str, version: str) -> None:
    replay = Replay(FOLDER / f"{name}-{version}.jsonl")
    assert not any(replay.objects.bus.counts.values())
    assert replay.objects.get(PATH, ADAPTER) is not None
    assert replay.was_paired == (name == "paired")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_scan_finds_the_device_with_what_it_advertised(version: str) -> None:
    replay = Replay(FOLDER / f"central-{version}.jsonl")
    told = [parse(report.data) for report in replay.reports]
    assert any(OFFERED in each.services and each.complete_name == "Offers" for each in told)
    assert {report.rssi_dbm for report in replay.reports} == {-60}
    assert {report.address.random for report in replay.reports} == {True}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_is_told(version: str) -> None:
    replay = Replay(FOLDER / f"central-{version}.jsonl")

    def lost(error: Exception) -> None:
        raise error

    assert Adapter(replay.objects, PATH, lost).platform == f"BlueZ {version}"
