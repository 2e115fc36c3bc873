"""A computer for the keyboard of hid_keyboard.py: pairs with it, and prints the line it types.

What an operating system does with a keyboard: it reads which reports there are, subscribes to
those of the keys, and turns codes of keys into characters.
"""

import struct
import time

import _bleio
from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.standard.hid import HIDService

HID, REPORT_MAP, REPORT_REFERENCE = (_bleio.UUID(number) for number in (0x1812, 0x2A4B, 0x2908))
KEYBOARD_INPUT = (1, 1)  # the keyboard's report id, and the direction to the computer
SHIFT = 0x22  # the bits of both shift keys
KEYS = {4 + number: "abcdefghijklmnopqrstuvwxyz"[number] for number in range(26)}
KEYS.update({30: "1", 40: "\n", 44: " "})
SHIFTED = {"1": "!"}


def characters(report):
    """Return what is typed by the keys that are down in a report."""
    modifiers, keys = report[0], report[2:]
    for key in keys:
        if character := KEYS.get(key):
            yield SHIFTED.get(character, character.upper()) if modifiers & SHIFT else character


radio = BLERadio()
print("Looking for a keyboard")
for advertisement in radio.start_scan(ProvideServicesAdvertisement):
    if HIDService in advertisement.services:
        break
radio.stop_scan()
connection = radio.connect(advertisement, timeout=10)._bleio_connection
connection.pair()
print("Paired with", advertisement.address)

(service,) = connection.discover_remote_services((HID,))
(report_map,) = [each for each in service.characteristics if each.uuid == REPORT_MAP]
print("Its reports are described in", len(bytes(report_map.value)), "octets")
(keys,) = [
    characteristic
    for characteristic in service.characteristics
    for descriptor in characteristic.descriptors
    if descriptor.uuid == REPORT_REFERENCE
    and struct.unpack("<BB", descriptor.value) == KEYBOARD_INPUT
]
reports = _bleio.PacketBuffer(keys, buffer_size=32)

typed = ""
report = bytearray(8)
while "\n" not in typed and connection.connected:
    if reports.readinto(report):
        typed += "".join(characters(report))
    else:
        time.sleep(0.01)
print("Typed:", typed.strip())
connection.disconnect()
