"""Finds a device that tells its creation id.

The library's own class for it drops what was received, so this reads the manufacturer's data.
"""

import struct

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement

MANUFACTURER_DATA, ADAFRUIT, CREATION = 0xFF, 0x0822, 0x0004

radio = BLERadio()
for advertisement in radio.start_scan(Advertisement):
    data = bytes(advertisement.data_dict.get(MANUFACTURER_DATA, b""))
    if len(data) == 13 and struct.unpack_from("<HBH", data) == (ADAFRUIT, 10, CREATION):
        break
radio.stop_scan()
print("creation {:#x} {:#x}".format(*struct.unpack_from("<II", data, 5)))
