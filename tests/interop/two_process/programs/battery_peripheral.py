"""Offers a battery level that falls by one with every reading that is confirmed as received."""

import sys
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.standard import BatteryService

radio = BLERadio()
battery = BatteryService()
battery.level = int(sys.argv[1])
radio.start_advertising(ProvideServicesAdvertisement(battery))
print("advertising from", radio._adapter.address)
while not radio.connected:
    time.sleep(0.01)
print("connected")
for command in sys.stdin:
    battery.level = int(command)
    print("level", battery.level)
while radio.connected:
    time.sleep(0.01)
print("disconnected")
