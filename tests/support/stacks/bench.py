"""A radio with our programs and other people's hosts on it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from support.processes import Program, stop_all
from support.radio_processes import listening
from support.stacks import PROGRAMS, bluez, emulator, node


class Bench:
    """A radio in a process of its own; what is started on it ends with it or before."""

    def __init__(self) -> None:
        # Socket paths are short, hence not below pytest's folder.
        self.folder = Path(tempfile.mkdtemp(prefix="bleio-"))
        self._environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder)}
        self._programs: list[Program] = []
        self._socket = self.folder / "hci.sock"
        options = ("--listen", "tcp:127.0.0.1:0", "--listen", f"unix:{self._socket}")
        self._radio = self._run("radio", ["-m", "bleio", "radio", "desk", *options])
        self._port = listening(self._radio, "tcp:127.0.0.1")
        self._radio.says("^Ready")

    def ours(self, program: str, *arguments: str) -> Program:
        """Start one of our programs."""
        path = PROGRAMS / "programs" / f"{program}.py"
        adapter = {"BLEIO_ADAPTER": "virtual:desk"}
        return self._run(f"our {program}", [str(path), *arguments], **adapter)

    def node(self, program: str, *arguments: str) -> Program:
        """Start a script for Node's ble-host with a controller of its own."""
        path = PROGRAMS / "node" / f"{program}.js"
        started = Program(
            f"Node's {program}",
            [str(path), self._port, *arguments],
            node.environment(),
            self._own_folder("node"),
            run_by=("node",),
        )
        self._programs.append(started)
        return started

    def bluez(self, agent: str, *, legacy: bool = False) -> Program:
        """Start a machine with bluetoothd and a controller of its own; wait for bluetoothctl.

        Args: agent: what it can show and ask in pairing. legacy: without LE Secure Connections.
        """
        folder = self._own_folder("bluez")
        self._machine_log = folder / emulator.LOG
        started = bluez.start(self._socket, folder)
        self._programs.append(started)
        bluez.set_up(started, agent, legacy=legacy)
        return started

    def machine_log(self) -> str:
        """Return what the machine's kernel and bluetoothd have said."""
        return self._machine_log.read_text(errors="replace")

    def close(self) -> None:
        """End everything. Raises: AssertionError if a program ended badly."""
        try:
            stop_all(self._programs[::-1])
        finally:
            shutil.rmtree(self.folder)

    def _run(self, tag: str, arguments: list[str], **environment: str) -> Program:
        folder = self._own_folder(tag)
        more = {"BLEIO_STATE_DIR": str(folder / "state"), **environment}
        started = Program(tag, arguments, {**self._environment, **more}, folder)
        self._programs.append(started)
        return started

    def _own_folder(self, tag: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{tag.split()[-1]}-", dir=self.folder))
