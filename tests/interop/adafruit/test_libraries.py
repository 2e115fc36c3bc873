"""The examples of libraries on top of adafruit_ble, and programs of ours that use them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.interop

OUR_EXAMPLES = Path(__file__).parents[3] / "examples"


def test_heart_rate(example, shared_radio):
    monitor = shared_radio.start(OUR_EXAMPLES / "heart_rate_peripheral.py")
    reader = example("ble-heart-rate", "ble_heart_rate_simpletest.py")
    reader.says(
        "^found a HeartRateService advertisement$",
        "^Connected$",
        "^Device: Example Labs Pulse 1$",
        "^Location: Chest$",
        r"^HeartRateMeasurementValues\(heart_rate=\d+, contact=None, ",
        r"^HeartRateMeasurementValues\(heart_rate=\d+, contact=None, ",
    )
    monitor.kill()
    reader.wait_for("^Scanning")


def test_midi_from_a_peripheral_to_a_central(example):
    player = example("ble-midi", "ble_midi_simpletest.py")
    listener = example("ble-midi", "ble_midi_simple_scanner.py")
    listener.says("^Connected; Pairing", "^Paired$")
    player.wait_for("^Paired; sending MIDI messages$")
    listener.says("NoteOn", "NoteOff", "NoteOn", "PitchBend", "NoteOff", "ControlChange")


def test_midi_from_a_central_to_a_peripheral(example, counterpart):
    device = example("ble-midi", "ble_midi_simplein.py")
    player = counterpart("midi_player")
    player.wait_for("^played$")
    device.wait_for("^Connected$")
    for note in (60, 64, 67):
        device.says(rf"NoteOn.*\b{note}\b", rf"NoteOff.*\b{note}\b")
    player.type("done\n")
    player.ends_well()
    device.says("^Disconnected$", "^Waiting for connection$")


@pytest.fixture
def file_server(example):
    """The published file server, ready for clients."""
    server = example("ble-file-transfer", "ble_file_transfer_stub_server.py", on_board=True)
    server.wait_for("^b'")
    return server


def test_file_transfer_lists_folders(example, file_server):
    lister = example("ble-file-transfer", "ble_file_transfer_listdirs.py")
    lister.says("^connected to", "^pairing$", "^paired$", r"^\[\]$", r"^\[\]$")
    lister.ends_well()


@pytest.mark.slow
def test_file_transfer_writes_reads_moves_and_deletes(example, file_server):
    client = example("ble-file-transfer", "ble_file_transfer_simpletest.py")
    client.says(
        "^connected to",
        "^paired$",
        "^wrote /hello.txt",
        r"^11 bytearray\(b'Hello world'\)$",
        r"^\[\('hello.txt', 11, 0, \d+\), \('world', 0, 1, \d+\)\]$",
        r"^\[\]$",
        "^wrote /world/hi.txt",
        r"^bytearray\(b'Hello world'\)$",
        r"^bytearray\(b'world'\)$",
        r"^bytearray\(b'Hello offsets!'\)$",
        r"^\[\('hello.txt', 14, 0, \d+\), \('hi.txt', 8, 0, \d+\)\]$",
        "^Testing move$",
        "^Testing larger files$",
        "^wrote /random.txt",
        "^read /random.txt",
    )
    file_server.wait_for("^connected$")


def test_broadcastnet_is_received(example, counterpart):
    counterpart("sensor_station").wait_for("^station [0-9a-f]{12}$")
    listener = example("ble-broadcastnet", "ble_broadcastnet_scan_test.py")
    listener.wait_for(r"acceleration=.*x=1\.0, y=2\.0, z=-9\.5")
    listener.wait_for(r"temperature=21\.5")


def test_broadcastnet_is_sent(example, counterpart):
    listener = counterpart("measurement_listener")
    example("ble-broadcastnet", "ble_broadcastnet_simpletest.py", on_board=True).wait_for("36.5")
    listener.wait_for(r"^heard .*sequence_number=\d+.*temperature=36\.5")


def test_eddystone(example, counterpart):
    finder = counterpart("eddystone_finder")
    example("ble-eddystone", "ble_eddystone_simpletest.py")
    finder.says(
        r"^uid of b'CircuitPy!' and its own address: True$", "^url https://adafru.it/discord$"
    )
    finder.ends_well()


def test_beacon(example):
    example("ble-beacon", "ble_beacon_sendtest.py")
    finder = example("ble-beacon", "ble_beacon_simpletest.py")
    finder.says(
        "^Beacon Power -80$",
        "^UUID: b'CircuitPython123'$",
        "^Major 1$",
        "^Minor: 32$",
        r"^Distance: \d",
    )


def test_radio_carries_short_and_long_messages_of_its_channel(counterpart):
    receiver = counterpart("message_receiver")
    receiver.wait_for("^listening$")
    counterpart("messenger")
    short = r"^received \d+ message \d .* True True$"
    long = r"^received 246 xxxxxxxxxx end True True$"
    receiver.wait_for(f"{short}|{long}")
    receiver.wait_for(f"{short}|{long}")
    receiver.ends_well()
    assert not any("somebody else" in line for line in receiver.lines)


def test_cycling_speed_and_cadence(example, counterpart):
    counterpart("cycling_sensor")
    reader = example("ble-cycling-speed-and-cadence", "ble_cycling_speed_and_cadence_simpletest.py")
    reader.says(
        "^found a CyclingSpeedAndCadenceService advertisement$",
        "^Connected 1$",
        "^Device: Example Bikes$",
        r"^CSCMeasurementValues\(cumulative_wheel_revolutions=\d+, .*last_crank_event_time=7\)$",
    )
    assert not reader.stop()


def test_creation(example, counterpart):
    finder = counterpart("creation_finder")
    example("ble-creation", "ble_creation_advertise.py", on_board=True)
    finder.wait_for("^creation 0x239a 0x8072$")
    finder.ends_well()


def test_adafruit_service_is_read(example):
    server = example("ble-adafruit", "ble_adafruit_simpletest.py", on_board=True)
    server.wait_for("^b'")
    client = example("ble-adafruit", "ble_adafruit_simpletest_client.py")
    client.says("^Connected$", r"^Temperature: 36\.5$")


def test_adafruit_service_period_is_set(example, counterpart):
    example("ble-adafruit", "ble_adafruit_simpletest.py", on_board=True)
    reader = counterpart("temperature_reader")
    reader.says("^product 0$", "^period 100$", "^period 20$", r"^temperature 36\.5$")
    reader.ends_well()


def test_ibbq(example, counterpart):
    thermometer = counterpart("thermometers", "iBBQ")
    reader = example("ble-ibbq", "ble_ibbq_simpletest.py")
    thermometer.wait_for(r"^credentials b'!\\x07'$")
    reader.wait_for(r"^Temperatures: \(21\.5, 100\.0\) ; Battery: \(2\.975, 3\.275\)$")
    assert not reader.stop()


def test_lywsd03mmc(example, counterpart):
    counterpart("thermometers", "LYWSD03MMC")
    reader = example("ble-lywsd03mmc", "ble_lywsd03mmc_simpletest.py")
    reader.says("^Connected$", r"^Temperature, Humidity \(21\.34, 45\)$")
    assert not reader.stop()


def test_magic_light(example, counterpart):
    bulb = counterpart("light_bulb")
    light = example("ble-magic-light", "ble_magic_light_simpletest.py")
    light.wait_for("^Scanning")
    bulb.wait_for("^saw 20 colours$")
    assert not light.stop()  # first: it would fail if it were in a write when the link ends
    bulb.process.stdin.close()
    bulb.ends_well()


def test_berrymed_pulse_oximeter(example, counterpart):
    counterpart("pulse_oximeter")
    reader = example("ble-berrymed-pulse-oximeter", "ble_berrymed_pulse_oximeter_simpletest.py")
    reader.says(
        "^Connected$",
        "^Device: Example Clinic Finger 2$",
        r"^PulseOximeterValues\(valid=True, spo2=98, pulse_rate=72, pleth=50, finger_present=True",
    )


def test_apple_notifications_one_by_one(example, counterpart):
    device = example("ble-apple-notification-center", "ble_apple_notification_center_simpletest.py")
    counterpart("phone")
    device.says("^Connected$", "^Paired$", "^org.example.mail Ada$")


def test_apple_notifications_as_they_come(example, counterpart):
    device = example("ble-apple-notification-center", "ble_apple_notification_center_new.py")
    counterpart("phone")
    device.says("^connected$", "^paired$", "^Social .*org.example.mail Ada Engine It works$", "^1$")
