"""What a pretend board does with uses that are wrong, or rare."""

import array

import pytest


def tone(modules, channel_count=1):
    return modules["audiocore"].RawSample(
        array.array("H", range(100)), channel_count=channel_count, sample_rate=44_000
    )


@pytest.mark.parametrize(("channel_count", "tone_hz"), [(1, 440), (2, 880)])
def test_a_tone_of_two_channels_has_half_as_many_frames(board, modules, channel_count, tone_hz):
    speaker = modules["audiopwmio"].PWMAudioOut(board.SPEAKER)
    speaker.play(tone(modules, channel_count), loop=True)
    assert board.sound.tone_hz == tone_hz


def test_a_sample_ends_though_the_program_does_not_look(board, modules, time):
    modules["audiopwmio"].PWMAudioOut(board.SPEAKER).play(tone(modules))
    time.us = 2_000
    assert board.sound.tone_hz == 440
    time.us = 2_300
    assert board.sound.tone_hz is None
    assert board.sound.playing is None


def test_a_sample_that_was_given_up_is_not_played(board, modules):
    speaker, sample = modules["audiopwmio"].PWMAudioOut(board.SPEAKER), tone(modules)
    speaker.play(sample, loop=True)
    sample.deinit()
    assert board.sound.tone_hz == 440  # it is played to its end
    with pytest.raises(ValueError, match="deinitialized"):
        speaker.play(sample)


@pytest.mark.parametrize(
    "use",
    [
        lambda nvm: nvm.__setitem__(slice(0, 2), b"abc"),
        lambda nvm: nvm.__setitem__(slice(None), b""),
        lambda nvm: nvm.__delitem__(0),
        lambda nvm: nvm.append(1),
        lambda nvm: nvm.extend(b"1"),
        lambda nvm: nvm.insert(0, 1),
        lambda nvm: nvm.pop(),
        lambda nvm: nvm.remove(0xFF),
        lambda nvm: nvm.clear(),
        lambda nvm: nvm.__iadd__(b"1"),
        lambda nvm: nvm.__imul__(2),
    ],
)
def test_nvm_keeps_its_size(board, modules, use):
    with pytest.raises(ValueError, match="256 octets"):
        use(modules["microcontroller"].nvm)
    assert bytes(board.nvm) == b"\xff" * 256


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (lambda board: board, "temprature_c"),
        (lambda board: board, "D5"),
        (lambda board: board.D5, "analogue"),
        (lambda board: board.usb, "conected"),
        (lambda board: board.sound, "volume"),
        (lambda board: board.spi, "devise"),
        (lambda board: board.uart, "send_now"),
    ],
)
def test_what_a_test_sets_is_there(board, part, name):
    with pytest.raises(AttributeError, match=name):
        setattr(part(board), name, 1)


@pytest.mark.parametrize("order", ["", "GRBX", "grb", "GRRB", "GR", 5])
def test_an_order_of_colours_has_each_once(board, order):
    with pytest.raises(ValueError, match="such as GRB or GRBW"):
        board.NEOPIXEL.pixel_order = order
    assert board.NEOPIXEL.pixel_order == "GRB"


def test_a_serial_line_takes_octets_alone(board, modules):
    uart = modules["busio"].UART(board.TX, board.RX)
    with pytest.raises(TypeError):
        uart.write(5)
    assert uart.write(array.array("H", [1, 2])) == 4
    assert bytes(board.uart.sent) == bytes(memoryview(array.array("H", [1, 2])).cast("B"))
    uart.timeout = 0
    board.uart.send(b"abcdef")
    values = array.array("H", [0, 0])
    assert uart.readinto(values) == 4
    assert values.tobytes() == b"abcd"


def test_a_device_on_the_bus_that_returns_too_little_is_named(board, modules):
    class Sensor:
        def write(self, octets):
            pass

        def read(self, size):
            return bytes(size - 1)

    board.i2c[0x44] = Sensor()
    bus = modules["busio"].I2C(board.SCL, board.SDA)
    bus.try_lock()
    with pytest.raises(ValueError, match=r"board\.i2c\[0x44\]\.read\(6\) returned 5 octets"):
        bus.readfrom_into(0x44, bytearray(6))


def test_a_bus_of_the_board_is_made_anew_after_deinit(modules):
    board = modules["board"]
    board.I2C().deinit()
    assert board.I2C().try_lock()
    assert board.I2C() is board.STEMMA_I2C()


def test_what_a_program_writes_to_a_line_is_bounded(board, modules):
    line = modules["busio"].UART(board.TX, board.RX)
    for number in range(5):
        line.write(bytes([number]) * (1 << 18))
    assert len(board.uart.sent) == 1 << 20
    assert set(board.uart.sent) == {1, 2, 3, 4}
