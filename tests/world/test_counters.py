"""What is counted can be seen: by the program, in the log, and in the report of a failed test."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import _bleio
import pytest

import bleio
from bleio.backends.os import OsBackend
from bleio.backends.os.bluez.system import BlueZ
from bleio.testing import Device, World

ROOT = Path(__file__).parents[2]

LISTENS_LITTLE = """
import _bleio, time
service = _bleio.Service(_bleio.UUID(0x1234))
value = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0x2345), properties=_bleio.Characteristic.WRITE_NO_RESPONSE, max_length=20)
buffer = _bleio.CharacteristicBuffer(value, timeout=0, buffer_size=4)
_bleio.adapter.start_advertising(bytes((2, 1, 6)))
while not _bleio.adapter.connected: pass
while _bleio.adapter.connected: time.sleep(0.1)
_bleio.adapter.start_advertising(bytes((2, 1, 6)))
time.sleep(10)
"""

WRITES_MUCH = """
import _bleio, time
entry = next(iter(_bleio.adapter.start_scan()))
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(entry.address, timeout=5)
(service,) = connection.discover_remote_services((_bleio.UUID(0x1234),))
(value,) = service.characteristics
value.value = b"0123456789"
time.sleep(1)
connection.disconnect()
for _ in _bleio.adapter.start_scan(timeout=5, buffer_size=30):
    time.sleep(3)
"""


def run(world: World) -> tuple[Device, Device]:
    listener = world.add(source=LISTENS_LITTLE, name="listener")
    writer = world.add(source=WRITES_MUCH, name="writer")
    world.run(within_s=60)
    return listener, writer


def test_each_counter_has_a_row_in_the_documentation() -> None:
    with World() as world:
        names = set(bleio.counters(run(world)[0].adapter))
    names |= set(OsBackend(BlueZ()).counters())
    names |= {"esphome.floods", "esphome.malformed"}  # whose libraries are not everywhere
    section = (ROOT / "docs" / "adapters.md").read_text("utf-8").split("## Counters")[1]
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \|", section.split("\n## ")[0], re.M)
    assert set(rows) == names
    assert rows == sorted(rows)


def test_what_was_counted_stays_when_links_and_adapters_are_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, "bleio.runtime.session"), World() as world:
        listener, writer = run(world)
        counted = bleio.counters(listener.adapter)
        assert list(counted) == sorted(counted)
        assert counted["buffers.dropped_octets"] == 6
        assert bleio.counters(writer.adapter)["scan.dropped_reports"] > 0
        assert listener.counters["buffers.dropped_octets"] == 6
        assert "listener: buffers.dropped_octets 6" in world.counted()
        listener.power_on()
        assert listener.counters["buffers.dropped_octets"] == 6
        assert bleio.counters(listener.adapter)["buffers.dropped_octets"] == 0
    assert "counted so far: buffers.dropped_octets 6" in caplog.text


def test_what_controllers_drop_is_in_the_report_of_their_device() -> None:
    with World() as world:
        device = world.add(source="import _bleio, time\n_bleio.adapter.address\ntime.sleep(9)")
        world.run_for(1)
        backend = device.radio.backend
        assert backend is not None
        assert backend.port is not None
        backend.port.controller.receive(b"\x09")
        assert device.counters["controller: unknown or truncated packet"] == 1
        device.power_off()
        device.power_on()
        world.run_for(1)
        assert device.counters["controller: unknown or truncated packet"] == 1
        assert world.counted() == "device: controller: unknown or truncated packet 1\n"


def test_an_adapter_that_was_not_used_stays_closed() -> None:
    adapter = _bleio.Adapter("hci:usb:9")
    assert set(bleio.counters(adapter).values()) == {0}
    assert adapter._session.life.backend is None
    with pytest.raises(TypeError):
        bleio.counters("virtual")  # type: ignore[arg-type]
