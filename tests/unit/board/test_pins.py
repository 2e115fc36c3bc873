"""Pins, from the program's side and the world's."""

import errno

import pytest


@pytest.mark.parametrize(
    ("pull", "resting", "pressed"),
    [("UP", True, False), ("DOWN", False, True), (None, False, True)],
)
def test_a_button_pulls_against_the_resistor(board, modules, pull, resting, pressed):
    digitalio = modules["digitalio"]
    button = digitalio.DigitalInOut(board.D5)
    button.pull = pull and getattr(digitalio.Pull, pull)
    assert button.value is resting
    board.D5.press()
    assert button.value is pressed
    assert board.D5.pressed
    board.D5.release()
    assert button.value is resting


def test_a_button_may_be_pressed_before_the_program_has_its_pin(board, modules):
    board.BUTTON_A.press()
    button = modules["digitalio"].DigitalInOut(board.BUTTON_A)
    button.switch_to_input(modules["digitalio"].Pull.UP)
    assert button.value is False


def test_a_level_from_outside_beats_pull_and_button(board, modules):
    switch = modules["digitalio"].DigitalInOut(modules["board"].SLIDE_SWITCH)
    switch.switch_to_input(pull=modules["digitalio"].Pull.UP)
    board.SLIDE_SWITCH.drive(False)
    assert switch.value is False
    board.SLIDE_SWITCH.drive(None)
    assert switch.value is True


def test_an_output_is_seen_by_the_test(board, modules):
    led = modules["digitalio"].DigitalInOut(modules["board"].LED)
    led.switch_to_output(value=True)
    assert board.LED.value is True
    assert board.D13 is board.LED
    led.value = False
    assert board.LED.value is False
    assert led.direction is modules["digitalio"].Direction.OUTPUT


def test_an_open_drain_lets_go_when_high(board, modules):
    digitalio = modules["digitalio"]
    line = digitalio.DigitalInOut(board.D6)
    line.switch_to_output(value=True, drive_mode=digitalio.DriveMode.OPEN_DRAIN)
    board.D6.drive(False)
    assert line.value is False
    board.D6.drive(True)
    assert line.value is True
    line.value = False
    assert board.D6.value is False


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda pin: setattr(pin, "value", True), "Cannot set value when direction is input."),
        (lambda pin: pin.drive_mode, "Drive mode not used when direction is input."),
    ],
)
def test_an_input_refuses_what_outputs_have(board, modules, use, message):
    with pytest.raises(AttributeError, match=message):
        use(modules["digitalio"].DigitalInOut(board.D5))


def test_an_output_has_no_pull(board, modules):
    pin = modules["digitalio"].DigitalInOut(board.D5)
    pin.direction = modules["digitalio"].Direction.OUTPUT
    with pytest.raises(AttributeError, match=r"Pull not used when direction is output\."):
        pin.pull = modules["digitalio"].Pull.UP
    with pytest.raises(AttributeError, match=r"Pull not used when direction is output\."):
        pin.pull


@pytest.mark.parametrize("use", ["DigitalInOut", "AnalogIn", "TouchIn", "PWMOut"])
def test_a_pin_has_one_use_at_a_time(board, modules, use):
    digitalio = modules["digitalio"]
    (module,) = [each for each in modules.values() if hasattr(each, use)]
    first = digitalio.DigitalInOut(board.A1)
    with pytest.raises(ValueError, match="A1 in use"):
        getattr(module, use)(board.A1)
    first.deinit()
    first.deinit()
    with getattr(module, use)(board.A1):
        pass
    digitalio.DigitalInOut(board.A1)
    with pytest.raises(ValueError, match="deinitialized"):
        first.value


def test_what_is_no_pin_is_refused(modules):
    with pytest.raises(TypeError, match="pin must be of type Pin, not int"):
        modules["digitalio"].DigitalInOut(13)


