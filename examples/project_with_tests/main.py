"""The greenhouse: runs on a CircuitPython board, with a heater's relay on pin D5.

On a board: copy main.py and greenhouse.py to its drive, and adafruit_ble into lib/.
On a computer: bleio run --board main.py
"""

import time

import board
import digitalio
import microcontroller
from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from greenhouse import ThermostatService, allowed, should_heat

radio = BLERadio()
radio.name = "Greenhouse"
thermostat = ThermostatService()
advertisement = ProvideServicesAdvertisement(thermostat)
heater = digitalio.DigitalInOut(board.D5)
heater.switch_to_output()

while True:
    if not radio.connected and not radio.advertising:
        radio.start_advertising(advertisement)
    target_c = allowed(thermostat.target_c)
    if target_c != thermostat.target_c:
        print("Asked for what plants do not survive; the target is", target_c)
        thermostat.target_c = target_c
    celsius = microcontroller.cpu.temperature
    heater.value = should_heat(celsius, target_c, heater.value)
    thermostat.celsius = celsius
    thermostat.heating = heater.value
    time.sleep(0.5)
