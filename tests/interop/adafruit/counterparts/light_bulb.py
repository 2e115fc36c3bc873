"""A Magic Light bulb that waits for 20 colours; its UUIDs are short ones in their long spelling."""

import sys
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.characteristics import Characteristic
from adafruit_ble.services import Service
from adafruit_ble.uuid import VendorUUID


class BulbService(Service):
    """The bulb's side of its service."""

    uuid = VendorUUID("0000ffe5-0000-1000-8000-00805f9b34fb")
    control = Characteristic(
        uuid=VendorUUID("0000ffe9-0000-1000-8000-00805f9b34fb"),
        properties=Characteristic.WRITE | Characteristic.WRITE_NO_RESPONSE,
        max_length=7,
    )


radio = BLERadio()
bulb = BulbService()
radio.start_advertising(ProvideServicesAdvertisement(bulb))
while not radio.connected:
    time.sleep(0.01)
colors = set()
while len(colors) < 20:
    command = bytes(bulb.control)
    if any(command):
        assert command[0] == 0x56 and command[4:] == b"\x00\xf0\xaa", command
        colors.add(command[1:4])
print("saw 20 colours")
sys.stdin.read()  # it stays, for the central writes colours as fast as it can
