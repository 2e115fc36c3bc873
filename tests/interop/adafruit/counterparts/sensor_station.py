"""Broadcasts measurements again and again, short and split ones."""

import time

import adafruit_ble_broadcastnet

print("station", adafruit_ble_broadcastnet.device_address)
while True:
    measurement = adafruit_ble_broadcastnet.AdafruitSensorMeasurement()
    measurement.temperature = 21.5
    measurement.acceleration = (1.0, 2.0, -9.5)
    measurement.battery_voltage = 3700
    adafruit_ble_broadcastnet.broadcast(measurement)
    time.sleep(0.1)
