"""Goes to a device that asks for the time, and tells it until its own input ends."""

import sys
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement
from adafruit_ble.characteristics import Characteristic, StructCharacteristic
from adafruit_ble.services import Service
from adafruit_ble.uuid import StandardUUID

SOLICITED_16_BIT = 0x14  # the type of that AD structure


class CurrentTimeService(Service):
    """The clock's side of its service; the library's own class does not say that it can be read."""

    uuid = StandardUUID(0x1805)
    current_time = StructCharacteristic(
        "<HBBBBBBBB", uuid=StandardUUID(0x2A2B), properties=Characteristic.READ
    )


radio = BLERadio()
clock = CurrentTimeService()
clock.current_time = (2026, 11, 23, 17, 5, 30, 1, 128, 0)
for advertisement in radio.start_scan(Advertisement):
    if advertisement.data_dict.get(SOLICITED_16_BIT) == bytes(CurrentTimeService.uuid):
        break
radio.stop_scan()
print("asked by", advertisement.complete_name)
connection = radio.connect(advertisement)
while not connection.paired:
    time.sleep(0.01)
print("paired")
sys.stdin.read()
connection.disconnect()
