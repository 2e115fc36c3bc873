"""Scans, connects and talks to uart_echo_server.py with asyncio, and never looks in vain.

`bleio.aio` is for computers; a board does not have it. docs/asyncio.md has more.
"""

import asyncio

from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

from bleio import aio

LINES = (b"hello\n", b"how are you?\n", b"a line that is longer than one small packet can be\n")


async def main():
    radio = BLERadio()
    print("Scanning")
    async with aio.scan(radio, ProvideServicesAdvertisement) as advertisements:
        async for advertisement in advertisements:
            if UARTService in advertisement.services:
                break

    connection = await aio.connect(radio, advertisement, timeout=10)
    print("Connected to", advertisement.address)
    uart = await aio.service(connection, UARTService)
    answers = aio.lines(uart)
    for line in LINES:
        print("Sending ", line)
        uart.write(line)
        print("Received", await anext(answers))
    await aio.disconnect(connection)


asyncio.run(main())
