"""The examples of adafruit_ble itself."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.interop


def test_advertising_simpletest(example, counterpart):
    hello = example("ble", "ble_advertising_simpletest.py")
    visitor = counterpart("visitor", "HELLO")
    for _ in range(2):
        visitor.wait_for("^visiting")
        hello.wait_for("^connected$")
        visitor.type("leave\n")
        visitor.wait_for("^left$")
        hello.wait_for("^disconnected$")
    visitor.ends_well()


def test_simpletest_scans(example, counterpart):
    advertiser = counterpart("advertiser")
    address = advertiser.wait_for("advertising from (.*)")[1]
    scan = example("ble", "ble_simpletest.py")
    scan.wait_for("^scanning$")
    scan.wait_for(f"^{address} ")
    scan.wait_for(f"^{address} .*complete_name=Two services")


def test_detailed_scan(example, counterpart):
    advertiser = counterpart("advertiser")
    address = advertiser.wait_for("advertising from (.*)")[1]
    scan = example("ble", "ble_detailed_scan.py")
    scan.wait_for("^scanning$")
    scan.wait_for(rf"^{address} <ProvideServicesAdvertisement .*UUID\(0x180f\)")
    scan.wait_for(f"^{address} <Advertisement .*complete_name=Two services")


def test_current_time_service(example, counterpart):
    asker = example("ble", "ble_current_time_service.py")
    clock = counterpart("clock")
    clock.wait_for("^asked by TimePlease$")
    asker.says("^connected$", "^paired$")
    clock.wait_for("^paired$")
    for _ in range(2):
        asker.wait_for(r"^\(2026, 11, 23, 17, 5, 30, 1, 128, 0\)$")
    # The clock stays: the asker would fail if it were in a read when the link ends.


def test_device_info_service(example, counterpart):
    device = example("ble", "ble_device_info_service.py", on_board=True)
    device.wait_for("^advertising$")
    visitor = counterpart("information_exchange")
    device.says("^connected$", "^paired$", "^Example Labs$", "^Visitor 7$")
    visitor.wait_for(r"^met CircuitPython\.org 1234$")


def test_hid_periph_types_what_is_typed(example, counterpart):
    keyboard = example("ble", "ble_hid_periph.py", on_board=True)
    keyboard.wait_for("^advertising$")
    host = counterpart("keyboard_host")
    host.wait_for("^keyboard has appearance 961$")
    host.wait_for("^before pairing: Insufficient authentication$")
    host.wait_for("^paired True report map of")
    host.wait_for("^subscribed$")
    keyboard.type("Hi All 1\n")
    host.wait_for(r"^typed 'Hi All 1\\n'$")
    host.type("done\n")
    host.ends_well()


def test_json_central_and_json_peripheral(example):
    peripheral = example("ble", "ble_json_peripheral.py")
    peripheral.wait_for("^Waiting for connection")
    central = example("ble", "ble_json_central.py")
    central.wait_for("^Connected$")
    peripheral.wait_for("^Connected$")
    read = central.wait_for(r"^Sensors:  \{'temperature': (\S+), 'humidity'")[1]
    peripheral.wait_for(rf"^Sensors:  \{{'temperature': {read}, ")
    peripheral.wait_for(r"^Settings:  \{'unit': 'celsius'\}$")
    central.kill()
    peripheral.says("^Disconnected$", "^Advertise services$")


def test_packet_buffer_client_and_test(example, examples, tmp_path):
    # The server imports its service's module by another name than it is published under.
    service = (examples("ble") / "ble_packet_buffer_service.py").read_text(encoding="utf-8")
    (tmp_path / "packet_buffer_service.py").write_text(service, encoding="utf-8")
    server = example("ble", "ble_packet_buffer_test.py", PYTHONPATH=str(tmp_path))
    client = example("ble", "ble_packet_buffer_client.py")
    client.says("^connected$", "^echo$", r"^bytearray\(b'echo'\)$")
    server.wait_for(r"^bytearray\(b'echo'\)$")
    server.kill()
    client.wait_for("^disconnected, scanning$")


def test_uart_echo_client_and_test(example):
    server = example("ble", "ble_uart_echo_test.py")
    client = example("ble", "ble_uart_echo_client.py")
    client.says("^connected$", "^echo$", "^b'echo'$", "^b'echo'$")
    server.says("^b'e'$", "^b'c'$", "^b'h'$", "^b'o'$")
    client.kill()
    again = example("ble", "ble_uart_echo_client.py")
    again.says("^connected$", "^b'echo'$")
