"""Prints the first measurements that it hears of a station."""

from adafruit_ble import BLERadio
from adafruit_ble_broadcastnet import AdafruitSensorMeasurement

radio = BLERadio()
for number, measurement in enumerate(radio.start_scan(AdafruitSensorMeasurement)):
    print("heard", measurement)
    if number == 1:
        break
radio.stop_scan()
