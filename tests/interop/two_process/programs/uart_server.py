"""Answers every line over the Nordic UART Service, then asks questions of its own."""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

radio = BLERadio()
uart = UARTService()
radio.start_advertising(ProvideServicesAdvertisement(uart))
while not radio.connected:
    time.sleep(0.01)
print("connected")


def read_line():
    """Give the next whole line, however often the stream's time-out cuts it."""
    line = b""
    while not line.endswith(b"\n"):
        line += uart.readline()
    return line


while True:
    line = read_line()
    if line == b"your turn\n":
        break
    uart.write(line[::-1])
for number in range(20):
    uart.write(b"%d squared?\n" % number)
    assert read_line() == b"%d\n" % (number * number)
print("all answers right")
while radio.connected:
    time.sleep(0.01)
