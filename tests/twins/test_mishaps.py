"""What goes wrong with a clone: devices that go, that never end, that have too much."""

from __future__ import annotations

from typing import Any

import _bleio
import pytest

from bleio.cli.cloning.making import Made, Wishes, make_record
from bleio.cli.cloning.recording import MOST_VALUES
from bleio.cli.cloning.writing import write
from bleio.cli.devices.problems import Gone, NotFound
from bleio.cli.devices.target import parse_target
from bleio.testing import World
from support.twins import EXAMPLES, cloned

FLOOD = """
import time, _bleio
from _bleio import Characteristic, Service, UUID
service = Service(UUID(0xFF00))
it = Characteristic.add_to_service(service, UUID(0xFF01), properties=Characteristic.NOTIFY)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06\\x04\\x09Odd")
count = 0
while True:
    count += 1
    it.value = count.to_bytes(4, "little")
    time.sleep(0.001)
"""
CROWD = """
import time, _bleio
from _bleio import Characteristic, Service, UUID
for number in range(1000):
    service = Service(UUID(0x1000 + number))
    Characteristic.add_to_service(service, UUID(0xFF01), properties=Characteristic.READ)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06\\x04\\x09Odd")
time.sleep(100_000)
"""


def goes(moment: str, **wishes: Any) -> tuple[Made | None, Exception | None, str]:
    """Clone a strap whose power goes when that was said. Returns: what came of it."""
    made: list[Made] = []
    errors: list[Exception] = []

    async def clone() -> None:
        try:
            wanted = Wishes(**wishes)
            made.append(await make_record(_bleio.adapter, parse_target("Pulse"), wanted, print))
        except (Gone, NotFound) as error:
            errors.append(error)

    with World(seed=1) as world:
        strap = world.add(EXAMPLES / "heart_rate_peripheral.py")
        cloner = world.add(clone)
        world.run(until=lambda: moment in cloner.text)
        if moment.startswith("Recording"):
            world.run_for(2.5)
        elif moment.startswith("Exploring"):
            world.run_for(0.1)
        strap.power_off()
        world.run(until=lambda: not cloner.running)
        return (made or [None])[0], (errors or [None])[0], str(cloner.text)


def test_one_that_goes_before_its_table_is_known_is_no_twin() -> None:
    made, error, _ = goes("Exploring", record_s=10)
    assert made is None
    assert isinstance(error, Gone)
    assert error.exit_code == 5
    assert "is gone: the link ended (Connection Timeout, 0x08)" in str(error)


def test_one_that_goes_while_it_is_recorded_leaves_what_came_until_then() -> None:
    made, error, _ = goes("Recording", record_s=30)
    assert error is None
    assert made is not None
    assert isinstance(made.gone, Gone)
    sent = [each for s in made.record.services for c in s.characteristics for each in c.sent]
    assert 1 <= len(sent) <= 4
    assert 2000 <= made.record.recorded_ms < 10_000
    assert "HEART_RATE_MEASUREMENT_SENT = [" in write(made.record)


def test_one_that_goes_before_the_link_is_there() -> None:
    made, error, said = goes("Listening", record_s=10, timeout_s=5)
    assert made is None
    assert isinstance(error, Gone)
    assert "no link came up" in str(error)
    assert "Pulse" in said


def test_one_that_sends_without_end_fills_no_more_than_there_is_room_for() -> None:
    record = cloned(FLOOD, "Odd", record_s=30)
    (it,) = record.services[-1].characteristics
    assert len(it.sent) == MOST_VALUES
    assert 5_000 <= record.recorded_ms < 8_000  # no silence after what there was room for
    assert len(write(record)) < 1_000_000


def test_one_with_a_thousand_services() -> None:
    record = cloned(CROWD, "Odd", record_s=0)
    assert len(record.services) == 1002
    assert write(record).count("= _bleio.Service(") == 1000


@pytest.mark.parametrize("seconds", [0, 0.1])
def test_nothing_to_record_is_no_error(seconds: float) -> None:
    record = cloned(CROWD.replace("1000)", "1)"), "Odd", record_s=seconds)
    assert record.recorded_ms == 0
