"""Bonds in files: written whole or not at all, by any number of processes."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bleio.backends.hci.bonds import file as bond_file, format as bond_format
from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.format import decode
from bleio.backends.hci.bonds.store import MAX_BONDS, Bond, BondStore, ClientState, MemoryBondStore
from bleio.core.address import DeviceAddress
from bleio.locks import FileLock
from support.patience import PATIENCE_S

OWN = DeviceAddress(bytes.fromhex("0102030405c6"), random=True)
posix = pytest.mark.skipif(os.name == "nt", reason="permissions and signals of POSIX")


def bond_with(number: int, ltk: int = 0) -> Bond:
    return Bond(DeviceAddress(number.to_bytes(6, "little")), bytes((ltk,)) * 16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "bonds"


@pytest.fixture
def store(folder: Path) -> FileBondStore:
    return FileBondStore(folder, OWN)


def reopened(store: FileBondStore) -> FileBondStore:
    """What the next program finds."""
    return FileBondStore(store.path.parent, OWN)


@pytest.fixture(params=["file", "memory"])
def any_store(request: pytest.FixtureRequest, store: FileBondStore) -> BondStore:
    return store if request.param == "file" else MemoryBondStore()


# What every store does


def test_roles_have_bonds_of_their_own(any_store: BondStore) -> None:
    any_store.save(bond_with(1, ltk=1), central=True)
    any_store.save(bond_with(1, ltk=2), central=False)
    peer = bond_with(1).identity
    assert any_store.find(peer, True) == bond_with(1, ltk=1)
    assert any_store.find(peer, False) == bond_with(1, ltk=2)
    assert any_store.find(bond_with(2).identity, True) is None


def test_the_oldest_of_a_full_role_gives_way(any_store: BondStore) -> None:
    any_store.save(bond_with(0), central=False)
    for number in range(MAX_BONDS):
        any_store.save(bond_with(number), central=True)
    any_store.save(bond_with(0, ltk=1), central=True)  # the newest again
    any_store.save(bond_with(MAX_BONDS), central=True)
    assert any_store.find(bond_with(1).identity, True) is None
    assert any_store.find(bond_with(0).identity, True) == bond_with(0, ltk=1)
    assert any_store.find(bond_with(0).identity, False) == bond_with(0)
    order = [bond.identity.octets[0] for central, bond in any_store.all() if central]
    assert order == [*range(2, MAX_BONDS), 0, MAX_BONDS]


@pytest.mark.parametrize("ltk", [0, 1], ids=["the same bond", "a new one"])
def test_what_passed_encrypted_stays_with_the_device(any_store: BondStore, ltk: int) -> None:
    """Who saves a bond may have made it, or read it, without knowing of this."""
    any_store.save(replace(bond_with(1), encrypted_values=frozenset((b"value of",))), central=True)
    any_store.save(replace(bond_with(1, ltk), encrypted_values=frozenset((b"another.",))), True)
    bond = any_store.find(bond_with(1).identity, True)
    assert bond is not None and bond.ltk == bond_with(1, ltk).ltk
    assert bond.encrypted_values == {b"value of", b"another."}
    any_store.erase()
    any_store.save(bond_with(1), central=True)
    assert any_store.find(bond_with(1).identity, True) == bond_with(1)


def test_erasing_takes_both_roles_and_leaves_the_own_key(any_store: BondStore) -> None:
    irk = any_store.irk()
    any_store.save(bond_with(1), central=True)
    any_store.save(bond_with(1), central=False)
    any_store.erase()
    assert any_store.all() == []
    assert any_store.irk() == irk


def test_one_peer_is_forgotten_in_both_roles(any_store: BondStore) -> None:
    irk = any_store.irk()
    for number in (1, 2):
        any_store.save(bond_with(number), central=True)
        any_store.save(bond_with(number), central=False)
    any_store.erase(bond_with(1).identity)
    assert [bond for _, bond in any_store.all()] == [bond_with(2)] * 2
    new = replace(bond_with(1), ltk=bytes(16))
    any_store.save(new, central=True)
    assert any_store.find(bond_with(1).identity, True) == new
    any_store.erase(bond_with(3).identity)  # which there is not
    assert len(any_store.all()) == 3
    assert any_store.irk() == irk


# Files


def test_bonds_and_the_own_key_come_back(store: FileBondStore) -> None:
    irk = store.irk()
    full = replace(bond_with(1), client=ClientState(((3, 2),), bytes(16), b"\1"))
    store.save(full, central=True)
    again = reopened(store)
    assert again.irk() == irk
    assert again.all() == [(True, full)]
    again.erase()
    assert reopened(store).all() == []
    assert reopened(store).irk() == irk


def test_identities_have_files_of_their_own(folder: Path) -> None:
    public = DeviceAddress(OWN.octets)
    FileBondStore(folder, OWN).save(bond_with(1), central=True)
    assert FileBondStore(folder, public).all() == []
    FileBondStore(folder, public).save(bond_with(2), central=True)
    assert len(FileBondStore(folder, OWN).all()) == 1
    assert FileBondStore(folder, OWN).irk() != FileBondStore(folder, public).irk()


def test_nothing_is_made_before_there_is_something_to_save(store: FileBondStore) -> None:
    assert store.all() == []
    assert store.find(bond_with(1).identity, True) is None
    store.erase()
    assert not store.path.parent.parent.exists()


@posix
def test_only_this_user_can_get_at_the_keys(store: FileBondStore, folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    before = os.umask(0)
    try:
        store.save(bond_with(1), central=True)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == [store.path.name]
    store.path.chmod(0o644)
    store.save(bond_with(2), central=True)
    assert store.path.stat().st_mode & 0o777 == 0o600


@posix
def test_the_new_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    store: FileBondStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, put = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        is_folder = os.path.samestat(os.fstat(descriptor), store.path.parent.stat())
        steps.append("folder" if is_folder else f"file of {os.fstat(descriptor).st_size > 0}")
        sync(descriptor)

    def rename(old: Path, new: Path) -> None:
        steps.append("replace")
        put(old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    store.save(bond_with(1), central=True)
    assert steps == ["file of True", "replace", "folder"]


# Damage


def test_a_damaged_file_is_set_aside_with_one_warning(
    store: FileBondStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(bond_with(1, ltk=0x5A), central=True)
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[:-20])
    again = reopened(store)
    assert again.all() == []
    assert again.find(bond_with(1).identity, True) is None
    aside = store.path.with_name(store.path.name + ".damaged")
    assert aside.read_bytes() == whole[:-20]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "it is not whole" in record.getMessage()
    assert aside.name in record.getMessage()
    assert "5a5a" not in record.getMessage()
    again.save(bond_with(2), central=True)
    assert reopened(store).all() == [(True, bond_with(2))]
    assert len(caplog.records) == 1


def test_damage_under_a_running_program(
    store: FileBondStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(bond_with(1), central=True)
    store.path.write_bytes(b"")
    store.save(bond_with(2), central=True)
    assert reopened(store).all() == [(True, bond_with(2))]
    assert len(caplog.records) == 1


def test_damaged_files_do_not_pile_up(
    store: FileBondStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.path.parent.mkdir(parents=True)
    for number in range(13):
        store.path.write_bytes(b"damage %d" % number)
        assert store.all() == []
    names = sorted(store.path.parent.iterdir())
    assert len(names) == 10
    first = store.path.with_name(store.path.name + ".damaged")
    assert first.read_bytes() == b"damage 0"  # the oldest may be the one worth saving
    assert first.with_name(first.name + "-10").read_bytes() == b"damage 12"


def test_a_file_without_end_is_not_read(
    store: FileBondStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(bond_with(1), central=True)
    monkeypatch.setattr(bond_format, "MAX_FILE_OCTETS", 100)
    assert reopened(store).all() == []
    assert "it is too long" in caplog.text


def test_more_than_a_file_may_hold_stays_in_memory(
    store: FileBondStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the next program would set aside what this one has written."""
    store.save(bond_with(1), central=True)
    monkeypatch.setattr(bond_file, "MAX_FILE_OCTETS", store.path.stat().st_size)
    store.save(bond_with(2), central=True)
    assert "they are too many for a file" in caplog.text
    assert len(store.all()) == 2
    assert reopened(store).all() == [(True, bond_with(1))]


