"""Unmodified programs through ESPHome proxies, each in a process of its own, as are the proxies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("bleak_esphome", reason="the libraries for ESPHome need Python 3.11 or newer")

from support.esphome.building import KEY
from support.processes import Program, SharedRadio, shared_radio, stop_all

__all__ = ["shared_radio"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.platform == "win32", reason="ends programs by signals"),
]

TESTS = Path(__file__).parents[2]
EXAMPLES = TESTS.parent / "examples"
PROGRAMS = TESTS / "interop" / "two_process" / "programs"

CONNECTS_AGAIN_AND_AGAIN = """
import time
import _bleio

while True:
    for entry in _bleio.adapter.start_scan():
        if b"Pulse" in entry.advertisement_bytes:
            break
    _bleio.adapter.stop_scan()
    try:
        connection = _bleio.adapter.connect(entry.address, timeout=120)
        print("connected", len(connection.discover_remote_services()) > 2, flush=True)
    except (_bleio.BluetoothError, OSError) as error:
        print("error", error, flush=True)
        continue
    while connection.connected:
        time.sleep(0.01)
    print("gone", flush=True)
"""


class Proxies:
    """Simulated proxies in processes, and what programs that use them have in their environment."""

    def __init__(self, radio: SharedRadio, folder: Path) -> None:
        self._radio = radio
        self._folder = folder
        self._programs: list[Program] = []
        self.ports: dict[str, int] = {}

    def start(self, name: str, *options: str) -> Program:
        """Start a proxy, at the port that it had before."""
        environment = {**os.environ, "PYTHONPATH": str(TESTS)}
        arguments = ["-m", "support.esphome", f"virtual:{self._radio.name}", name, *options]
        arguments += ["--port", str(self.ports.get(name, 0))]
        program = Program(name, arguments, environment, self._folder)
        self._programs.append(program)
        said = program.wait_for(r"listens on 127\.0\.0\.1:(\d+)$")
        self.ports[name] = int(said[1])
        return program

    @property
    def adapter(self) -> str:
        return "esphome:" + ",".join(f"127.0.0.1:{port}" for port in self.ports.values())

    def write_key(self, name: str, tag: str) -> None:
        """Write a proxy's key into the state folder of a program."""
        path = self._folder / "state" / tag / "esphome-keys"
        path.parent.mkdir(parents=True)
        path.write_text(f"127.0.0.1:{self.ports[name]} {KEY}\n")
        path.chmod(0o600)

    def close(self) -> None:
        stop_all(self._programs)


@pytest.fixture
def proxies(shared_radio: SharedRadio, tmp_path: Path) -> Iterator[Proxies]:
    proxies = Proxies(shared_radio, tmp_path)
    try:
        yield proxies
    finally:
        proxies.close()


def test_the_heart_rate_example(shared_radio: SharedRadio, proxies: Proxies) -> None:
    proxies.start("kitchen")
    proxies.start("hall", "--key", KEY)
    proxies.write_key("hall", "heart_rate_central")
    monitor = shared_radio.start(EXAMPLES / "heart_rate_peripheral.py")
    central = shared_radio.start(EXAMPLES / "heart_rate_central.py", BLEIO_ADAPTER=proxies.adapter)
    central.says("^Found ", "^Connected$", "^Battery: ", "^Heart rate sensor on: Chest$")
    central.says(*[r"^Reading: \d+ bpm$"] * 5, "^Disconnected$")
    central.ends_well()
    monitor.wait_for("connected")


def test_the_echo_example(shared_radio: SharedRadio, proxies: Proxies) -> None:
    proxies.start("hall", "--key", KEY)
    server = shared_radio.start(EXAMPLES / "uart_echo_server.py")
    client = shared_radio.start(
        EXAMPLES / "uart_echo_client.py", BLEIO_ADAPTER=proxies.adapter, BLEIO_ESPHOME_KEY=KEY
    )
    client.says(
        "^Connected to", r"^Received b'HELLO\\n'$", "^Received b'HOW ARE YOU", "^Received b'A"
    )
    client.ends_well()
    server.wait_for("^Client gone$")


def test_packets_and_streams(shared_radio: SharedRadio, proxies: Proxies) -> None:
    proxies.start("kitchen")
    for kind in ("packet", "stream"):
        server = shared_radio.start(PROGRAMS / f"{kind}_server.py")
        client = shared_radio.start(PROGRAMS / f"{kind}_client.py", BLEIO_ADAPTER=proxies.adapter)
        client.ends_well()
        server.ends_well()


def test_a_program_survives_the_end_of_a_proxy_and_uses_it_again(
    shared_radio: SharedRadio, proxies: Proxies, tmp_path: Path
) -> None:
    shared_radio.start(EXAMPLES / "heart_rate_peripheral.py")
    proxies.start("hall", "--key", KEY).kill()  # so its port is known
    kitchen = proxies.start("kitchen")
    path = tmp_path / "central.py"
    path.write_text(CONNECTS_AGAIN_AND_AGAIN)
    proxies.write_key("hall", "central")
    central = shared_radio.start(path, BLEIO_ADAPTER=proxies.adapter)
    # One is enough to begin with; without logging set up, problems are shown once.
    central.wait_for(f"{proxies.ports['hall']} cannot be used: nothing listens at its port")
    central.wait_for("^connected True$")
    hall = proxies.start("hall", "--key", KEY)
    central.wait_for(f"{proxies.ports['hall']} is there again$")
    kitchen.kill()
    central.says("^gone$", "^connected True$")
    proxies.start("kitchen")
    central.wait_for(f"{proxies.ports['kitchen']} is there again$")
    hall.kill()
    central.says("^gone$", "^connected True$")
    assert not [line for line in central.lines if "Traceback" in line]
    central.kill()
