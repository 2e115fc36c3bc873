"""What the README's table says of others, as far as they are installed and can be asked."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import bleak
import pytest
from bumble.controller import Controller
from bumble.device import Device
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from support.patience import PATIENCE_S

pytestmark = pytest.mark.interop

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
NOT_IMPLEMENTED = """
import _bleio
for what in ("_bleio.adapter.start_advertising(b'')", "_bleio.Connection.pair(None)"):
    try:
        eval(what)
    except NotImplementedError as error:
        print(error)
"""


def cell(row: str, column: str) -> str:
    """Return what the table says."""
    table = [line for line in README.splitlines() if line.startswith("| ")]
    head = next(line for line in table if "BabbleSim" in line)
    columns = [each.strip() for each in head.split("|")]
    line = next(line for line in table if line.startswith(f"| {row}"))
    return line.split("|")[next(i for i, name in enumerate(columns) if column in name)].strip()


def test_adafruits_module_neither_advertises_nor_pairs() -> None:
    assert cell("peripheral", "Blinka") == cell("pairing", "Blinka") == "no"
    environment = {"BLEIO_PRECEDENCE": "0", "PATH": ""}
    command = [sys.executable, "-c", NOT_IMPLEMENTED]
    said = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
    ).stdout
    assert said == "Advertising not implemented\nPairing not implemented\n"


def test_bleak_has_no_peripheral() -> None:
    assert cell("peripheral", "bleak") == "no"
    names = {name for kind in (bleak.BleakClient, bleak.BleakScanner) for name in dir(kind)}
    assert {"pair", "connect"} <= names
    assert [
        name for name in {*names, *dir(bleak)} if re.search("advertis(e|ing)$|server", name)
    ] == []


def test_bumbles_simulated_air_has_no_distance() -> None:
    assert "without loss, distance" in cell("simulated radio", "bumble")

    async def heard() -> int:
        link = LocalLink()
        devices = []
        for number in (1, 2):
            controller = Controller(f"C{number}", link=link)
            host = Host(controller, AsyncPipeSink(controller))
            address = Address(f"F0:00:00:00:00:0{number}")
            devices.append(Device(name=f"D{number}", address=address, host=host))
        advertiser, scanner = devices
        level = asyncio.get_running_loop().create_future()
        scanner.on("advertisement", lambda found: level.done() or level.set_result(found.rssi))
        for device in devices:
            await device.power_on()
        await advertiser.start_advertising()
        await scanner.start_scanning()
        return int(await asyncio.wait_for(level, PATIENCE_S))

    assert asyncio.run(heard()) == -50
