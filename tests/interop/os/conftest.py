"""Programs on an operating system's Bluetooth, and others on the radio that it is on.

That system is Debian's, in a machine, as Debian starts it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import Program, stop_all
from support.stacks import inside
from support.stacks.kept import Kept, kept
from support.stacks.machine import Machine

PROGRAMS = Path(__file__).parent / "programs"


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.machine)


class Bench:
    """Starts our programs; all of them end with the test."""

    def __init__(self, of: Kept) -> None:
        self.kept = of
        self._programs: list[Program] = []

    @property
    def machine(self) -> Machine:
        return self.kept.machine

    def on_system(self, program: str | Path, *arguments: str, **more: str) -> Program:
        """Start a program on the system's Bluetooth. Args: more: of its environment."""
        return self._start(f"{self._name(program)} on BlueZ", "os", program, arguments, more)

    def on_radio(self, program: str | Path, *arguments: str, **more: str) -> Program:
        """Start a program with a controller of its own. Args: more: of its environment."""
        name = f"{self._name(program)} on HCI"
        return self._start(name, "virtual:kept", program, arguments, more)

    def inside(self, program: str | Path, *arguments: str, **how: str) -> Program:
        """Start a program in the machine, with no adapter chosen. See `inside.start`."""
        name = self._name(program)
        shutil.copy(self._path(program), self.kept.tested / "programs")
        words = ("python3", f"programs/{name}.py", *arguments)
        folder = Path(tempfile.mkdtemp(prefix="program-", dir=self.kept.folder))
        started = inside.start(self.machine, folder, f"{name} inside", *words, **how)
        self._programs.append(started)
        return started

    def stop(self) -> None:
        """End all programs. Raises: AssertionError if one ended badly."""
        programs, self._programs = self._programs[::-1], []
        stop_all(programs)

    def close(self) -> None:
        """Raises: AssertionError if a program ended badly."""
        try:
            self.stop()
        finally:
            asyncio.run(self.kept.reset())

    def _start(
        self,
        tag: str,
        adapter: str,
        program: str | Path,
        arguments: tuple[str, ...],
        more: dict[str, str],
    ) -> Program:
        folder = Path(tempfile.mkdtemp(prefix="program-", dir=self.kept.folder))
        own = {"BLEIO_ADAPTER": adapter, "BLEIO_STATE_DIR": str(folder / "state")}
        environment = {**self.kept.environment, **own, **more}
        started = Program(tag, [str(self._path(program)), *arguments], environment, folder)
        self._programs.append(started)
        return started

    @staticmethod
    def _path(program: str | Path) -> Path:
        return program if isinstance(program, Path) else PROGRAMS / f"{program}.py"

    @staticmethod
    def _name(program: str | Path) -> str:
        return program.stem if isinstance(program, Path) else program


@pytest.fixture(scope="module")
def debian() -> Iterator[Kept]:
    """The machine with bluetoothd as Debian starts it."""
    of = kept()
    of.restart_bluetoothd()
    yield of
    of.restart_bluetoothd("--experimental")


@pytest.fixture
def bench(debian: Kept) -> Iterator[Bench]:
    """The machine, a radio, and programs on them."""
    if debian.options:  # of the test before
        debian.restart_bluetoothd()
    said = len(debian.machine.log)
    bench = Bench(debian)
    try:
        yield bench
    finally:
        print(debian.machine.log[said:])  # for a test that fails
        bench.close()
