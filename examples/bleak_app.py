"""An app for a computer, written with bleak: shows a heart rate and talks to a UART, both at once.

With a strap (heart_rate_peripheral.py) and an echo (uart_echo_asyncio.py) on a simulated radio:

    bleio sim --for 25s heart_rate_peripheral.py uart_echo_asyncio.py "bleak_app.py 20"

or in three terminals, where BLEIO_ADAPTER=virtual:desk is set:

    python heart_rate_peripheral.py
    python uart_echo_asyncio.py
    bleio run --bleak bleak_app.py 20

The number is how many seconds it goes on. Nothing in it knows of bleio: `python bleak_app.py` uses
the computer's own Bluetooth, as ever.
"""

import asyncio
import contextlib
import sys

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

HEART_RATE = "0000180d-0000-1000-8000-00805f9b34fb"
MEASUREMENT = "00002a37-0000-1000-8000-00805f9b34fb"
UART = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
TO_UART = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
FROM_UART = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"


async def use(service, talk, until):
    """Connect to a device with the service and talk to it; again, whenever that fails."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        device = await BleakScanner.find_device_by_filter(
            lambda device, data: service in data.service_uuids
        )
        if device is None:
            continue
        gone = asyncio.Event()
        try:
            async with BleakClient(device, lambda client, gone=gone: gone.set()) as client:
                await talk(client, gone, until)
        except (BleakError, TimeoutError) as error:
            print("Once more:", error)


async def show_heart_rate(client, gone, until):
    def show(characteristic, value):
        print("Heart rate", value[1], "beats per minute")

    await client.start_notify(MEASUREMENT, show)
    left = until - asyncio.get_running_loop().time()
    with contextlib.suppress(asyncio.TimeoutError):  # time is up, and the link still there
        await asyncio.wait_for(gone.wait(), max(left, 0))


async def ask(client, gone, until):
    loop, answers = asyncio.get_running_loop(), asyncio.Queue()
    await client.start_notify(FROM_UART, lambda characteristic, value: answers.put_nowait(value))
    number = 0
    while loop.time() < until and not gone.is_set():
        number += 1
        await client.write_gatt_char(TO_UART, b"line %d\n" % number, response=True)
        print("Echo", bytes(await asyncio.wait_for(answers.get(), 10)))
        await asyncio.sleep(1)


async def main(seconds):
    until = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(
        use(HEART_RATE, show_heart_rate, until),
        use(UART, ask, until),
    )


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
