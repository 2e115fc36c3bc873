"""Reads the temperature service of an Adafruit server, and asks for faster measurements."""

from adafruit_ble import BLERadio
from adafruit_ble_adafruit.adafruit_service import AdafruitServerAdvertisement
from adafruit_ble_adafruit.temperature_service import TemperatureService

radio = BLERadio()
advertisement = next(radio.start_scan(AdafruitServerAdvertisement))
radio.stop_scan()
print("product", advertisement.pid)
connection = radio.connect(advertisement)
service = connection[TemperatureService]
print("period", service.measurement_period)
service.measurement_period = 20
print("period", service.measurement_period)
while not service.temperature:
    pass
print("temperature", service.temperature)
connection.disconnect()
