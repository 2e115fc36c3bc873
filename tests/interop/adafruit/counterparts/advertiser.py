"""Advertises two services and a name, and can be connected."""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService
from adafruit_ble.services.standard import BatteryService

radio = BLERadio()
radio.name = "Two services"
uart, battery = UARTService(), BatteryService()
radio.start_advertising(ProvideServicesAdvertisement(uart, battery))
print("advertising from", radio._adapter.address)
while True:
    time.sleep(1)
