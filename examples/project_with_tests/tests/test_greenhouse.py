"""Board and remote control on a simulated radio: the programs that users run, unchanged."""

import pytest


@pytest.fixture
def greenhouse(ble_world):
    device = ble_world.add("main.py", name="greenhouse")
    device.board.temperature_c = 16
    return device


def test_the_remote_control_starts_the_heater(ble_world, greenhouse):
    remote = ble_world.add("remote.py", argv=["20"])
    ble_world.run(until=lambda: "Heating at 16.0" in remote.text, within_s=10)
    assert greenhouse.board.D5.value
    greenhouse.board.temperature_c = 20.6
    ble_world.run(until=lambda: not remote.running, within_s=10)
    assert remote.output.lines[-1].text == "Not heating at 20.6"
    assert not greenhouse.board.D5.value


def test_a_dangerous_target_is_not_taken(ble_world, greenhouse):
    remote = ble_world.add("remote.py", argv=["100"])
    ble_world.run(until=lambda: "Target" in remote.text, within_s=10)
    assert "Target 30.0" in remote.text
    assert "do not survive" in greenhouse.text


def test_the_heater_is_switched_off_without_the_remote_control(ble_world, greenhouse):
    remote = ble_world.add("remote.py", argv=["20"])
    ble_world.run(until=lambda: "Heating" in remote.text, within_s=10)
    remote.power_off()
    greenhouse.board.temperature_c = 25
    ble_world.run_for(2)
    assert not greenhouse.board.D5.value


def test_another_remote_control_can_come_after_one_that_vanished(ble_world, greenhouse):
    first = ble_world.add("remote.py", argv=["20"], name="first")
    ble_world.run(until=lambda: "Heating" in first.text, within_s=10)
    first.power_off()
    second = ble_world.add("remote.py", argv=["10"], name="second")
    ble_world.run(until=lambda: not second.running, within_s=60)
    assert "Not heating at 16.0" in second.text


@pytest.mark.ble(seeds=10, loss=0.3)
def test_it_works_where_every_third_packet_is_lost(ble_world, greenhouse):
    remote = ble_world.add("remote.py", argv=["20"])
    ble_world.run(until=lambda: "Heating at 16.0" in remote.text, within_s=60)
