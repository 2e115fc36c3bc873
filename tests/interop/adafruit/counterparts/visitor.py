"""Connects to whoever has the name it is given, twice, as long as it is told to stay each time."""

import sys

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement

radio = BLERadio()
for _ in range(2):
    for advertisement in radio.start_scan(Advertisement):
        if advertisement.scan_response and advertisement.complete_name == sys.argv[1]:
            break
    radio.stop_scan()
    connection = radio.connect(advertisement)
    print("visiting", advertisement.address)
    sys.stdin.readline()
    connection.disconnect()
    print("left")
