"""Sends back, line by line and in capitals, what arrives over the Nordic UART Service.

The other side is uart_echo_client.py, or the UART page of a phone app.
"""

import time

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

radio = BLERadio()
uart = UARTService()
advertisement = ProvideServicesAdvertisement(uart)

while True:
    print("Waiting for a client")
    while not radio.connected:
        if not radio.advertising:  # also after a link that was too short to be seen
            uart.reset_input_buffer()  # of half a line that the last client has left
            radio.start_advertising(advertisement)
        time.sleep(0.05)
    print("Client connected")
    while radio.connected:
        if not uart.in_waiting:
            time.sleep(0.01)
            continue
        line = uart.readline()
        print("Received", line)
        uart.write(line.upper())
    print("Client gone")
