"""Shows for ten seconds what is on the air: each device once, and every change of a colour beacon.

Start beacon.py, or any other example that advertises, beside it.
"""

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement
from adafruit_ble.advertising.adafruit import AdafruitColor

radio = BLERadio()
names = {}
colors = {}

print("Scanning for ten seconds")
for advertisement in radio.start_scan(AdafruitColor, Advertisement, timeout=10):
    address = advertisement.address
    if isinstance(advertisement, AdafruitColor):
        if colors.get(address) != advertisement.color:
            colors[address] = advertisement.color
            print(f"{address} {advertisement.rssi} dBm: colour #{advertisement.color:06x}")
    elif address not in names or (advertisement.complete_name and not names[address]):
        names[address] = advertisement.complete_name
        print(f"{address} {advertisement.rssi} dBm: {advertisement.complete_name or 'no name yet'}")
print("Saw", len(names | colors), "devices")
