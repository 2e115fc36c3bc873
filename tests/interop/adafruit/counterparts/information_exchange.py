"""Tells whom it connects to what it is, and reads what that one is, once they are paired."""

import sys
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement
from adafruit_ble.services.standard.device_info import DeviceInfoService

radio = BLERadio()
ours = DeviceInfoService(manufacturer="Example Labs", model_number="Visitor 7", serial_number="1")
for advertisement in radio.start_scan(Advertisement):
    if advertisement.connectable:
        break
radio.stop_scan()
connection = radio.connect(advertisement)
while not connection.paired:
    time.sleep(0.01)
theirs = connection[DeviceInfoService]
print("met", theirs.manufacturer, theirs.model_number)
sys.stdin.read()
connection.disconnect()
