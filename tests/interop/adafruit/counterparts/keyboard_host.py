"""A computer for Bluetooth keyboards: pairs, subscribes to the key reports, shows what is typed."""

import struct
import sys
import time

import _bleio
from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.standard.hid import HIDService

LETTERS = {4 + number: chr(ord("a") + number) for number in range(26)}
KEYS = {**LETTERS, 30: "1", 40: "\n", 44: " "}  # key codes of the HID usage tables
SHIFTED = {"1": "!"}
SHIFT = 0x22  # the modifier bits of both shift keys
INPUT_REPORT = 1
KEYBOARD_REPORT_ID = 1

radio = BLERadio()
for advertisement in radio.start_scan(ProvideServicesAdvertisement):
    if HIDService in advertisement.services:
        break
radio.stop_scan()
print("keyboard has appearance", advertisement.appearance)
connection = radio.connect(advertisement, timeout=60)._bleio_connection
(service,) = connection.discover_remote_services((_bleio.UUID(0x1812),))
(report_map,) = [c for c in service.characteristics if c.uuid == _bleio.UUID(0x2A4B)]
try:
    print("unexpectedly readable:", report_map.value)
except _bleio.SecurityError as error:
    print("before pairing:", error)
connection.pair()
print("paired", connection.paired, "report map of", len(report_map.value), "octets")

packets = None
for characteristic in service.characteristics:
    for descriptor in characteristic.descriptors:
        if descriptor.uuid == _bleio.UUID(0x2908):  # Report Reference: its id and its direction
            reference = struct.unpack("<BB", descriptor.value)
            if reference == (KEYBOARD_REPORT_ID, INPUT_REPORT):
                packets = _bleio.PacketBuffer(characteristic, buffer_size=32)
print("subscribed")

typed = ""
report = bytearray(8)
while "\n" not in typed:
    if packets.readinto(report) and report[2]:
        key = KEYS[report[2]]
        typed += SHIFTED.get(key, key.upper()) if report[0] & SHIFT else key
    time.sleep(0.001)
print("typed", repr(typed))
sys.stdin.readline()
connection.disconnect()
