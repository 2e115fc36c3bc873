"""Every example that the libraries publish is run by a test, or listed with why it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.interop

RUN = "run"
PIXELS = "needs the board module, NeoPixels and the sensors or buttons of a board"
SENSORS = "needs the sensors of a board"
IMPORTED = "a module that other examples import"

EXAMPLES = {
    "ble": {
        "ble_advertising_simpletest.py": RUN,
        "ble_bluefruit_color_picker.py": RUN,
        "ble_bluefruit_connect_plotter.py": RUN,
        "ble_color_proximity.py": RUN,
        "ble_current_time_service.py": RUN,
        "ble_demo_central.py": RUN,
        "ble_demo_periph.py": RUN,
        "ble_detailed_scan.py": RUN,
        "ble_device_info_service.py": RUN,
        "ble_hid_central.py": "has no code, only comments",
        "ble_hid_periph.py": RUN,
        "ble_json_central.py": RUN,
        "ble_json_peripheral.py": RUN,
        "ble_json_service.py": IMPORTED,
        "ble_packet_buffer_client.py": RUN,
        "ble_packet_buffer_service.py": IMPORTED,
        "ble_packet_buffer_test.py": RUN,
        "ble_simpletest.py": RUN,
        "ble_uart_echo_client.py": RUN,
        "ble_uart_echo_test.py": RUN,
    },
    "ble-adafruit": {
        "ble_adafruit_circuitplayground_bluefruit.py": RUN,
        "ble_adafruit_clue.py": SENSORS,
        "ble_adafruit_feather_bluefruit_sense.py": SENSORS,
        "ble_adafruit_simpletest.py": RUN,
        "ble_adafruit_simpletest_client.py": RUN,
    },
    "ble-apple-media": {
        "ble_apple_media_simpletest.py": "its descriptors fail when looked up on their class"
    },
    "ble-apple-notification-center": {
        "ble_apple_notification_center_callhandler.py": PIXELS,
        "ble_apple_notification_center_new.py": RUN,
        "ble_apple_notification_center_simpletest.py": RUN,
    },
    "ble-beacon": {"ble_beacon_sendtest.py": RUN, "ble_beacon_simpletest.py": RUN},
    "ble-berrymed-pulse-oximeter": {"ble_berrymed_pulse_oximeter_simpletest.py": RUN},
    "ble-broadcastnet": {
        "ble_broadcastnet_battery_level.py": RUN,
        "ble_broadcastnet_battery_level_neopixel.py": RUN,
        "ble_broadcastnet_blinka_bridge.py": "needs an account of a web service",
        "ble_broadcastnet_bridge.py": "needs a board's Wi-Fi and an account of a web service",
        "ble_broadcastnet_cpb.py": SENSORS,
        "ble_broadcastnet_expo_backoff.py": RUN,
        "ble_broadcastnet_multisensor.py": SENSORS,
        "ble_broadcastnet_scan_test.py": RUN,
        "ble_broadcastnet_simpletest.py": RUN,
    },
    "ble-creation": {
        "ble_creation_advertise.py": RUN,
        "ble_creation_simpletest.py": "its library drops what was received, so it finds nothing",
    },
    "ble-cycling-speed-and-cadence": {
        "ble_cycling_speed_and_cadence_simpletest.py": RUN,
    },
    "ble-eddystone": {"ble_eddystone_simpletest.py": RUN},
    "ble-file-transfer": {
        "ble_file_transfer_listdirs.py": RUN,
        "ble_file_transfer_simpletest.py": RUN,
        "ble_file_transfer_stub_server.py": RUN,
    },
    "ble-heart-rate": {"ble_heart_rate_simpletest.py": RUN},
    "ble-ibbq": {"ble_ibbq_simpletest.py": RUN},
    "ble-lywsd03mmc": {"ble_lywsd03mmc_simpletest.py": RUN},
    "ble-magic-light": {"ble_magic_light_simpletest.py": RUN},
    "ble-midi": {
        "ble_midi_simple_scanner.py": RUN,
        "ble_midi_simplein.py": RUN,
        "ble_midi_simpletest.py": RUN,
    },
    "ble-radio": {"ble_radio_simpletest.py": RUN},
}


@pytest.mark.parametrize("library", EXAMPLES)
def test_every_published_example_is_accounted_for(library, examples):
    assert {path.name for path in examples(library).glob("*.py")} == set(EXAMPLES[library])


def test_every_example_to_run_is_run():
    tests = "".join(
        (Path(__file__).parent / name).read_text()
        for name in ("test_adafruit_ble.py", "test_boards.py", "test_libraries.py")
    )
    listed = {(library, name) for library in EXAMPLES for name in EXAMPLES[library]}
    named = {
        (lib, name)
        for lib, name in listed
        if f'"{lib}", "{name}"' in tests or f'("{name}"' in tests
    }
    assert named == {(lib, name) for lib, name in listed if EXAMPLES[lib][name] == RUN}
