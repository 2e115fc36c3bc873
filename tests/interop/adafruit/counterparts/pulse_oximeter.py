"""A BerryMed pulse oximeter: sends one five-octet reading after another."""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising import Advertisement
from adafruit_ble.services.standard.device_info import DeviceInfoService
from adafruit_ble_berrymed_pulse_oximeter.adafruit_ble_transparent_uart import (
    TransparentUARTService,
)

radio = BLERadio()
uart = TransparentUARTService()
information = DeviceInfoService(
    manufacturer="Example Clinic", model_number="Finger 2", serial_number="1"
)
advertisement = Advertisement()
advertisement.connectable = True
advertisement.complete_name = "BerryMed"
radio.start_advertising(advertisement)
while not radio.connected:
    time.sleep(0.01)
while radio.connected:
    uart.write(b"\x80\x32\x00\x48\x62")  # status, pleth 50, finger there, pulse 72, SpO2 98
    time.sleep(0.2)
