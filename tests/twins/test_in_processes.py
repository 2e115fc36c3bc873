"""The command, and twins as programs of their own, on one simulated radio with other people's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.processes import Program, SharedRadio
from support.radio_processes import Radios, listening, radios
from support.schemas import checked
from support.twins import EXAMPLES

__all__ = ["radios"]
pytestmark = pytest.mark.interop
UART_LINES = [
    b"hello\n",
    b"how are you?\n",
    b"a line that is longer than one small packet can be\n",
]
SAY = [part for line in UART_LINES for part in ("--say", line.decode().replace("\n", "\\n"))]
_HERE = Path(__file__).parent


def clone(radio: SharedRadio, *arguments: str) -> list[str]:
    """Run the command to its end. Returns: the lines it printed, with those on standard error."""
    program = Program(
        "clone", ["-m", "bleio", "clone", *arguments], radio.environment("clone"), radio._folder
    )
    program.ends_well()
    return program.lines


@pytest.mark.parametrize("which", ["original", "twin"])
@pytest.mark.parametrize(
    ("name", "device", "client", "options", "says"),
    [
        (
            "Pulse",
            "heart_rate_peripheral",
            "heart_rate_central",
            ["--record", "3"],
            [
                "Device information: Example Labs Pulse 1",
                "Battery: 87 %",
                "Heart rate sensor on: Chest",
                *[r"Reading: \d+ bpm"] * 5,
                "Disconnected",
            ],
        ),
        (
            "CIRCUITPY",
            "uart_echo_server",
            "uart_echo_client",
            ["--record", "1", *SAY],
            [re.escape(f"Received {line.upper()!r}") for line in UART_LINES],
        ),
    ],
    ids=["heart rate", "uart"],
)
def test_a_client_is_served(
    shared_radio: SharedRadio,
    tmp_path: Path,
    which: str,
    name: str,
    device: str,
    client: str,
    options: list[str],
    says: list[str],
) -> None:
    served = shared_radio.start(EXAMPLES / f"{device}.py")
    served.wait_for("Advertising|Waiting")
    if which == "twin":
        twin = tmp_path / "twin.py"
        clone(shared_radio, name, "-o", str(twin), *options)
        served.interrupt()
        served.wait()
        served = shared_radio.start(twin)
        served.wait_for("Advertising as")
    central = shared_radio.start(EXAMPLES / f"{client}.py")
    central.says(*says)
    central.ends_well()
    served.wait_for("Disconnected|Client gone")


def test_the_record_is_json_and_makes_the_same_program(
    shared_radio: SharedRadio, tmp_path: Path
) -> None:
    shared_radio.start(EXAMPLES / "heart_rate_peripheral.py").wait_for("Advertising")
    lines = clone(shared_radio, "Pulse", "--record", "1", "--json", "-o", "twin.py")
    (record,) = [line for line in lines if line.startswith("{")]
    checked("clone", record)
    (tmp_path / "record.json").write_text(record)
    clone(shared_radio, "--from", "record.json", "-o", "again.py")
    assert (tmp_path / "again.py").read_text() == (tmp_path / "twin.py").read_text()


def test_a_strap_of_bumbles_is_cloned(radios: Radios, tmp_path: Path) -> None:
    """Its host, its GATT server and its advertising are not ours."""
    radio = radios.foreground("strap", "--listen", "tcp:127.0.0.1:0")
    address = listening(radio, "tcp")
    strap = radios.start("strap", str(_HERE / "bumble_strap.py"), f"tcp-client:{address}")
    strap.wait_for("advertising")
    twin, found = tmp_path / "twin.py", []
    for _ in range(2):
        found.append(seen_by_bumble(radios, address, "seen"))
        if len(found) == 1:
            ours = radios.start(
                "clone", "-m", "bleio", "clone", "Strap", "-o", str(twin), "--record", "3",
                "--adapter", "virtual:strap",
            )  # fmt: skip
            ours.ends_well()
            strap.interrupt()
            strap.wait()
            radios.start("twin", "-m", "bleio", "run", "--adapter", "virtual:strap", str(twin))
    original, copy = found
    assert copy == original
    _, table, values = original
    assert ["descriptor", "2901", b"where it is worn".hex()] in table
    assert bytes(range(256)).hex() in str(table)
    assert len(values) == 4
    assert 'NAME = "Strap"' in twin.read_text()


def seen_by_bumble(radios: Radios, address: str, tag: str) -> Any:
    """Return a strap's advertising, table and notifications as bumble's client sees them."""
    client = radios.start(tag, str(_HERE / "bumble_client.py"), f"tcp-client:{address}", "Strap")
    found = json.loads(client.wait_for("^seen (.*)$").group(1))
    client.ends_well()
    return found