def test_a_failed_claim_of_two_pins_leaves_neither_taken(board, modules):
    modules["digitalio"].DigitalInOut(board.SDA)
    with pytest.raises(ValueError, match="SDA in use"):
        modules["busio"].I2C(board.SCL, board.SDA)
    modules["digitalio"].DigitalInOut(board.SCL)


def test_a_look_at_a_pin_takes_time(board, modules, time):
    button = modules["digitalio"].DigitalInOut(board.D5)
    before = time.us
    button.value
    assert time.us > before


def test_analog(board, modules):
    light = modules["analogio"].AnalogIn(board.LIGHT)
    board.LIGHT.voltage = 1.65
    assert light.value == pytest.approx(32768, abs=1)
    assert light.reference_voltage == 3.3
    board.LIGHT.analog = 65535
    assert board.LIGHT.voltage == pytest.approx(3.3)
    with pytest.raises(ValueError, match="0 to 65535"):
        board.LIGHT.analog = 65536
    with pytest.raises(ValueError, match="volt"):
        board.LIGHT.voltage = 5
    out = modules["analogio"].AnalogOut(board.A0)
    out.value = 1000
    assert board.A0.analog == 1000


def test_pwm(board, modules):
    servo = modules["pwmio"].PWMOut(board.D9, duty_cycle=2**15, frequency=50)
    assert (board.D9.duty_cycle, board.D9.frequency_hz) == (32768, 50)
    with pytest.raises(AttributeError, match="variable_frequency"):
        servo.frequency = 440
    servo.deinit()
    assert board.D9.duty_cycle == 0
    buzzer = modules["pwmio"].PWMOut(board.D9, variable_frequency=True)
    buzzer.frequency = 440
    assert board.D9.frequency_hz == 440


def test_touch(board, modules):
    pad = modules["touchio"].TouchIn(board.A1)
    assert pad.value is False
    board.A1.touched = True
    assert pad.value is True
    pad.threshold = 5000
    assert pad.value is False


def test_pixels_are_grb_unless_said_otherwise(board, modules):
    pin = modules["digitalio"].DigitalInOut(board.NEOPIXEL)
    pin.switch_to_output()
    modules["neopixel_write"].neopixel_write(pin, bytearray([1, 2, 3, 4, 5, 6]))
    assert board.pixels == [(2, 1, 3), (5, 4, 6)]
    board.NEOPIXEL.pixel_order = "GRBW"
    assert board.pixels == [(2, 1, 3, 4)]


def test_a_strip_on_another_pin_is_found(board, modules):
    pin = modules["digitalio"].DigitalInOut(board.D6)
    modules["neopixel_write"].neopixel_write(pin, b"\x00\xff\x00")
    assert board.pixels == board.D6.pixels == [(255, 0, 0)]


def test_a_wrong_name_has_near_ones(board):
    with pytest.raises(AttributeError, match="no pin BUTTON_C; did you mean BUTTON"):
        board.BUTTON_C
    assert not hasattr(board, "NEOPIXEL_POWER")
    assert "D5" in dir(board)


def test_loss_of_power_frees_all(board, modules):
    led = modules["digitalio"].DigitalInOut(board.LED)
    led.switch_to_output(value=True)
    board.reset()
    assert board.LED.value is False
    modules["digitalio"].DigitalInOut(board.LED)


def test_i2c_registers(board, modules):
    from bleio.board.sensors import Registers

    sensor = board.i2c[0x44] = Registers({0: 0x12, 1: 0x34})
    bus = modules["board"].I2C()
    assert bus is modules["board"].STEMMA_I2C()
    with pytest.raises(RuntimeError, match="Function requires lock"):
        bus.scan()
    assert bus.try_lock()
    assert not bus.try_lock()
    assert bus.scan() == [0x19, 0x44]
    got = bytearray(2)
    bus.writeto_then_readfrom(0x44, b"\x00", got)
    assert got == b"\x12\x34"
    bus.writeto(0x44, b"\x05\xaa\xbb")
    assert sensor.octets[5:7] == b"\xaa\xbb"
    with pytest.raises(OSError) as error:
        bus.writeto(0x45, b"")
    assert error.value.errno == errno.ENODEV
    bus.unlock()


