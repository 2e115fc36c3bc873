"""Worlds: two devices and more, their time, their outputs and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from bleio.testing import World, WorldError
from support.pairing_pair import PAIRING_CENTRAL, PAIRING_PERIPHERAL

EXAMPLES = Path(__file__).parents[2] / "examples"


def heart_rate(seed: int) -> tuple[str, str, str]:
    """Run the examples with adafruit_ble. Returns: packets and what both printed."""
    with World(seed) as world:
        peripheral = world.add(EXAMPLES / "heart_rate_peripheral.py")
        central = world.add(EXAMPLES / "heart_rate_central.py")
        world.run(until=lambda: not central.running, within_s=60)
        assert world.packet_count == len(world.packets)
        return world.trace(), peripheral.text, central.text


@pytest.mark.interop
def test_the_same_seed_gives_the_same_trace() -> None:
    once, again = heart_rate(1), heart_rate(1)
    assert once == again
    packets, _, printed = once
    assert printed.count("Reading:") == 5
    assert printed.endswith("Disconnected\n")
    assert len(packets.splitlines()) > 100


def test_a_closed_world_says_so() -> None:
    with World() as world:
        device = world.add(source="import time\ntime.sleep(1000)")
        world.run_for(1)
    late = (lambda: world.run_for(1), world.run, lambda: world.add(source=""), device.power_on)
    for call in late:
        with pytest.raises(WorldError, match="closed"):
            call()


@pytest.mark.interop
def test_another_seed_gives_another_trace() -> None:
    (packets, pulses, _), (other_packets, other_pulses, _) = heart_rate(1), heart_rate(2)
    assert packets != other_packets
    assert pulses != other_pulses


def paired(seed: int) -> str:
    """Pair two devices. Returns: the packets, of which some are keys and some encrypted."""
    with World(seed) as world:
        world.add(source=PAIRING_PERIPHERAL, name="peripheral")
        central = world.add(source=PAIRING_CENTRAL, name="central")
        world.run(within_s=60)
        assert central.text == "b'secret'\n"
        return world.trace()


def test_keys_too_come_from_the_seed() -> None:
    once = paired(1)
    assert once == paired(1)
    assert once != paired(2)


def test_relative_programs_are_in_the_folder_of_the_world(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    program = tmp_path / "sub" / "one.py"
    program.write_text("print(__file__)")
    with World(folder=tmp_path) as world:
        devices = world.add("sub/one.py"), world.add(program)
        world.run()
    assert [device.text for device in devices] == [f"{program}\n"] * 2
