"""What is left of an address when the file of its socket cannot be removed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bleio.radio.sharing import place as place_module
from bleio.radio.sharing.place import SocketFile
from bleio.radio.sharing.server import process as process_module
from bleio.radio.sharing.server.address import ListenAddress
from bleio.radio.sharing.server.connection import ServedRadio
from bleio.radio.sharing.server.listen import open_address
from bleio.radio.sharing.server.process import RadioProcess
from support.hci.engine import asynchronous

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")


class Unwatched:
    """Takes what a radio tells."""

    def ready(self, process: RadioProcess, addresses: list[str]) -> None: ...

    def ended(self, process: RadioProcess) -> None: ...

    def host_came(self, name: str) -> None: ...

    def host_left(self, name: str) -> None: ...


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="bleio-") as name:
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        yield Path(name)


@contextlib.contextmanager
def fixed_files(number: int) -> Iterator[None]:
    """Let no file of a socket be removed, as in a folder that has become read-only."""

    def fail(file: SocketFile) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match=os.strerror(number)):
        patch.setattr(place_module.SocketFile, "remove", fail)
        yield


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
@asynchronous
async def test_an_address_is_free_though_its_file_stays(number: int, folder: Path) -> None:
    served, address = ServedRadio(1, Unwatched()), ListenAddress("unix", path=str(folder / "hci"))
    opened = await open_address(served, address, 1)
    with fixed_files(number):
        opened.close()
    # asyncio from Python 3.13 on removes the file, too.
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        await asyncio.open_unix_connection(address.path)
    (await open_address(served, address, 1)).close()
    served.close()


@asynchronous
async def test_a_name_is_free_though_its_file_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "FIRST_HOST_TIMEOUT_S", 0.0)
    process = RadioProcess("desk", Unwatched(), background=True)
    with fixed_files(errno.EROFS):
        await process.run()
    assert process.place.lock.holder() is None
    await RadioProcess("desk", Unwatched(), background=True).run()
