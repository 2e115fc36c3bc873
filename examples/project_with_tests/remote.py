"""The remote control: python remote.py TARGET

Sets the target of the greenhouse, in degrees Celsius, and watches until it is reached.
"""

import sys
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from greenhouse import ThermostatService

if len(sys.argv) != 2:
    raise SystemExit("Say the target: python remote.py TARGET, such as 20")
target_c = float(sys.argv[1])

radio = BLERadio()
for advertisement in radio.start_scan(ProvideServicesAdvertisement):
    if ThermostatService in advertisement.services:
        break
radio.stop_scan()

connection = radio.connect(advertisement, timeout=10)
thermostat = connection[ThermostatService]
thermostat.target_c = target_c
time.sleep(1)
print("Target", thermostat.target_c)
while thermostat.heating:
    print(f"Heating at {thermostat.celsius:.1f}")
    time.sleep(1)
print(f"Not heating at {thermostat.celsius:.1f}")
connection.disconnect()
