"""Bonds that could not be written at once, since another process held the lock."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bleio.backends.hci.bonds import file as bond_file
from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.folder import RETRIES, RETRY_S, BondFolder
from bleio.backends.hci.bonds.store import Bond
from bleio.core.address import DeviceAddress
from support.hci.engine import until
from support.hci.simulated import simulated
from support.hci.world import VirtualWorld

OWN = DeviceAddress(bytes.fromhex("0102030405c6"), random=True)
OTHER = DeviceAddress(bytes.fromhex("0102030405c7"), random=True)
BOND = Bond(DeviceAddress(bytes.fromhex("a1a2a3a4a5c1"), random=True), bytes(16))

HOLDER = """
import sys
from pathlib import Path
from bleio.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
assert lock.try_acquire()
print("locked", flush=True)
sys.stdin.read()
lock.release()
"""


@contextmanager
def locked_elsewhere(store: FileBondStore) -> Iterator[int]:
    """Let another process hold the lock of a store's file."""
    store.path.parent.mkdir(parents=True, exist_ok=True)
    lock = str(store.path.with_suffix(".lock"))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        yield holder.pid
    assert holder.returncode == 0


@pytest.fixture
def folder(tmp_path: Path) -> BondFolder:
    return BondFolder(tmp_path / "bonds")


def saved(store: FileBondStore) -> list[tuple[bool, Bond]]:
    """What the next program finds."""
    return FileBondStore(store.path.parent, OWN).all()


def test_waiting_for_a_lock_does_not_hold_the_links_up_for_long() -> None:
    assert bond_file.LOCK_S <= 0.25


@simulated
async def test_what_a_lock_kept_from_being_written_is_written_soon(
    folder: BondFolder, caplog: pytest.LogCaptureFixture
) -> None:
    store = folder.of(OWN)
    with locked_elsewhere(store):
        store.save(BOND, central=True)
        assert store.all() == [(True, BOND)]
        assert saved(store) == []
    await until(lambda: saved(store) == [(True, BOND)])
    assert caplog.records == []


@simulated
async def test_erasing_is_made_up_for_too(folder: BondFolder) -> None:
    store = folder.of(OWN)
    store.save(BOND, central=True)
    with locked_elsewhere(store):
        store.erase()
        assert saved(store) == [(True, BOND)]
    await until(lambda: saved(store) == [])


@simulated
async def test_closing_writes_what_is_left(
    folder: BondFolder, caplog: pytest.LogCaptureFixture
) -> None:
    store = folder.of(OWN)
    with locked_elsewhere(store):
        store.save(BOND, central=True)
    folder.of(OTHER)  # since then the adapter has another address
    folder.close()
    assert saved(store) == [(True, BOND)]
    assert caplog.records == []


@simulated
async def test_what_is_lost_in_the_end_is_told(
    folder: BondFolder, caplog: pytest.LogCaptureFixture
) -> None:
    store = folder.of(OWN)
    with locked_elsewhere(store) as process:
        store.save(BOND, central=True)
        folder.close()
        store.save(BOND, central=False)
    (record,) = caplog.records
    assert f"(process {process} keeps it locked) and end with this program" in record.getMessage()


@simulated
async def test_trying_again_is_bounded_and_begins_anew_with_the_next_bond(
    folder: BondFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = folder.of(OWN)
    monkeypatch.setattr(bond_file, "LOCK_S", 0)
    with locked_elsewhere(store) as process:
        store.save(BOND, central=True)
        await asyncio.sleep(RETRIES * RETRY_S - 1)
        assert caplog.records == []
        await asyncio.sleep(2)
        assert f"process {process} keeps it locked" in caplog.text
        store.save(BOND, central=False)
    await until(lambda: len(saved(store)) == 2)


@simulated
async def test_a_backend_that_closes_loses_nothing(folder: BondFolder) -> None:
    async with VirtualWorld() as world:
        device = await world.device(address=OWN, bonds=folder.of, close_bonds=folder.close)
        store = folder.of(OWN)
        with locked_elsewhere(store):
            store.save(BOND, central=True)
        await device.backend.close()
        assert saved(store) == [(True, BOND)]