def test_spi(board, modules):
    bus = modules["board"].SPI()
    got = bytearray(2)
    with pytest.raises(RuntimeError, match="Function requires lock"):
        bus.write(b"")
    assert bus.try_lock()
    bus.configure(baudrate=1_000_000, phase=1)
    bus.readinto(got)
    assert got == b"\0\0"
    board.spi.device = lambda octets: octets[::-1]
    bus.write_readinto(b"ab", got)
    assert got == b"ba"
    board.spi.device = lambda octets: b""
    with pytest.raises(ValueError, match="returned 0 octets for 2"):
        bus.write(b"ab")


def test_uart(board, modules, time):
    line = modules["busio"].UART(board.TX, board.RX, baudrate=115200, timeout=0.5)
    assert line.read(1) is None
    assert time.us == pytest.approx(500_000, rel=0.01)
    board.uart.send(b"hello\nworld")
    assert line.in_waiting == 11
    assert line.readline() == b"hello\n"
    assert line.read(3) == b"wor"
    assert line.write(b"ok") == 2
    assert board.uart.sent == b"ok"
    board.uart.send(bytes(5000))
    assert board.uart.lost_octets == 5000 - (4096 - 2)


def test_sound(board, modules, time):
    out = modules["audiopwmio"].PWMAudioOut(board.SPEAKER)
    sample = modules["audiocore"].RawSample(bytes(10), sample_rate=4400)
    out.play(sample, loop=True)
    assert board.sound.tone_hz == 440
    out.stop()
    assert board.sound.tone_hz is None
    out.play(sample)
    assert out.playing
    time.sleep(0.01)
    assert not out.playing


def test_usb_reports(board, modules):
    keyboard = next(each for each in modules["usb_hid"].devices if each.usage == 6)
    keyboard.send_report(bytes(8))
    assert [report.device for report in board.usb.reports] == ["keyboard"]
    with pytest.raises(ValueError, match="Should be 8 bytes"):
        keyboard.send_report(bytes(3))
    board.usb.connected = False
    with pytest.raises(OSError, match="USB"):
        keyboard.send_report(bytes(8))
    assert not modules["supervisor"].runtime.usb_connected


def test_the_chip(board, modules, time):
    microcontroller = modules["microcontroller"]
    board.temperature_c = 31.5
    assert microcontroller.cpu.temperature == 31.5
    assert len(microcontroller.cpu.uid) == 8
    microcontroller.delay_us(1000)
    assert time.us == 1000
    microcontroller.nvm[0:2] = b"ab"
    board.reset()
    assert board.nvm[:2] == b"ab"


def test_ticks_wrap_a_minute_after_the_start(board, modules, time):
    ticks_ms = modules["supervisor"].ticks_ms
    assert ticks_ms() == 2**29 - 65_000
    time.us = 65_001_000
    assert ticks_ms() == 1


def test_sound_files_are_refused_when_they_are_opened(modules):
    with pytest.raises(NotImplementedError, match="no sound files"):
        modules["audiomp3"].MP3Decoder("a.mp3")
    with pytest.raises(NotImplementedError, match="no sound files"):
        modules["audiocore"].WaveFile("a.wav")


@pytest.mark.parametrize(
    ("place", "colour"),
    [
        (0, 0xFF0000),
        (1, 0xFC0300),
        (84, 0x03FC00),
        (85, 0x00FF00),
        (169, 0x0003FC),
        (170, 0x0000FF),
        (254, 0xFC0003),
        (255, 0xFF0000),
        (256, 0xFF0000),
        (42.5, 0x807F00),
    ],
)
def test_the_wheel_of_colours(modules, place, colour):
    assert modules["rainbowio"].colorwheel(place) == colour
