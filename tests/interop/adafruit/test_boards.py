"""Published programs that use Bluetooth and a board's buttons, pixels and sensors, as they are.

A pretend board takes the place of the real one; the tests press, turn and measure.
"""

from __future__ import annotations

import pytest

from bleio.testing import World

pytestmark = pytest.mark.interop


@pytest.fixture
def program(examples):
    """Return the path of an example of a library."""

    def path(library, name):
        return str(examples(library) / name)

    return path


@pytest.fixture
def world():
    with World(seed=1) as made:
        yield made


def pack_color(red, green, blue):
    from adafruit_bluefruit_connect.color_packet import ColorPacket

    return ColorPacket((red, green, blue)).to_bytes()


def sends(octets):
    """Connect to the first UART, write to it, and stay for a second."""
    import time

    from adafruit_ble import BLERadio
    from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
    from adafruit_ble.services.nordic import UARTService

    radio = BLERadio()
    found = next(
        each
        for each in radio.start_scan(ProvideServicesAdvertisement)
        if UARTService in each.services
    )
    connection = radio.connect(found)
    connection[UARTService].write(octets)
    time.sleep(1)


def listens(lines):
    """Read lines from the first UART until it is gone."""
    from adafruit_ble import BLERadio
    from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
    from adafruit_ble.services.nordic import UARTService

    radio = BLERadio()
    found = next(
        each
        for each in radio.start_scan(ProvideServicesAdvertisement)
        if UARTService in each.services
    )
    uart = radio.connect(found)[UARTService]
    while len(lines) < 5:
        if line := uart.readline():
            lines.append(line.decode())


def test_the_color_picker_shows_the_color_that_comes(world, program):
    picker = world.add(program("ble", "ble_bluefruit_color_picker.py"))
    phone = world.add(sends, (pack_color(200, 0, 100),))
    world.run(until=lambda: not phone.running, within_s=30)
    assert picker.text.strip() == "(200, 0, 100)"
    assert picker.board.pixels == [(20, 0, 10)] * 10  # at the program's brightness of 0.1


def test_color_by_proximity_with_switch_and_buttons(world, program):
    sender = world.add(program("ble", "ble_color_proximity.py"), name="sender")
    finder = world.add(program("ble", "ble_color_proximity.py"), name="finder")
    finder.board.SLIDE_SWITCH.drive(False)
    world.run(until=lambda: finder.board.pixels[:1] == [(0x11, 0, 0)], within_s=10)
    sender.board.BUTTON_A.press()
    world.run(until=lambda: "New color 111100" in sender.text, within_s=5)
    sender.board.BUTTON_A.release()
    world.run(until=lambda: finder.board.pixels[:1] == [(0x11, 0x11, 0)], within_s=10)
    sender.board.BUTTON_B.press()
    world.run(until=lambda: "New color 110000" in sender.text, within_s=5)
    sender.board.BUTTON_B.release()
    sender.board.SLIDE_SWITCH.drive(False)
    world.run(until=lambda: "Scanning for colors" in sender.text, within_s=5)
    world.run(until=lambda: set(finder.board.pixels) == {(0, 0, 0)}, within_s=10)


def test_the_demo_central_sends_its_tilt_as_a_color(world, program):
    shown = world.add(program("ble", "ble_demo_periph.py"))
    tilted = world.add(program("ble", "ble_demo_central.py"))
    tilted.board.accelerometer.acceleration = (19.6, 0.0, 9.8)
    world.run(until=lambda: "(254, 0, 127)" in shown.text, within_s=20)
    world.run_for(1)
    assert shown.board.pixels[0] == tilted.board.pixels[0] == (25, 0, 12)


def test_the_plotter_sends_light_and_temperature(world, program):
    lines: list[str] = []
    plotter = world.add(program("ble", "ble_bluefruit_connect_plotter.py"))
    plotter.board.LIGHT.analog = 65535
    plotter.board.TEMPERATURE.analog = 32768  # both resistors alike, so the thermistor's 25 degrees
    world.add(listens, (lines,))
    world.run(until=lambda: len(lines) == 5, within_s=30)
    light, celsius = map(float, lines[-1].split(","))
    assert light == 50
    assert celsius == pytest.approx(25, abs=0.1)


