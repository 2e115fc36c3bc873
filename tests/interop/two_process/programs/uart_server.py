"""Answers every line over the Nordic UART Service, then asks questions of its own."""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

radio = BLERadio()
uart = UARTService(timeout=10)
radio.start_advertising(ProvideServicesAdvertisement(uart))
while not radio.connected:
    time.sleep(0.01)
print("connected")
while True:
    line = uart.readline()
    if line == b"your turn\n":
        break
    uart.write(line[::-1])
for number in range(20):
    uart.write(b"%d squared?\n" % number)
    assert uart.readline() == b"%d\n" % (number * number)
print("all answers right")
while radio.connected:
    time.sleep(0.01)
