"""A Magic Light bulb that waits for 20 colours; its UUIDs are short ones in their long spelling."""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble_magic_light import MagicLightService

radio = BLERadio()
bulb = MagicLightService()
radio.start_advertising(ProvideServicesAdvertisement(bulb))
while not radio.connected:
    time.sleep(0.01)
colors = set()
while len(colors) < 20:
    command = bytes(bulb._control)
    if len(command) == 7:
        assert command[0] == 0x56 and command[4:] == b"\x00\xf0\xaa", command
        colors.add(command[1:4])
print("saw 20 colours")
for connection in radio.connections:
    connection.disconnect()
