"""Finds a heart-rate monitor, shows what it is and five of its readings, and disconnects.

The other side is heart_rate_peripheral.py, or a real chest strap.
"""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.standard import BatteryService
from adafruit_ble.services.standard.device_info import DeviceInfoService
from adafruit_ble_heart_rate import HeartRateService

radio = BLERadio()

print("Scanning")
for advertisement in radio.start_scan(ProvideServicesAdvertisement):
    if HeartRateService in advertisement.services:
        break
radio.stop_scan()
print("Found", advertisement.address, "at", advertisement.rssi, "dBm")

connection = radio.connect(advertisement)
print("Connected")

if DeviceInfoService in connection:
    device_info = connection[DeviceInfoService]
    print("Device information:", device_info.manufacturer, device_info.model_number)
if BatteryService in connection:
    print("Battery:", connection[BatteryService].level, "%")
heart_rate = connection[HeartRateService]
print("Heart rate sensor on:", heart_rate.location)

readings = 0
while readings < 5 and connection.connected:
    values = heart_rate.measurement_values
    if values:
        print("Reading:", values.heart_rate, "bpm")
        readings += 1
    else:
        time.sleep(0.05)

connection.disconnect()
while radio.connected:
    time.sleep(0.05)
print("Disconnected")
