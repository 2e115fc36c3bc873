"""Sends back, in capitals, what arrives over the Nordic UART Service, and does something else, too.

Two tasks of asyncio take turns: one serves clients, the other counts, as one that blinks a LED or
reads a sensor would. The other side is uart_echo_client.py, or the UART page of a phone app.
"""

import asyncio

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

radio = BLERadio()
uart = UARTService()
advertisement = ProvideServicesAdvertisement(uart)


async def serve():
    while True:
        print("Waiting for a client")
        while not radio.connected:
            if not radio.advertising:  # also after a link that was too short to be seen
                uart.reset_input_buffer()  # of half a line that the last client has left
                radio.start_advertising(advertisement)
            await asyncio.sleep(0.05)
        print("Client connected")
        while radio.connected:
            if not uart.in_waiting:
                await asyncio.sleep(0.01)
                continue
            line = uart.readline()
            print("Received", line)
            uart.write(line.upper())
        print("Client gone")


async def count():
    seconds = 0
    while True:
        await asyncio.sleep(1)
        seconds += 1
        if seconds % 10 == 0:
            print("Up for", seconds, "seconds")


async def main():
    await asyncio.gather(serve(), count())


asyncio.run(main())
