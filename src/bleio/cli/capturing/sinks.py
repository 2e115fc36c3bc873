"""Where a capture goes: a file, a pipe, or lines on standard output.

A disk takes what it is given. A pipe does not while its reader is busy; then the whole command
waits, without which nothing would tell the radio to leave packets out. It waits in the loop, so
Ctrl-C is seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import sys
import threading

from bleio.cli.shared.packets import print_packets
from bleio.core import pcapng
from bleio.files import create

_LINES_END_S = 5.0


class FileSink:
    """A file, a pipe, or standard output for "-". Raises: OSError if it cannot be opened."""

    _is_empty = True

    def __init__(self, name: str) -> None:
        if name == "-":
            sys.stdout.flush()
            self._descriptor = os.dup(sys.stdout.fileno())
        else:
            self._descriptor = create(name)
        if sys.platform != "win32" and _may_wait(self._descriptor):
            os.set_blocking(self._descriptor, False)

    async def write(self, blocks: bytes) -> None:
        """Write whole blocks; waits for a reader that is busy. Raises: OSError."""
        rest = memoryview(blocks)
        self._is_empty = self._is_empty and not rest
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                await _writable(self._descriptor)

    def close(self) -> None:
        """No more come. What had none is a capture too, of nothing."""
        with contextlib.suppress(OSError):
            if self._is_empty:
                os.write(self._descriptor, pcapng.section())
        os.close(self._descriptor)


def _may_wait(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


async def _writable(descriptor: int) -> None:
    """Wait for the reader of a pipe."""
    loop = asyncio.get_running_loop()
    taken = asyncio.Event()
    loop.add_writer(descriptor, taken.set)
    try:
        await taken.wait()
    finally:
        loop.remove_writer(descriptor)


class LineSink(FileSink):
    """Prints packets in words. The decoder reads a file, so it has a thread, and a pipe to it."""

    def __init__(self, *, verbose: bool, as_json: bool) -> None:
        reading, self._descriptor = os.pipe()
        if sys.platform != "win32":
            os.set_blocking(self._descriptor, False)
        self._error: OSError | None = None
        self._thread = threading.Thread(
            target=self._print, args=(reading, verbose, as_json), name="bleio-lines", daemon=True
        )
        self._thread.start()

    async def write(self, blocks: bytes) -> None:
        """See `FileSink`. Raises: OSError, that of the output."""
        try:
            await super().write(blocks)
        except BrokenPipeError:
            raise self._error or BrokenPipeError() from None

    def close(self) -> None:
        """Wait until all is printed, but not for ever for one that does not read."""
        super().close()
        self._thread.join(_LINES_END_S)

    @property
    def is_stuck(self) -> bool:
        """Whether lines are still being printed, into something that is not read."""
        return self._thread.is_alive()

    def _print(self, reading: int, verbose: bool, as_json: bool) -> None:
        with open(reading, "rb", buffering=0) as file:
            try:
                print_packets(file, "host", verbose=verbose, as_json=as_json, live=True)
                sys.stdout.flush()
            except OSError as error:
                self._error = error
