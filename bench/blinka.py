"""bleio and Adafruit_Blinka_bleio side by side, on one bluetoothd and one simulated radio.

    python bench/blinka.py [--rounds 3] [--seconds 10] [--venv build/blinka]

Both run the same program (blinka_client.py) in turns, against the bluetoothd of an emulated machine
(see docs/stacks.md) whose controller is on a simulated radio in real time. bluetoothd is started
anew before each turn and knows no devices; scans are measured with its option --experimental, too.
On the radio are twenty beacons that advertise every 100 ms, a scanner that counts what they send
meanwhile, and one peer to connect to. Blinka has a virtual environment of its own, which is made at
the first time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))

from support.processes import Program  # noqa: E402
from support.stacks.machine import Machine  # noqa: E402

CLIENT = ROOT / "bench" / "blinka_client.py"
BLINKA = ("adafruit-blinka-bleio==4.1.2", "bleak==3.1.0")
OPTIONS = ("", " --experimental")  # of bluetoothd, for scans

BEACONS = """
import time, _bleio
adapters = [_bleio.Adapter("virtual:desk") for _ in range(20)]
for number, adapter in enumerate(adapters):
    data = bytes((9, 0xFF, 0xFF, 0xFF)) + b"bench" + bytes((number,))
    adapter.start_advertising(data, connectable=False, interval=0.1)
print("beacons are up", flush=True)
while True:
    time.sleep(60)
"""
COUNTER = """
import sys, _bleio
seconds = float(sys.argv[1])
count = sum(b"bench" in entry.advertisement_bytes for entry in _bleio.adapter.start_scan(
    timeout=seconds, buffer_size=1 << 20))
print("sent", count, flush=True)
"""
PEER = """
import time, _bleio
service = _bleio.Service(_bleio.UUID(0xFE20))
_bleio.Characteristic.add_to_service(service, _bleio.UUID(0xFE21),
    properties=_bleio.Characteristic.READ, initial_value=bytes(20))
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06\\x03\\x03\\x20\\xfe", interval=0.1)
print("peer is up", flush=True)
while True:
    time.sleep(60)
"""


class Lab:
    """A radio, a machine with bluetoothd on it, and programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "hci.sock"
        options = ("radio", "desk", "--listen", f"unix:{self.socket}")
        self.radio = self.program("radio", "-m", "bleio", *options)
        self.radio.says("^Ready")
        (folder / "machine").mkdir()
        self.machine = Machine(folder / "machine", [self.socket])
        self.machine.attach(0)

    def program(
        self, tag: str, *arguments: str, python: str = sys.executable, **more: str
    ) -> Program:
        """Start a program on the radio, or with the machine's bus where `more` says so."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BLEIO")},
            "XDG_RUNTIME_DIR": str(self.folder),
            "BLEIO_STATE_DIR": str(self.folder / tag),
            **more,
        }
        return Program(tag, list(arguments), environment, self.folder, run_by=(python, "-u"))

    @contextmanager
    def running(self, tag: str, code: str) -> Iterator[Program]:
        """Have a program of the simulated radio run, and kill it at the end."""
        program = self.program(tag, "-c", code, BLEIO_ADAPTER="virtual:desk")
        program.wait_for(" up$")
        try:
            yield program
        finally:
            kill(program)

    def client(self, python: str, *arguments: str, daemon: tuple[str, ...] = ()) -> Program:
        """Start the measured program, on a bluetoothd that knows nothing."""
        self.machine.restart_bluetoothd(*daemon, forget=True)
        self.machine.powered("hci0")
        bus = {"DBUS_SYSTEM_BUS_ADDRESS": self.machine.bus_address}
        return self.program("client", str(CLIENT), *arguments, python=python, **bus)

    def scan(self, python: str, seconds: float, *daemon: str) -> dict[str, Any]:
        """Return what a scan beside the beacons was told. Args: `daemon`: bluetoothd's options."""
        client = self.client(python, "scan", str(seconds), daemon=daemon)
        counting = {"BLEIO_ADAPTER": "virtual:desk"}
        counter = self.program("counter", "-c", COUNTER, str(seconds), **counting)
        sent = int(counter.wait_for(r"^sent (\d+)")[1])
        found: dict[str, Any] = result(client)
        client.ends_well()
        return {**found, "sent": sent, "delivered": found["packets"] / sent}

    def link(self, python: str, seconds: float) -> dict[str, Any]:
        """Return how a link came up, worked and ended."""
        with self.running("peer", PEER) as peer:
            client = self.client(python, "link", str(seconds))
            found = result(client)
            client.wait_for("vanish")
            kill(peer)
            client.type("gone\n")
            found.update(result(client))
            client.ends_well()
        return found

    def close(self) -> None:
        """End all."""
        with suppress(Exception):
            self.machine.close()
        kill(self.radio)


def kill(program: Program) -> None:
    """End a program that cannot say goodbye."""
    if program.process.poll() is None:
        program.kill()


def result(client: Program) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(client.wait_for(r"^(\{.*_s.*\})$")[1])
    return found


def blinka_python(venv: Path) -> str:
    """Return the Python of an environment with Blinka; make it at the first time."""
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *BLINKA], check=True)
    return str(python)


def print_table(rounds: dict[str, list[dict[str, Any]]]) -> None:
    """Print medians side by side, numbers with their range, and words as they are."""
    names = list(rounds)
    print(f"{'':14}" + "".join(f"{name:>32}" for name in names))
    for figure in rounds[names[0]][0]:
        cells = [shown([each.get(figure) for each in rounds[name]]) for name in names]
        print(f"{figure:14}" + "".join(f"{cell:>32}" for cell in cells))


def shown(values: list[Any]) -> str:
    numbers = [value for value in values if isinstance(value, (int, float))]
    if len(numbers) < len(values):
        return " / ".join(sorted({str(value) for value in values}))
    return f"{median(numbers):.3g} ({min(numbers):.3g} to {max(numbers):.3g})"


def main() -> None:
    """Let them take turns, so that a machine that slows down slows both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--venv", type=Path, default=ROOT / "build" / "blinka")
    options = parser.parse_args()
    pythons = {"bleio": sys.executable, "Blinka": blinka_python(options.venv)}
    ways = {f"{name}{option}": (pythons[name], option) for name in pythons for option in OPTIONS}
    scans: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    links: dict[str, list[dict[str, Any]]] = {name: [] for name in pythons}
    with tempfile.TemporaryDirectory(prefix="bleio-") as folder:
        lab = Lab(Path(folder))
        try:
            with lab.running("beacons", BEACONS):
                for _ in range(options.rounds):
                    for name, (python, option) in ways.items():
                        scans[name].append(lab.scan(python, options.seconds, *option.split()))
            for _ in range(options.rounds):
                for name, python in pythons.items():
                    links[name].append(lab.link(python, options.seconds / 2))
        finally:
            lab.close()
    print_table(scans)
    print_table(links)


if __name__ == "__main__":
    main()
