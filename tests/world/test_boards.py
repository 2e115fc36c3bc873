"""The pretend board of a device: what a test does to it, and what its program sees."""

from __future__ import annotations

import pytest

from bleio.testing import World

BUTTON = """
import board, digitalio
button = digitalio.DigitalInOut(board.D5)
button.switch_to_input(digitalio.Pull.UP)
led = digitalio.DigitalInOut(board.LED)
led.switch_to_output()
while True:
    led.value = not button.value
"""


@pytest.fixture
def world():
    with World(seed=1) as made:
        yield made


def test_a_program_that_spins_on_a_button_sees_it_soon(world):
    device = world.add(source=BUTTON)
    world.run_for(3600)  # such a loop does not hang
    device.board.D5.press()
    pressed_s = world.now_s
    world.run(until=lambda: device.board.LED.value, within_s=1)
    assert world.now_s - pressed_s < 0.011


def test_boards_are_apart(world):
    one, other = world.add(source=BUTTON), world.add(source=BUTTON)
    one.board.D5.press()
    world.run_for(1)
    assert one.board.LED.value is True
    assert other.board.LED.value is False


def test_power_off_frees_the_pins_and_a_held_button_stays_pressed(world):
    device = world.add(source=BUTTON)
    device.board.D5.press()
    world.run_for(1)
    device.power_off()
    assert device.board.LED.value is False
    device.power_on()
    world.run_for(1)
    assert device.board.LED.value is True


@pytest.mark.parametrize("reset", ["microcontroller.reset()", "supervisor.reload()"])
def test_a_reset_begins_the_program_anew_and_is_silent(world, reset):
    device = world.add(
        source=f"""
import microcontroller, supervisor, time, _bleio
microcontroller.nvm[0] = (microcontroller.nvm[0] + 1) % 256
print("start", microcontroller.nvm[0])
_bleio.adapter.start_advertising(b"", connectable=True)
if microcontroller.nvm[0] < 2:
    try:
        time.sleep(1)
        {reset}
    except Exception:
        print("never")
while not _bleio.adapter.connected:
    pass
print("connected")
while _bleio.adapter.connected:
    pass
"""
    )

    def connects():
        import time

        import _bleio

        time.sleep(3)
        entry = next(iter(_bleio.adapter.start_scan(timeout=2)))
        _bleio.adapter.stop_scan()
        _bleio.adapter.connect(entry.address, timeout=2)
        time.sleep(1)

    world.add(connects)
    world.run(within_s=20)
    assert device.text == "start 0\nstart 1\nstart 2\nconnected\n"
    assert device.board.nvm[0] == 2
    assert device.error is None


def test_a_program_that_only_resets_takes_time(world):
    device = world.add(source="import microcontroller; print('again'); microcontroller.reset()")
    world.run_for(1)
    assert 9 <= device.text.count("again") <= 11
    device.power_off()
    assert not device.running


def test_a_module_beside_the_program_comes_first(world, tmp_path):
    (tmp_path / "board.py").write_text("NAME = 'mine'")
    program = tmp_path / "program.py"
    program.write_text("import board, digitalio\nprint(board.NAME, digitalio.Pull.UP)")
    device = world.add(str(program))
    world.run()
    assert device.text == "mine digitalio.Pull.UP\n"


def test_a_function_has_the_board_too(world):
    def presses():
        import board
        import keypad

        with keypad.Keys((board.D5,), value_when_pressed=False) as keys:
            while not (event := keys.events.get()):
                pass
            print(event)

    device = world.add(presses)
    world.run_for(1)
    device.board.D5.press()
    world.run(within_s=1)
    assert device.text == "<Event: key_number 0 pressed>\n"


def test_the_process_has_no_board_after_it(world):
    import sys

    world.add(source="import board, supervisor")
    world.run()
    assert not {"board", "supervisor"} & set(sys.modules)
