"""A Bluetooth keyboard that types a greeting on each computer, tablet or phone that pairs with it.

Pair with "Bluetooth keyboard" in the other device's settings and open a text field there.
"""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.standard.device_info import DeviceInfoService
from adafruit_ble.services.standard.hid import HIDService
from adafruit_hid.keyboard import Keyboard
from adafruit_hid.keyboard_layout_us import KeyboardLayoutUS

APPEARANCE_KEYBOARD = 961

radio = BLERadio()
radio.name = "Bluetooth keyboard"
hid = HIDService()
device_info = DeviceInfoService(
    manufacturer="Example Labs", model_number="Keyboard 1", serial_number="1"
)
advertisement = ProvideServicesAdvertisement(hid)
advertisement.appearance = APPEARANCE_KEYBOARD
scan_response = Advertisement()
scan_response.complete_name = radio.name
layout = KeyboardLayoutUS(Keyboard(hid.devices))

while True:
    print("Waiting for a computer")
    radio.start_advertising(advertisement, scan_response)
    while not radio.connected:
        time.sleep(0.05)
    print("Connected; waiting for it to pair")
    while radio.connected and not all(connection.paired for connection in radio.connections):
        time.sleep(0.05)
    time.sleep(2)  # the computer needs a moment to subscribe to the key reports
    if radio.connected:
        print("Typing")
        layout.write("Hello from Python!\n")
    while radio.connected:
        time.sleep(0.05)
    print("Disconnected")
