"""Two thermometers in one: an iBBQ with two probes and a Xiaomi with humidity."""

import struct
import sys
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.characteristics import Characteristic
from adafruit_ble.services import Service
from adafruit_ble.uuid import StandardUUID, VendorUUID


class Barbecue(Service):
    """The iBBQ's side of its service."""

    uuid = StandardUUID(0xFFF0)
    settings_result = Characteristic(
        uuid=StandardUUID(0xFFF1), properties=Characteristic.NOTIFY, max_length=20
    )
    account = Characteristic(
        uuid=StandardUUID(0xFFF2), properties=Characteristic.WRITE, max_length=20
    )
    realtime = Characteristic(
        uuid=StandardUUID(0xFFF4), properties=Characteristic.NOTIFY, max_length=20
    )
    settings = Characteristic(
        uuid=StandardUUID(0xFFF5), properties=Characteristic.WRITE, max_length=20
    )


class Room(Service):
    """The Xiaomi's side of its service."""

    uuid = VendorUUID("ebe0ccb0-7a0a-4b0c-8a1a-6ff2997da3a6")
    readings = Characteristic(
        uuid=VendorUUID("ebe0ccc1-7a0a-4b0c-8a1a-6ff2997da3a6"),
        properties=Characteristic.NOTIFY,
        max_length=5,
    )


radio = BLERadio()
barbecue, room = Barbecue(), Room()
scan_response = Advertisement()
scan_response.complete_name = sys.argv[1]
advertisement = ProvideServicesAdvertisement(barbecue)
radio.start_advertising(advertisement, scan_response)
while not radio.connected:
    time.sleep(0.01)
logged_in = streaming = False
while radio.connected:
    if not logged_in and len(barbecue.account) == 15:
        print("credentials", bytes(barbecue.account)[:2])
        logged_in = True
    command = bytes(barbecue.settings)
    if command.startswith(b"\x0b\x01"):
        streaming = True
    elif command.startswith(b"\x08\x24"):
        barbecue.settings = b""
        barbecue.settings_result = struct.pack("<BHH", 0x24, 6550, 6550)
    if streaming:
        barbecue.realtime = struct.pack("<HH", 215, 1000)
    room.readings = struct.pack("<hBxx", 2134, 45)
    time.sleep(0.05)