def test_the_radio_sends_what_its_buttons_choose(world, program):
    sender = world.add(program("ble-radio", "ble_radio_simpletest.py"), name="sender")
    hearer = world.add(program("ble-radio", "ble_radio_simpletest.py"), name="hearer")
    hearer.board.SLIDE_SWITCH.drive(False)
    world.run(until=lambda: "'hello'" in hearer.text, within_s=30)
    sender.board.BUTTON_A.press()
    world.run(until=lambda: "Sending hi" in sender.text, within_s=30)
    sender.board.BUTTON_A.release()
    world.run(until=lambda: "Received message" in hearer.text.partition("'hello'")[2], within_s=60)


@pytest.mark.parametrize(
    ("name", "pixel"),
    [
        ("ble_broadcastnet_battery_level.py", None),
        ("ble_broadcastnet_battery_level_neopixel.py", (6, 10, 0)),
        ("ble_broadcastnet_expo_backoff.py", None),
    ],
)
def test_broadcastnet_tells_its_battery(world, program, name, pixel):
    sensor = world.add(program("ble-broadcastnet", name))
    sensor.board.VOLTAGE_MONITOR.voltage = 2.0  # half of the battery's
    sensor.board.temperature_c = 21.5
    heard = world.add(program("ble-broadcastnet", "ble_broadcastnet_scan_test.py"))
    world.run(until=lambda: "battery_voltage" in heard.text, within_s=90)
    assert "temperature=21.5" in heard.text
    assert "battery_voltage=4000" in heard.text or "battery_voltage=3999" in heard.text
    assert sensor.board.pixels == ([] if pixel is None else [pixel])  # while it sends


def plays_with_a_playground(seen):
    """What Adafruit's Bluefruit Playground app does: read sensors, light pixels, play a tone."""
    import struct
    import time

    from adafruit_ble import BLERadio
    from adafruit_ble_adafruit.accelerometer_service import AccelerometerService
    from adafruit_ble_adafruit.adafruit_service import AdafruitServerAdvertisement
    from adafruit_ble_adafruit.addressable_pixel_service import AddressablePixelService
    from adafruit_ble_adafruit.button_service import ButtonService
    from adafruit_ble_adafruit.light_sensor_service import LightSensorService
    from adafruit_ble_adafruit.tone_service import ToneService

    radio = BLERadio()
    playground = radio.connect(next(iter(radio.start_scan(AdafruitServerAdvertisement))))
    time.sleep(2)
    seen["acceleration"] = playground[AccelerometerService].acceleration
    seen["light"] = playground[LightSensorService].light_level
    seen["pressed"] = playground[ButtonService].pressed
    pixels = playground[AddressablePixelService]._pixel_packet
    pixels.write(struct.pack("<HB3B", 0, 1, 10, 20, 30))
    time.sleep(1)
    playground[ToneService]._tone_packet.write(struct.pack("<HI", 440, 0))
    time.sleep(1)


def test_the_playground_with_its_own_library(world, program):
    seen = {}
    playground = world.add(
        program("ble-adafruit", "ble_adafruit_circuitplayground_bluefruit.py"), name="playground"
    )
    playground.patch("sys.platform", "nRF52840")  # by which the library knows its board
    playground.board.accelerometer.acceleration = (1.0, -2.0, 9.0)
    playground.board.LIGHT.analog = 32768
    playground.board.BUTTON_A.press()
    phone = world.add(plays_with_a_playground, (seen,))
    world.run(until=lambda: not phone.running, within_s=30)
    assert seen["acceleration"] == pytest.approx((1.0, -2.0, 9.0), abs=0.01)
    assert seen["light"] == 165  # of 330 in full light, says the library
    assert seen["pressed"] == 0b011  # the switch, to the left, and button A
    assert playground.board.pixels[0] == (20, 10, 30)  # the app sends green first
    assert playground.board.sound.tone_hz == pytest.approx(440, rel=0.01)
