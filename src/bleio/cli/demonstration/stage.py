"""Runs the two programs of the demo on one simulated radio, and keeps what is on its air."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from importlib import resources
from io import BytesIO
from pathlib import Path

from bleio.cli.ending import ENDING
from bleio.decoding.lines import line as line_of
from bleio.decoding.reading.files import decode, read
from bleio.files import naming
from bleio.radio.sharing import shared

PROGRAMS = ("monitor", "reader")
_END_S = 5.0
# What would make other programs of these, or the demo another one than it is.
_NOT_INHERITED = ("BLEIO_", "CIRCUITPY_BLE_NAME", "PYTHONINSPECT", "PYTHONSTARTUP")


def write_programs(folder: Path) -> list[Path]:
    """Write the programs into a folder. Raises: OSError; FileExistsError before it writes any."""
    paths = [folder / f"{name}.py" for name in PROGRAMS]
    for path in paths:
        if path.exists():
            raise FileExistsError(17, "it is there already", str(path))
    for path in paths:
        with naming(path):
            path.write_text(source_of(path.stem), encoding="utf-8")
    return paths


def source_of(program: str) -> str:
    """Return a program's text."""
    place = resources.files("bleio.cli.demonstration") / f"{program}.py.txt"
    return place.read_text("utf-8")


class Stage:
    """The radio, the programs, and what they say. An async context manager.

    Args: folder: for all that they leave; it is the user's to remove.
    """

    def __init__(self, folder: Path) -> None:
        self.radio = f"demo-{os.getpid()}"
        self._folder = folder
        self._lines: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue()
        self._air = bytearray()
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Stage:
        write_programs(self._folder)
        self._watch = await shared.watch(self.radio, self._air.extend, _ignore)
        try:
            for name in PROGRAMS:
                process = await self._start(name)
                self._processes[name] = process
                ENDING.undo.append(process.kill)
                self._readers.append(asyncio.ensure_future(self._read(name, process)))
        except BaseException:  # such as Ctrl-C; the first of them would go on for ever
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._watch.close()
        for process in self._processes.values():
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*(each.wait() for each in self._processes.values()))
        await asyncio.gather(*self._readers)
        for process in self._processes.values():
            ENDING.undo.remove(process.kill)

    async def _start(self, name: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", "-m", "bleio", "run", f"{name}.py"),
            cwd=self._folder,
            env=self._environment(os.environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which ends them
        )

    def _environment(self, outer: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in outer.items() if not name.startswith(_NOT_INHERITED)}
        return {
            **kept,
            "BLEIO_ADAPTER": f"virtual:{self.radio}",
            "BLEIO_STATE_DIR": str(self._folder),
            "PYTHONIOENCODING": "utf-8",
        }

    async def _read(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for octets in process.stdout:
            await self._lines.put((name, octets.decode("utf-8", "replace").rstrip()))
        await self._lines.put((name, None))

    async def lines(self) -> AsyncIterator[tuple[str, str]]:
        """Yield who says what, until both have ended."""
        ended = 0
        while ended < len(PROGRAMS):
            name, line = await self._lines.get()
            if line is None:
                ended += 1
            else:
                yield name, line

    async def exit_codes(self) -> dict[str, int]:
        """Return how the programs have ended."""
        return {name: await each.wait() for name, each in self._processes.items()}

    def packets(self) -> tuple[int, str]:
        """Return how many packets were on the air, and the last reading as it flew, as a line."""
        count, last = 0, ""
        for packet in decode(read(BytesIO(bytes(self._air)), "host")):
            count += 1
            if packet.protocol == "ATT" and "Heart Rate Measurement" in packet.text:
                last = line_of(packet)
        return count, last.strip()


def _ignore() -> None:
    """The radio has ended: the programs notice."""


def how_to_type() -> str:
    """Return what the user types for `bleio`, which is not installed by those that only run it."""
    if shutil.which("bleio") is None:
        prefix = Path(sys.prefix)
        if "pipx" in prefix.parts:
            return "pipx run bleio"
        if "uv" in prefix.parts:
            return "uvx bleio"
    return "bleio"
