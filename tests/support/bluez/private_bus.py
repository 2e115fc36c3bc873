"""A message bus that only one test uses: dbus-daemon with a configuration of ours."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""

ADDRESS = "DBUS_SYSTEM_BUS_ADDRESS"


@asynccontextmanager
async def private_bus() -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a bus, which is the system's for this process meanwhile; skips without dbus-daemon."""
    daemon = shutil.which("dbus-daemon")
    if daemon is None:
        pytest.skip("needs dbus-daemon (apt install dbus)")
    with TemporaryDirectory() as folder:
        configuration = Path(folder, "bus.conf")
        configuration.write_text(_CONFIGURATION.format(socket=Path(folder, "bus")))
        process = await asyncio.create_subprocess_exec(
            *(daemon, f"--config-file={configuration}", "--nofork", "--print-address"),
            stdout=asyncio.subprocess.PIPE,
        )
        before = os.environ.get(ADDRESS)
        try:
            assert process.stdout is not None
            os.environ[ADDRESS] = (await process.stdout.readline()).decode().strip()
            yield process
        finally:
            if before is None:
                del os.environ[ADDRESS]
            else:
                os.environ[ADDRESS] = before
            if process.returncode is None:
                process.kill()
            await process.wait()
