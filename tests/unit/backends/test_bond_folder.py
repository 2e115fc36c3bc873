"""Bonds that are written in the background, also if another process holds the lock."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Sized
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bleio.backends.hci.bonds import (
    file as bond_file,
    folder as bond_folder,
    writing as bond_writing,
)
from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.folder import BackgroundBondStore, BondFolder
from bleio.backends.hci.bonds.format import Contents
from bleio.backends.hci.bonds.store import Bond, SigningKey, known, stored
from bleio.backends.hci.bonds.writing import IN_A_ROW, REST_S, RETRIES, RETRY_S
from bleio.core.address import DeviceAddress
from bleio.runtime.loop import EngineLoop
from support.hci.engine import asynchronous, checked, until
from support.hci.simulated import simulated
from support.hci.world import VirtualWorld
from support.patience import PATIENCE_S

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
def locked_elsewhere(store: BackgroundBondStore) -> Iterator[int]:
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


def saved(store: BackgroundBondStore) -> list[tuple[bool, Bond]]:
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
async def test_forgetting_one_is_made_up_for_too(folder: BondFolder) -> None:
    store = folder.of(OWN)
    for number in (1, 2, 3):
        store.save(bond_with(number), central=True)
    await until(lambda: len(saved(store)) == 3)
    with locked_elsewhere(store):
        store.erase(bond_with(1).identity)
        store.save(replace(bond_with(2), encrypted_values=frozenset({b"a value."})), central=True)
        store.erase(bond_with(2).identity)
        assert len(saved(store)) == 3
        assert store.all() == [(True, bond_with(3))]
    await until(lambda: saved(store) == [(True, bond_with(3))])


@simulated
async def test_closing_writes_what_is_left(
    folder: BondFolder, caplog: pytest.LogCaptureFixture
) -> None:
    store = folder.of(OWN)
    with locked_elsewhere(store):
        store.save(BOND, central=True)
    folder.of(OTHER)  # since then the adapter has another address
    await folder.close()
    assert saved(store) == [(True, BOND)]
    assert caplog.records == []


@simulated
async def test_what_is_lost_in_the_end_is_told(
    folder: BondFolder, caplog: pytest.LogCaptureFixture
) -> None:
    store = folder.of(OWN)
    with locked_elsewhere(store) as process:
        store.save(BOND, central=True)
        await folder.close()
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


def bond_with(number: int) -> Bond:
    return Bond(DeviceAddress(bytes((number, 1, 2, 3, 4, 0xC1)), random=True), bytes(16))


class SlowDisk:
    """A disk that goes on when the test lets it; it knows which threads have written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads: list[int] = []
        self.ready = threading.Event()
        self.went_on = 0
        self.full = False
        self._replace = os.replace
        monkeypatch.setattr(bond_file.os, "replace", self._replaced)

    def _replaced(self, source: Path, target: Path) -> None:
        self.threads.append(threading.get_ident())
        assert self.ready.wait(PATIENCE_S)
        self.went_on += 1
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._replace(source, target)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    disk = SlowDisk(monkeypatch)
    yield disk
    disk.ready.set()


@asynchronous
async def test_the_engine_does_not_wait_for_the_disk(folder: BondFolder, disk: SlowDisk) -> None:
    store, told = folder.of(OWN), list[str]()
    store.when_stored(lambda: told.append("nothing to do"))
    store.save(bond_with(1), central=True)
    store.when_stored(lambda: told.append("first"))
    await until(lambda: disk.threads)
    store.when_stored(lambda: told.append("first too"))
    store.save(bond_with(2), central=True)
    store.when_stored(lambda: told.append("second"))
    assert [bond for _, bond in store.all()] == [bond_with(1), bond_with(2)]
    assert told == ["nothing to do"]
    disk.ready.set()
    await until(lambda: len(told) == 4)
    assert told == ["nothing to do", "first", "first too", "second"]
    assert saved(store) == store.all() == [(True, bond_with(1)), (True, bond_with(2))]
    assert len(disk.threads) == 2
    assert threading.get_ident() not in disk.threads
    await folder.close()


def at_least(those: Sized, number: int) -> bool:
    return len(those) >= number


