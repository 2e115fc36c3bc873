"""Sends a reading as a line of JSON to whoever is connected."""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

ble = BLERadio()
uart = UARTService()
ble.start_advertising(ProvideServicesAdvertisement(uart))
while not ble.connected:
    pass
time.sleep(2)
while ble.connected:
    uart.write(b'{"temperature": 21.5, "humidity": 48}\n')
    time.sleep(5)
