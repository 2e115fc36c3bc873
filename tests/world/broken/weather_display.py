"""Shows readings. It takes what has arrived for a line."""

import json

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

ble = BLERadio()
for found in ble.start_scan(ProvideServicesAdvertisement, timeout=10):
    if UARTService in found.services:
        break
ble.stop_scan()
uart = ble.connect(found)[UARTService]
while True:
    if uart.in_waiting:
        line = uart.read(uart.in_waiting)
        reading = json.loads(line)
        print(f"{reading['temperature']} degrees")
