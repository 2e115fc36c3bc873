"""The long-running program: a peripheral, its centrals, and a pair with a line that can be cut.

All adapters are of one process and stay for the whole soak; what happens to them is in `rounds`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import _bleio

import bleio
from soak.disk import SmallDisk
from soak.line import Line
from support.patience import PATIENCE_S

RADIO, LINE_RADIO = "soak", "soak-line"
SERVICE, VALUE = 0x180F, 0x2A19
DEADLINE_S = PATIENCE_S  # for one step
PROPERTIES = _bleio.Characteristic.READ | _bleio.Characteristic.WRITE | _bleio.Characteristic.NOTIFY


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds. Raises: AssertionError at the deadline."""
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.01)


class Server:
    """An adapter and the characteristic that it serves."""

    def __init__(self, adapter: _bleio.Adapter) -> None:
        self.adapter = adapter
        with bleio.api.use_adapter(adapter):
            service = _bleio.Service(_bleio.UUID(SERVICE))
        self.value = _bleio.Characteristic.add_to_service(
            service, _bleio.UUID(VALUE), properties=PROPERTIES, max_length=100, initial_value=b"*"
        )

    def advertise(self) -> None:
        if not self.adapter.advertising:
            self.adapter.start_advertising(b"\x02\x01\x06", interval=0.02)

    def link_from(self, central: _bleio.Adapter) -> _bleio.Connection:
        """Let a central connect."""
        before = set(self.adapter.connections)  # one that is just ending may be among them
        self.advertise()
        connection = central.connect(self.adapter.address, timeout=DEADLINE_S)
        until(lambda: set(self.adapter.connections) - before, "the incoming connection")
        return connection


def found(connection: _bleio.Connection) -> _bleio.Characteristic:
    """Discover the one characteristic on the other side."""
    (service,) = connection.discover_remote_services((_bleio.UUID(SERVICE),))
    return service.characteristics[0]


class Crew:
    """All adapters, the foreground radio, and the folders. Set the environment before."""

    def __init__(self, links: int, disk: SmallDisk, runtime: Path) -> None:
        self.disk = disk
        self._runtime = runtime / "bleio"
        self.server = Server(_bleio.Adapter(f"virtual:{RADIO}"))
        self.centrals = [_bleio.Adapter(f"virtual:{RADIO}") for _ in range(links)]
        self.radio = subprocess.Popen(
            [sys.executable, "-m", "bleio", "radio", LINE_RADIO, "--listen", "tcp:127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.line = Line(self._port())
        self.near = Server(_bleio.Adapter(f"virtual:{LINE_RADIO}"))
        self.distant = _bleio.Adapter(f"hci:tcp-client:127.0.0.1:{self.line.port}")

    def _port(self) -> int:
        assert self.radio.stdout is not None
        for text in self.radio.stdout:
            if said := re.match(r"Listening on tcp:.*:(\d+)", text):
                return int(said.group(1))
        raise AssertionError("the radio did not say where it listens")

    @property
    def adapters(self) -> list[_bleio.Adapter]:
        return [self.server.adapter, *self.centrals, self.near.adapter, self.distant]

    def counters(self) -> Counter[str]:
        """What all adapters have counted."""
        counted: Counter[str] = Counter()
        for adapter in self.adapters:
            counted.update(bleio.counters(adapter))
        return counted

    def files(self) -> list[str]:
        """The files of bonds, locks and sockets."""
        return self.disk.files() + sorted(path.name for path in self._runtime.glob("*"))

    def kill_radio(self) -> None:
        """End the shared radio as kill -9 does, under all that are on it."""
        os.kill(int((self._runtime / f"{RADIO}.lock").read_text()), signal.SIGKILL)
        lost = [self.server.adapter, *self.centrals]
        until(lambda: not any(adapter.enabled for adapter in lost), "all have lost their radio")
        for adapter in lost:
            adapter.enabled = True

    def rest(self) -> None:
        """End all links, and have all adapters on."""
        for adapter in self.adapters:
            adapter.stop_advertising()
            for connection in adapter.connections:
                with suppress(_bleio.ConnectionError):
                    connection.disconnect()
        until(lambda: not any(adapter.connected for adapter in self.adapters), "all links gone")

    def close(self) -> None:
        for adapter in self.adapters:
            adapter.enabled = False
        self.line.close()
        self.radio.send_signal(signal.SIGINT)
        self.radio.wait(DEADLINE_S)
        if self.radio.stdout is not None:
            self.radio.stdout.close()
