"""An hour of a heart-rate strap, an echo of asyncio and an app of bleak in one world.

    python bench/hour.py            as JSON: how many seconds of a processor that took, with an echo
                                    that polls and with one that awaits
    python bench/hour.py run polls|awaits

The world records what is on the air, and the time is all that its process takes, from its start on.
It has one thread that works, so where nothing else runs the wait is as long. The polling echo is
the one of examples/, which looks every 10 ms: 360,000 timers, and twice as many looks. The awaiting
one has none, so the ratio says what those cost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

AWAITS = """
import asyncio
from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService
from bleio import aio

async def serve():
    radio, uart = BLERadio(), UARTService()
    while True:
        await aio.start_advertising(radio, ProvideServicesAdvertisement(uart))
        connection = await aio.connected(radio)
        echo = asyncio.ensure_future(answer(uart))
        await aio.disconnected(connection)
        echo.cancel()

async def answer(uart):
    async for line in aio.lines(uart):
        uart.write(line.upper())

asyncio.run(serve())
"""


def run(echo: str) -> None:
    """Run the world."""
    from bleio.testing import World

    with (
        tempfile.TemporaryDirectory() as folder,
        World(seed=1, capture=Path(folder) / "hour.pcapng") as world,
    ):
        world.add(EXAMPLES / "heart_rate_peripheral.py")
        if echo == "polls":
            world.add(EXAMPLES / "uart_echo_asyncio.py")
        else:
            world.add(source=AWAITS, name="echo")
        app = world.add(EXAMPLES / "bleak_app.py", argv=["3600"])
        world.run(until=lambda: not app.running, within_s=4000)
        assert app.text.count("Echo") > 3500
        assert app.text.count("Heart rate") > 3500


def measured(echo: str) -> float:
    """Return how long a process computes for it, in seconds."""
    before_s = _of_children_s()
    subprocess.run([sys.executable, __file__, "run", echo], check=True)
    return _of_children_s() - before_s


def _of_children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run(sys.argv[2])
    else:
        print(json.dumps({echo: measured(echo) for echo in ("polls", "awaits")}))
