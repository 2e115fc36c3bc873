"""Locks between processes, where the system refuses something in the middle."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bleio import locks
from bleio.locks import FileLock

posix = pytest.mark.skipif(sys.platform == "win32", reason="open files are not removed there")


def failing(number: int) -> Any:
    def fails(*args: object, **kwargs: object) -> Any:
        raise OSError(number, os.strerror(number))

    return fails


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


@posix
@pytest.mark.parametrize("step", ["truncate", "write"])
def test_a_lock_is_good_without_its_number(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_descriptors()
    lock = FileLock(tmp_path / "a")
    with monkeypatch.context() as patched:
        patched.setattr(os, step, failing(errno.ENOSPC))
        assert lock.try_acquire()
    assert not FileLock(tmp_path / "a").try_acquire()
    assert FileLock(tmp_path / "a").holder() is None or step == "truncate"
    lock.release()
    other = FileLock(tmp_path / "a")
    assert other.try_acquire()
    other.release()
    assert open_descriptors() == before
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.parametrize(
    ("module", "step"), [(os, "fstat"), (os, "stat"), (locks, "_lock"), (os, "getpid")]
)
def test_a_lock_that_cannot_be_taken_is_left_to_others(
    module: Any, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_descriptors()
    lock = FileLock(tmp_path / "a")

    def fails(*args: object) -> Any:
        raise KeyboardInterrupt if step == "getpid" else OSError(errno.ENOLCK, "No locks available")

    with monkeypatch.context() as patched:
        patched.setattr(module, step, fails)
        with pytest.raises((OSError, KeyboardInterrupt)):
            lock.try_acquire()
    lock.release()  # of nothing
    assert open_descriptors() == before
    assert lock.try_acquire()
    lock.release()


@posix
@pytest.mark.parametrize("step", ["unlink", "stat"])
def test_a_lock_is_free_though_its_file_cannot_be_removed(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = FileLock(tmp_path / "a")
    assert lock.try_acquire()
    with monkeypatch.context() as patched:
        patched.setattr(*((Path, "unlink") if step == "unlink" else (os, "stat")), failing(30))
        lock.release()
    other = FileLock(tmp_path / "a")
    assert other.try_acquire()
    other.release()
