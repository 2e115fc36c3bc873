"""A program on a real controller loads nothing of the simulated radio."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from support.hci.engine import asynchronous
from support.hci.script import ScriptedController

PROGRAM = """
import sys
import _bleio

adapter = _bleio.adapter
adapter.enabled = True
adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
adapter.stop_advertising()
print(*(name for name in sys.modules if name.startswith("bleio.radio")), "end")
"""


@asynchronous
async def test_a_program_on_a_controller_loads_no_simulator(tmp_path: Path) -> None:
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
