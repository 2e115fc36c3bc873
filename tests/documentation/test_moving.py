"""What is shown of other libraries runs with these libraries, on a D-Bus that plays the strap."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, Variant

from bleio.backends.os.bluez.objects import ADAPTER
from documentation.pages import Block, blocks_of
from support.bluez.private_bus import private_bus
from support.bluez.remote import BASE, DEVICE, PEER, Remote
from support.bluez.stand_in import ADAPTER_PATH, device_path
from support.patience import PATIENCE_S

pytestmark = pytest.mark.interop


class Strap(Remote):
    """A bluetoothd that hears a heart-rate strap, which has a battery."""

    PATH = device_path(PEER)

    async def _answer(self, message: Message, body: list[Any]) -> Message:
        answer = await super()._answer(message, body)
        if message.member == "StartDiscovery":
            asyncio.get_running_loop().call_later(0.05, self._heard_on_air)
        return answer

    def _heard_on_air(self) -> None:
        if self.PATH not in self.objects:
            services = [BASE.format("180d")]
            self.know(PEER, Name="Pulse", Alias="Pulse", UUIDs=services, RSSI=Variant("n", -60))
            self.serve(self.PATH, 0x10, "180f", (0x11, "2a19", "read"))
            self.values[f"{self.PATH}/service0010/char0011"] = b"\x57"
        else:
            rssi = self.objects[self.PATH][DEVICE]["RSSI"].value
            self.change(self.PATH, DEVICE, RSSI=Variant("n", -121 - rssi))
        if self.objects[ADAPTER_PATH][ADAPTER]["Discovering"].value:
            asyncio.get_running_loop().call_later(0.05, self._heard_on_air)


async def run(block: Block, folder: Path, **environment: str) -> tuple[int | None, str]:
    program = folder / "program.py"
    program.write_text(block.text)
    async with private_bus():
        daemon = Strap()
        await daemon.start()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(program)),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        finally:
            daemon.bus.disconnect()
        return process.returncode, said.decode()


def the_block(page: str, words: str) -> Block:
    found = [block for block in blocks_of(page) if words in block.text]
    assert len(found) == 1
    return found[0]


def test_the_program_with_bleak(tmp_path: Path) -> None:
    before = the_block("docs/moving/bleak.md", "from bleak import")
    status, said = asyncio.run(run(before, tmp_path))
    print(said)
    assert (status, said) == (0, "Battery: 87 %\n")


@pytest.mark.parametrize("ours", [False, True])
def test_the_program_with_adafruits_bleio_and_with_ours(tmp_path: Path, ours: bool) -> None:
    both = the_block("docs/moving/blinka-bleio.md", "BLERadio")
    setting = {"BLEIO_PRECEDENCE": "1" if ours else "0", "BLEIO_ADAPTER": "os"}
    status, said = asyncio.run(run(both, tmp_path, **setting))
    print(said)
    assert (status, said) == (0, "Battery: 87 %\n")


def test_what_adafruits_bleio_has_not(tmp_path: Path) -> None:
    """The table says so; it is asked of the package as it is installed."""
    program = """
import _bleio, inspect
source = inspect.getsource(inspect.getmodule(_bleio.Adapter))
lines = source.split("\\n")
for name in ("start_advertising", "erase_bonding", "pair", "paired", "connection_interval",
             "max_packet_length"):
    at = next(i for i, line in enumerate(lines) if line.startswith(f"    def {name}("))
    end = next(i for i in range(at + 1, len(lines)) if lines[i].startswith("    def "))
    assert "NotImplementedError" in "\\n".join(lines[at:end]), name
try:
    _bleio.set_adapter(None)
except NotImplementedError:
    print("all", "dropin" in _bleio.__file__)
"""
    block = Block("", 0, "python", program)
    assert asyncio.run(run(block, tmp_path, BLEIO_PRECEDENCE="0")) == (0, "all False\n")