def test_what_a_killed_writer_left_is_no_hindrance(store: FileBondStore) -> None:
    store.path.parent.mkdir(parents=True)
    store.path.with_suffix(".part").write_bytes(b"half")
    store.path.with_suffix(".lock").write_bytes(b"4711\n")
    store.save(bond_with(1), central=True)
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]


# Folders that cannot be used


def expect_memory_only(store: FileBondStore, caplog: pytest.LogCaptureFixture, why: str) -> None:
    """Nothing can be saved: one warning says so, and the bonds are there nevertheless."""
    irk = store.irk()
    store.save(bond_with(1), central=True)
    store.save(bond_with(2), central=False)
    assert store.irk() == irk
    assert store.all() == [(True, bond_with(1)), (False, bond_with(2))]
    (record,) = caplog.records
    text = record.getMessage()
    assert text.startswith(f"Bonds cannot be saved in {store.path} (")
    assert why in text
    assert "BLEIO_STATE_DIR" in text


def test_a_folder_that_is_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    store = FileBondStore(tmp_path / "file" / "bonds", OWN)
    expect_memory_only(store, caplog, "Not a directory")
    store.erase()
    assert store.all() == []


@posix
def test_a_folder_of_somebody_else(
    store: FileBondStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    expect_memory_only(store, caplog, "belongs to another user")
    assert not store.path.exists()


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
def test_a_disk_that_is_full(
    step: str,
    store: FileBondStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store.save(bond_with(0), central=True)
    old = store.path.read_bytes()

    def fails(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, step, fails)
        store.save(bond_with(1), central=True)
        store.save(bond_with(2), central=True)
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]
    assert store.path.read_bytes() == old
    assert [record.getMessage() for record in caplog.records] == [
        f"Bonds cannot be saved in {store.path} (No space left on device) and end with this"
        " program; make it and the folders above it this user's own, or set BLEIO_STATE_DIR to"
        " another folder"
    ]
    store.save(bond_with(3), central=True)  # there is room again: nothing is lost
    assert reopened(store).all() == [(True, bond_with(number)) for number in range(4)]


def test_erasing_that_fails_is_told_each_time_and_made_up_for(
    store: FileBondStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(bond_with(0), central=True)

    def fails(*args: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fails)
        for _ in range(2):
            store.erase()
            assert store.all() == []
    assert [record.getMessage()[:22] for record in caplog.records] == ["Bonds cannot be erased"] * 2
    store.save(bond_with(1), central=True)
    assert reopened(store).all() == [(True, bond_with(1))]


@posix
def test_a_file_that_cannot_be_read_is_not_overwritten(
    store: FileBondStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(bond_with(0), central=True)
    old = store.path.read_bytes()
    again = reopened(store)

    def fails(octets: bytes) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(bond_file, "decode", fails)
        assert again.all() == []
        again.save(bond_with(1), central=True)
        assert again.find(bond_with(1).identity, True) is not None
    assert store.path.read_bytes() == old
    assert len(caplog.records) == 2  # neither read nor written
    again.save(bond_with(2), central=True)
    assert len(reopened(store).all()) == 3


# Several at once


def test_two_stores_see_and_keep_what_the_other_saves(store: FileBondStore) -> None:
    other = reopened(store)
    assert other.irk() == store.irk()
    for number in range(0, 20, 2):
        store.save(bond_with(number), central=True)
        other.save(bond_with(number + 1), central=True)
    assert store.all() == other.all()
    assert len(store.all()) == 20
    store.erase()
    assert other.all() == []


def test_a_file_that_was_removed_is_gone(store: FileBondStore) -> None:
    store.save(bond_with(1), central=True)
    store.path.unlink()
    assert store.all() == []


def test_a_lock_that_is_never_given_back(
    store: FileBondStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.path.parent.mkdir(parents=True)
    lock = FileLock(store.path.with_suffix(".lock"))
    assert lock.try_acquire()
    store.save(bond_with(1), central=True)
    assert f"process {os.getpid()} keeps it locked" in caplog.text
    lock.release()
    store.save(bond_with(2), central=True)
    assert len(reopened(store).all()) == 2


# Children of this process. They share nothing with it but the folder, and end without cleaning up.

if sys.platform != "win32":

    @contextmanager
    def child(work: Callable[[], None]) -> Iterator[int]:
        """Run `work` in another process; it is killed at the end of the block."""
        pid = os.fork()
        if pid == 0:
            try:
                work()
            finally:
                os._exit(1)
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def count_of(path: Path) -> int:
    return len(decode(path.read_bytes()).bonds)


@posix
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forking with threads, in new Pythons
def test_processes_that_write_at_once_lose_nothing(store: FileBondStore) -> None:
    writers, each = 3, 10

    def write(first: int) -> Callable[[], None]:
        def work() -> None:
            own = reopened(store)
            for number in range(first, first + each):
                own.save(bond_with(number), central=bool(number % 2))
            os._exit(0)

        return work

    pids = []
    for writer in range(writers):
        pid = os.fork()
        if pid == 0:
            try:
                write(writer * each)()
            finally:
                os._exit(1)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * writers
    assert {bond.identity for _, bond in store.all()} == {
        bond_with(number).identity for number in range(writers * each)
    }


@posix
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_killed_at_300_random_moments_the_file_is_the_old_or_the_new_one(
    store: FileBondStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Every writer saves one value after the other, without gaps: so the file's may be off by one.

    The writer tells by a pipe which value it is about to save, and is killed at any time then.
    Every tenth is sure to be killed in the middle of writing: it tells that it is there, and waits.
    """
    dice = random.Random(4711)
    store.irk()
    value = 0
    seen = set()
    for each in range(300):
        told, tell = os.pipe()
        halts = each % 10 == 0

        def write(first: int = value, tell: int = tell, halts: bool = halts) -> None:
            own = reopened(store)
            number = first

            def halt(descriptor: int) -> None:
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
                os.write(tell, number.to_bytes(4, "little"))
                time.sleep(PATIENCE_S)

            if halts:
                bond_file.os.fsync = halt  # in this process only
            while True:
                number += 1
                os.write(tell, number.to_bytes(4, "little"))
                own.save(replace(bond_with(1), ediv=number % 0x10000), central=True)

        with child(write):
            os.close(tell)
            for _ in range(2 if halts else 1 + dice.randrange(3)):
                octets = os.read(told, 4)  # it writes
            time.sleep(0 if halts else dice.random() * 0.004)
        told_last = int.from_bytes(octets, "little")
        while octets := os.read(told, 4096):
            told_last = int.from_bytes(octets[-4:], "little")
        os.close(told)
        assert not halts or store.path.with_suffix(".part").exists()
        seen.add(told_last - value)
        (bond,) = decode(store.path.read_bytes()).bonds.values() or [bond_with(1)]
        assert bond.ediv in ((told_last - 1,) if halts else (told_last - 1, told_last))
        value = bond.ediv
    assert len(seen) > 1
    assert not caplog.records
    store.save(bond_with(2), central=True)
    assert len(store.all()) == 2
