"""A program on a real controller loads nothing of the simulated radio or the operating system's,
and one on the simulated radio nothing of the latter."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from support.hci.engine import asynchronous
from support.hci.script import ScriptedController
from support.patience import PATIENCE_S, as_if_idle

PROGRAM = """
import sys
import _bleio

adapter = _bleio.adapter
adapter.enabled = True
adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
adapter.stop_advertising()
unwanted = ("bleio.radio", "bleio.backends.os", "bleak", "dbus_fast")
print(*(name for name in sys.modules if name.startswith(unwanted)), "end")
"""


@asynchronous
async def test_a_program_on_a_controller_loads_no_other_radio(tmp_path: Path) -> None:
    async with ScriptedController() as controller:
        settings = {
            "BLEIO_ADAPTER": f"hci:{controller.transport}",
            "BLEIO_CAPTURE": str(tmp_path / "hci.pcapng"),
            "BLEIO_STATE_DIR": str(tmp_path / "state"),
        }
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM),
            env=os.environ | settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await program.communicate()
        assert output.decode() == "end\n"
        assert (tmp_path / "hci.pcapng").stat().st_size > 0


def test_a_program_on_the_simulated_radio_loads_nothing_of_the_operating_systems() -> None:
    """Nor of bumble what takes longest to load."""
    program = PROGRAM.replace('"bleio.radio", ', '"bumble.hci", "bumble.host", ')
    assert program != PROGRAM
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"BLEIO_ADAPTER": "virtual"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (ended.stdout, as_if_idle(ended.stderr)) == ("end\n", "")


WORLD = """
import sys
from bleio.testing import World
ADVERTISES = "import _bleio; _bleio.adapter.start_advertising(b'')\\nimport time; time.sleep(2)"
SCANS = "import _bleio; next(iter(_bleio.adapter.start_scan(timeout=5)))"
with World() as world:
    world.add(source=ADVERTISES)
    world.add(source=SCANS)
    world.run()
unwanted = ("bumble", "cryptography", "ctypes", "bleio.backends.os", "bleak", "dbus_fast")
print(*(name for name in sys.modules if name.startswith(unwanted)), "end")
"""


def test_a_world_loads_what_it_uses() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WORLD], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (ended.stdout, ended.stderr) == ("end\n", "")
