"""Twins in simulated time: the client's test that the original passes, the twin passes too."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from bleio.cli.cloning.record import Record
from bleio.cli.cloning.writing import write
from support.twins import EXAMPLES, client_says, cloned, packets_of, table_of

UART_LINES = [
    b"hello\n",
    b"how are you?\n",
    b"a line that is longer than one small packet can be\n",
]
UART_NAME = "CIRCUITPY"


@cache
def record_of(kind: str) -> Record:
    match kind:
        case "heart rate":
            return cloned(EXAMPLES / "heart_rate_peripheral.py", "Pulse", record_s=10)
        case "uart":
            return cloned(EXAMPLES / "uart_echo_server.py", UART_NAME, record_s=2, said=UART_LINES)
        case "thermometer":
            return cloned(EXAMPLES / "raw_bleio_peripheral.py", "Thermometer", record_s=3)
    raise AssertionError(kind)


def device(kind: str, which: str) -> Any:
    """Return the original, or the source of a twin of it, or of a twin of that."""
    originals = {
        "heart rate": EXAMPLES / "heart_rate_peripheral.py",
        "uart": EXAMPLES / "uart_echo_server.py",
    }
    return originals[kind] if which == "original" else write(record_of(kind))


both = pytest.mark.parametrize("which", ["original", "twin"])


@both
def test_a_central_reads_a_heart_rate_strap(which: str) -> None:
    said = client_says(device("heart rate", which), EXAMPLES / "heart_rate_central.py")
    assert "Device information: Example Labs Pulse 1\n" in said
    assert "Battery: 87 %\n" in said
    assert "Heart rate sensor on: Chest\n" in said
    assert len(re.findall(r"Reading: \d+ bpm", said)) == 5
    assert said.endswith("Disconnected\n")


@both
def test_a_client_talks_to_a_uart(which: str) -> None:
    said = client_says(device("uart", which), EXAMPLES / "uart_echo_client.py")
    for line in UART_LINES:
        assert f"Received {line.upper()!r}" in said


@both
def test_an_asyncio_client_talks_to_a_uart(which: str) -> None:
    said = client_says(device("uart", which), EXAMPLES / "uart_asker_asyncio.py")
    for line in UART_LINES:
        assert f"Received {line.upper()!r}" in said


@pytest.mark.parametrize("kind", ["heart rate", "uart"])
def test_tables_are_the_same_octet_by_octet(kind: str) -> None:
    name = {"heart rate": "Pulse", "uart": UART_NAME}[kind]
    assert table_of(device(kind, "twin"), name) == table_of(device(kind, "original"), name)


@pytest.mark.parametrize("kind", ["heart rate", "uart"])
def test_they_advertise_the_same_octets(kind: str) -> None:
    assert packets_of(device(kind, "twin"), "") == packets_of(device(kind, "original"), "")
