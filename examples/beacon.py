"""Broadcasts a colour, a new one every other second, to everyone near; nobody can connect.

The other side is scanner.py.
"""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.adafruit import AdafruitColor

COLORS = (0xFF0000, 0x00FF00, 0x0000FF)

radio = BLERadio()
advertisement = AdafruitColor()

while True:
    for color in COLORS:
        advertisement.color = color
        radio.start_advertising(advertisement)
        print(f"Broadcasting #{color:06x}")
        time.sleep(2)
        radio.stop_advertising()