@pytest.mark.parametrize("while_closing", [False, True])
@asynchronous
async def test_what_is_told_of_a_writing_may_save_again(
    while_closing: bool, folder: BondFolder, disk: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a signed write does, whose counter was stored: the one behind it stores the next."""
    monkeypatch.setattr(bond_writing, "RETRY_S", 0.001)
    store, told = folder.of(OWN), list[int]()

    def save(number: int) -> None:
        disk.ready.clear()
        if number:
            told.append(number)
        if number < 5:
            store.save(bond_with(number + 1), central=True)
            store.when_stored(partial(save, number + 1))

    save(0)
    closing = asyncio.ensure_future(folder.close()) if while_closing else None
    for number in range(1, 6):
        await until(partial(at_least, disk.threads, number))
        await asyncio.sleep(0.01)  # for a second one that must not begin beside it
        assert len(disk.threads) == number
        disk.ready.set()
        await until(partial(at_least, told, number))
    disk.ready.set()
    await (closing or folder.close())
    assert [bond for _, bond in saved(store)] == [bond_with(number) for number in range(1, 6)]


@asynchronous
async def test_what_is_erased_while_it_is_written_stays_erased(
    folder: BondFolder, disk: SlowDisk
) -> None:
    store = folder.of(OWN)
    store.save(bond_with(1), central=True)
    await until(lambda: disk.threads)
    store.erase()
    assert store.all() == []
    disk.ready.set()
    await stored(store)
    assert store.all() == saved(store) == []
    await folder.close()


@asynchronous
async def test_each_erasing_that_fails_is_told(
    folder: BondFolder, disk: SlowDisk, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Also one that is asked for while the one before it is tried again."""
    monkeypatch.setattr(bond_writing, "RETRY_S", 0.01)
    disk.ready.set()
    store = folder.of(OWN)
    store.save(bond_with(1), central=True)
    await stored(store)
    disk.full = True
    store.erase()
    await until(lambda: caplog.text.count("Bonds cannot be erased") == 1)
    disk.ready.clear()
    await until(lambda: len(disk.threads) > disk.went_on)
    store.erase()
    disk.ready.set()
    await until(lambda: caplog.text.count("Bonds cannot be erased") == 2)
    disk.full = False
    await until(lambda: saved(store) == [])
    await folder.close()


@asynchronous
async def test_an_own_key_that_is_made_while_bonds_are_written_is_written_too(
    folder: BondFolder, disk: SlowDisk
) -> None:
    store = folder.of(OWN)
    store.save(bond_with(1), central=True)
    await until(lambda: disk.threads)
    irk = store.irk()
    disk.ready.set()
    await stored(store)
    assert store.irk() == irk
    assert FileBondStore(store.path.parent, OWN).irk() == irk
    await folder.close()


@asynchronous
async def test_a_disk_that_hangs_does_not_keep_an_adapter_from_closing(
    folder: BondFolder, disk: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bond_folder, "CLOSE_S", 0.05)
    store = folder.of(OWN)
    store.save(bond_with(1), central=True)
    await until(lambda: disk.threads)
    await stored(store, 0.05)
    await folder.close()
    disk.ready.set()
    await until(lambda: saved(store) == [(True, bond_with(1))])


@simulated
async def test_however_much_is_saved_the_file_is_written_now_and_then(
    folder: BondFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, written = folder.of(OWN), list[Path]()
    replace = os.replace

    def replaced(source: Path, target: Path) -> None:
        written.append(target)
        replace(source, target)

    monkeypatch.setattr(bond_file.os, "replace", replaced)
    for number in range(1000):
        store.save(bond_with(number % 10), central=True)
        await asyncio.sleep(0.001)
    assert len(written) <= IN_A_ROW + 1 / REST_S + 2  # in a second
    count = len(written)
    await asyncio.sleep(IN_A_ROW * REST_S)
    assert len(written) <= count + 1
    await folder.close()
    assert len(saved(store)) == 10


@simulated
async def test_what_others_write_is_seen_soon(folder: BondFolder) -> None:
    store = folder.of(OWN)
    assert store.all() == []
    FileBondStore(store.path.parent, OWN).save(BOND, central=True)
    await known(store)
    assert store.all() == [(True, BOND)]
    await folder.close()


# Where no thread can be started, as at a limit of processes


class LoopAtALimit(EngineLoop):
    """A loop whose system starts no more threads."""

    limited = True

    def run_in_executor(self, *call: Any) -> Any:
        if self.limited:
            raise RuntimeError("can't start new thread")
        return super().run_in_executor(*call)


def at_a_limit(test: Callable[[BondFolder, LoopAtALimit], Coroutine[Any, Any, None]]) -> Any:
    def run(folder: BondFolder) -> None:
        loop = LoopAtALimit()
        try:
            loop.run_until_complete(checked(test(folder, loop)))
        finally:
            loop.close()

    return run


@at_a_limit
async def _bonds_wait_for_a_thread(folder: BondFolder, loop: LoopAtALimit) -> None:
    store = folder.of(OWN)
    store.save(BOND, central=True)
    await stored(store)
    assert saved(store) == []
    loop.limited = False
    await until(lambda: saved(store) == [(True, BOND)])
    await folder.close()


@at_a_limit
async def _the_last_try_needs_none(folder: BondFolder, loop: LoopAtALimit) -> None:
    store = folder.of(OWN)
    store.save(BOND, central=True)
    await folder.close()
    assert saved(store) == [(True, BOND)]


@at_a_limit
async def _nor_does_the_first_look(folder: BondFolder, loop: LoopAtALimit) -> None:
    store = folder.of(OWN)
    other = FileBondStore(store.path.parent, OWN)
    other.save(BOND, central=True)
    await known(store)
    assert store.all() == [(True, BOND)]
    other.erase()
    await known(store)  # links may be up by now
    assert store.all() == [(True, BOND)]
    await folder.close()


@pytest.mark.parametrize(
    "expect", [_bonds_wait_for_a_thread, _the_last_try_needs_none, _nor_does_the_first_look]
)
def test_without_a_thread_to_be_had(
    expect: Callable[[BondFolder], None], folder: BondFolder, caplog: pytest.LogCaptureFixture
) -> None:
    expect(folder)
    assert caplog.records == []


def test_what_waits_in_vain_for_a_thread_is_told(
    folder: BondFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bond_writing, "RETRIES", 0)

    @at_a_limit
    async def save(folder: BondFolder, loop: LoopAtALimit) -> None:
        folder.of(OWN).save(BOND, central=True)
        await stored(folder.of(OWN))

    save(folder)
    assert "(the system starts no more threads) and end with this program" in caplog.text


# What others save


def bond_of(ltk: int, counter: int = 0) -> Bond:
    return replace(BOND, ltk=bytes((ltk,)) * 16, own_signing=SigningKey(bytes(16), counter))


@simulated
async def test_what_is_saved_of_a_bond_that_another_process_has_replaced(
    folder: BondFolder,
) -> None:
    """A counter, or what a client has subscribed to: it belongs to keys that are no more."""
    store = folder.of(OWN)
    store.save(bond_of(1), central=True)
    await stored(store)
    FileBondStore(store.path.parent, OWN).save(bond_of(2), central=True)
    store.save(bond_of(1, counter=7), central=True)
    await stored(store)
    assert saved(store) == store.all() == [(True, bond_of(2))]
    store.save(bond_of(3), central=True)  # paired anew
    await stored(store)
    assert saved(store) == store.all() == [(True, bond_of(3))]
    await folder.close()


@simulated
async def test_what_is_saved_of_a_bond_that_another_process_has_erased(
    folder: BondFolder,
) -> None:
    store = folder.of(OWN)
    store.save(bond_of(1), central=True)
    await stored(store)
    FileBondStore(store.path.parent, OWN).erase()
    store.save(bond_of(1, counter=7), central=True)
    await stored(store)
    assert saved(store) == store.all() == []
    await folder.close()


@asynchronous
async def test_a_look_does_not_wait_for_the_writing(folder: BondFolder, disk: SlowDisk) -> None:
    store = folder.of(OWN)
    disk.ready.set()
    FileBondStore(store.path.parent, OWN).save(bond_with(1), central=True)
    disk.ready.clear()
    store.save(bond_with(2), central=True)
    await until(lambda: len(disk.threads) == 2)
    assert await known(store, PATIENCE_S)
    assert store.all() == [(True, bond_with(1)), (True, bond_with(2))]
    disk.ready.set()
    await stored(store)
    assert store.all() == saved(store)
    await folder.close()


@asynchronous
async def test_a_look_that_is_overtaken_by_a_writing_looks_again(
    folder: BondFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what was read before it would come back."""
    store, go_on, reading = folder.of(OWN), threading.Event(), threading.Event()
    decode = bond_file.decode

    def slow(octets: bytes) -> Contents:
        contents = decode(octets)
        reading.set()
        assert go_on.wait(PATIENCE_S)
        return contents

    store.save(bond_with(1), central=True)
    await stored(store)
    monkeypatch.setattr(bond_file, "decode", slow)
    looking = asyncio.ensure_future(known(store, PATIENCE_S))
    await until(reading.is_set)
    monkeypatch.setattr(bond_file, "decode", decode)
    store.save(bond_with(2), central=True)
    await stored(store)
    go_on.set()
    assert await looking
    assert store.all() == [(True, bond_with(1)), (True, bond_with(2))]
    await folder.close()


@asynchronous
async def test_a_disk_that_hangs_is_waited_for_once(
    folder: BondFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, go_on = folder.of(OWN), threading.Event()
    FileBondStore(store.path.parent, OWN).save(BOND, central=True)
    stamp_of = bond_file._stamp_of

    def slow(path: Path) -> Any:
        assert go_on.wait(PATIENCE_S)
        return stamp_of(path)

    monkeypatch.setattr(bond_file, "_stamp_of", slow)
    assert not await known(store, 0.15)
    begin_s = asyncio.get_running_loop().time()
    for _ in range(100):
        assert await known(store, PATIENCE_S)
    assert asyncio.get_running_loop().time() - begin_s < PATIENCE_S
    assert store.all() == []
    go_on.set()
    await until(lambda: store.all() == [(True, BOND)])
    await folder.close()
