"""Commands for devices against another host stack, over a controller of their own and beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from support.patience import PATIENCE_S
from support.radio_processes import Radios, listening, radios
from support.schemas import checked

__all__ = ["radios"]

pytestmark = pytest.mark.interop

PERIPHERAL = """
import asyncio, sys
from bumble.core import AdvertisingData
from bumble.device import Device
from bumble.gatt import Characteristic, Descriptor, Service
from bumble.transport import open_transport

READ, WRITE = Characteristic.Properties.READ, Characteristic.Properties.WRITE
NOTIFY, INDICATE = Characteristic.Properties.NOTIFY, Characteristic.Properties.INDICATE
OPEN = Characteristic.Permissions.READABLE | Characteristic.Permissions.WRITEABLE
SECRET = Characteristic.Permissions.READABLE | Characteristic.Permissions.READ_REQUIRES_ENCRYPTION

async def main():
    async with await open_transport(sys.argv[1]) as transport:
        device = Device.with_hci("Other", "F0:F1:F2:F3:F4:F5", transport.source, transport.sink)
        pulse = Characteristic("2A37", NOTIFY, 0, bytes([0, 72]))
        fever = Characteristic("2A1C", INDICATE, 0, bytes.fromhex("006e0100ff"))
        battery = Service("180F", [Characteristic("2A19", READ, OPEN, bytes([50]))])
        own = Characteristic(
            "12345678-0000-1000-8000-00805F9B34FC", READ | WRITE, OPEN, b"x",
            [Descriptor("2901", Descriptor.Permissions.READABLE, b"Mine")],
        )
        secret = Characteristic("2A6E", READ, SECRET, bytes.fromhex("c409"))
        device.add_service(battery)
        device.add_service(
            Service("180D", [pulse, fever, secret, own], included_services=[battery])
        )
        await device.power_on()
        name = AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, b"Other")])
        device.advertising_data = bytes(name)
        await device.start_advertising(auto_restart=True)
        print("advertising", flush=True)
        while True:
            await asyncio.sleep(0.1)
            await device.notify_subscribers(pulse, bytes([0, 72]))
            await device.indicate_subscribers(fever, bytes.fromhex("006e0100ff"))

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["virtual", "hci"])
def test_a_device_of_bumble(radios: Radios, kind: str) -> None:
    name = f"commands-{kind}"
    radio = radios.foreground(name, "--listen", "tcp:127.0.0.1:0")
    address = listening(radio, "tcp")
    other = radios.start("other", "-c", PERIPHERAL, f"tcp-client:{address}")
    other.wait_for("^advertising$")
    adapter = f"virtual:{name}" if kind == "virtual" else f"hci:tcp-client:{address}"

    environment = {
        **os.environ,
        "XDG_RUNTIME_DIR": str(radios.folder),
        "BLEIO_ADAPTER": adapter,
        "BLEIO_STATE_DIR": str(radios.folder / "state"),
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bleio", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

    value = checked("explore", run("explore", "other", "--json").stdout)
    heart = next(each for each in value["services"] if each.get("name") == "Heart Rate")
    assert [each["name"] for each in heart["included"]] == ["Battery Service"]
    rows = {each.get("name", each["uuid"]): each for each in heart["characteristics"]}
    assert rows["Temperature"]["needs"] in ("encryption", "authentication")
    own = rows["12345678-0000-1000-8000-00805f9b34fc"]
    assert own["descriptors"][0]["decoded"] == "Mine"
    refused = run("read", "other", "temperature")
    assert refused.returncode == 6
    assert refused.stderr.endswith("  bleio read other temperature --pair\n")
    assert run("read", "f0:f1:f2:f3:f4:f5", "temperature", "--pair").stdout == "25 °C  (c4 09)\n"
    assert run("write", "other", own["uuid"], "text:yes").returncode == 0
    assert run("read", "other", own["uuid"]).stdout == '"yes"\n'
    lines = list(notified(environment))
    indications = [line["indications"] for line in lines if line["event"] == "subscribed"]
    assert sorted(indications) == [False, True]
    said = {line["text"] for line in lines if line["event"] == "value"}
    assert "temperature 36.6, unit °C" in said
    assert lines[-1]["reason"] == "interrupted"
    other.kill()


def notified(environment: dict[str, str]) -> Iterator[Any]:
    """Yield what notify prints until values of both characteristics have come, and its end."""
    words = ["notify", "other", "2a1c", "2a37", "--json"]
    wanted = {"2a1c", "2a37"}
    with subprocess.Popen(
        [sys.executable, "-m", "bleio", *words], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            line = checked("notify", text)
            if line["event"] == "value" and wanted:
                wanted.discard(line["characteristic"]["uuid"][4:8])
                if not wanted:
                    process.send_signal(signal.SIGINT)
            yield line
