"""A Bluetooth keyboard that types a greeting on each computer, tablet or phone that pairs with it.

Pair with "Bluetooth keyboard" in the other device's settings and open a text field there; or run
hid_host.py, which is such a computer.
"""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.standard.device_info import DeviceInfoService
from adafruit_ble.services.standard.hid import HIDService

APPEARANCE_KEYBOARD = 961
GENERIC_DESKTOP, KEYBOARD = 1, 6  # usage page and usage of the HID tables
SHIFT = 0x02
KEY_A = 4
KEYS = {"\n": (0, 40), " ": (0, 44), "!": (SHIFT, 30)}


def keystroke(character):
    """Return the modifiers and the key that type a character on a US keyboard."""
    if character in KEYS:
        return KEYS[character]
    return SHIFT * character.isupper(), KEY_A + ord(character.lower()) - ord("a")


def type_text(text):
    """Press and release one key after the other."""
    for character in text:
        modifiers, key = keystroke(character)
        keyboard.send_report(bytes((modifiers, 0, key, 0, 0, 0, 0, 0)))
        keyboard.send_report(bytes(8))


radio = BLERadio()
radio.name = "Bluetooth keyboard"
hid = HIDService()
for keyboard in hid.devices:
    if (keyboard.usage_page, keyboard.usage) == (GENERIC_DESKTOP, KEYBOARD):
        break
device_info = DeviceInfoService(
    manufacturer="Example Labs", model_number="Keyboard 1", serial_number="1"
)
advertisement = ProvideServicesAdvertisement(hid)
advertisement.appearance = APPEARANCE_KEYBOARD
scan_response = Advertisement()
scan_response.complete_name = radio.name

while True:
    print("Waiting for a computer")
    while not radio.connected:
        if not radio.advertising:  # also after a link that was too short to be seen
            radio.start_advertising(advertisement, scan_response)
        time.sleep(0.05)
    print("Connected; waiting for it to pair")
    while radio.connected and not all(connection.paired for connection in radio.connections):
        time.sleep(0.05)
    time.sleep(2)  # the computer needs a moment to subscribe to the key reports
    if radio.connected:
        print("Typing")
        type_text("Hello from Python!\n")
    while radio.connected:
        time.sleep(0.05)
    print("Disconnected")
