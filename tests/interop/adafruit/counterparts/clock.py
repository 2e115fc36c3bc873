"""Goes to a device that asks for the time, and tells it until its own input ends."""

import sys
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import SolicitServicesAdvertisement
from adafruit_ble.services.standard import CurrentTimeService

radio = BLERadio()
clock = CurrentTimeService()
clock.current_time = (2026, 11, 23, 17, 5, 30, 1, 128, 0)
for advertisement in radio.start_scan(SolicitServicesAdvertisement):
    if CurrentTimeService in advertisement.solicited_services:
        break
radio.stop_scan()
print("asked by", advertisement.complete_name)
connection = radio.connect(advertisement)
while not connection.paired:
    time.sleep(0.01)
print("paired")
sys.stdin.read()
connection.disconnect()
