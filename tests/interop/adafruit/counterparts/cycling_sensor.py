"""A speed and cadence sensor on the rear wheel, as the standard service wants it."""

import struct
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.characteristics import Characteristic
from adafruit_ble.characteristics.int import Uint8Characteristic
from adafruit_ble.services import Service
from adafruit_ble.services.standard.device_info import DeviceInfoService
from adafruit_ble.uuid import StandardUUID


class SensorService(Service):
    """The sensor's side of Cycling Speed and Cadence."""

    uuid = StandardUUID(0x1816)
    measurement = Characteristic(
        uuid=StandardUUID(0x2A5B), properties=Characteristic.NOTIFY, max_length=11
    )
    feature = Uint8Characteristic(
        uuid=StandardUUID(0x2A5C), properties=Characteristic.READ, initial_value=3
    )
    location = Uint8Characteristic(
        uuid=StandardUUID(0x2A5D), properties=Characteristic.READ, initial_value=12
    )


radio = BLERadio()
sensor = SensorService()
information = DeviceInfoService(manufacturer="Example Bikes", serial_number="1")
radio.start_advertising(ProvideServicesAdvertisement(sensor))
while not radio.connected:
    time.sleep(0.01)
turns = 0
while radio.connected:
    turns += 1
    sensor.measurement = struct.pack("<BLHHH", 3, 2 * turns, 1024 * turns % 65536, turns, 7)
    time.sleep(0.1)
