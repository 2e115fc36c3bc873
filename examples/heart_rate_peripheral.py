"""A heart-rate monitor: notifies connected centrals of a made-up pulse once a second.

Read it with heart_rate_central.py, with a phone, or with anything else that knows the standard
Heart Rate Service.
"""

import random
import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.characteristics import Characteristic, StructCharacteristic
from adafruit_ble.characteristics.int import Uint8Characteristic
from adafruit_ble.services import Service
from adafruit_ble.services.standard import BatteryService
from adafruit_ble.services.standard.device_info import DeviceInfoService
from adafruit_ble.uuid import StandardUUID

CHEST = 1
NO_OPTIONAL_FIELDS = 0


class HeartRateService(Service):
    """The sensor's side of the Heart Rate Service."""

    uuid = StandardUUID(0x180D)
    measurement = StructCharacteristic(
        "<BB", uuid=StandardUUID(0x2A37), properties=Characteristic.NOTIFY
    )
    location = Uint8Characteristic(
        uuid=StandardUUID(0x2A38), properties=Characteristic.READ, initial_value=CHEST
    )


radio = BLERadio()
radio.name = "Pulse"
heart_rate = HeartRateService()
battery = BatteryService()
battery.level = 87
device_info = DeviceInfoService(
    manufacturer="Example Labs", model_number="Pulse 1", serial_number="1"
)
advertisement = ProvideServicesAdvertisement(heart_rate)

pulse = 72
while True:
    print("Advertising as", radio.name)
    while not radio.connected:
        if not radio.advertising:  # also after a link that was too short to be seen
            radio.start_advertising(advertisement)
        time.sleep(0.05)
    print("Connected")
    while radio.connected:
        pulse = max(50, min(180, pulse + random.randint(-3, 3)))
        heart_rate.measurement = (NO_OPTIONAL_FIELDS, pulse)
        print("Pulse", pulse)
        time.sleep(1)
    print("Disconnected")
