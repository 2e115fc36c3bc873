"""Files and devices that are not what they are taken for. See docs/security.md."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.store import Bond
from bleio.core.address import DeviceAddress
from support.patience import PATIENCE_S

OWN, PEER = DeviceAddress(bytes(6)), DeviceAddress(b"\x01" * 6)
BOND, OTHER_BOND = Bond(PEER, bytes(16)), Bond(DeviceAddress(b"\x02" * 6), bytes(16))
STRANGER = 54321  # a user who has nothing to do with this test
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as another user"
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files of POSIX")

OPEN = """
import _bleio
_bleio.adapter.start_advertising(b"")
"""


def run(program: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "a pipe"])
def test_a_device_that_is_no_controller(device: str, tmp_path: Path) -> None:
    if device == "a pipe":
        device = str(tmp_path / "pipe")
        os.mkfifo(device)
    done = run(OPEN, BLEIO_ADAPTER=f"hci:file:{device}")
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert f"Cannot open the adapter 'hci:file:{device}': " in last
    assert "name a" in last
    assert done.stderr.count("Traceback") == 1  # the program's own


# A disk that is full

SAVES_AND_STAYS = """
import resource, sys
from pathlib import Path
from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.store import Bond
from bleio.core.address import DeviceAddress

own, peer = DeviceAddress(bytes(6)), DeviceAddress(b"\\x01" * 6)
store = FileBondStore(Path(sys.argv[1]), own)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # no octet can be written to a file any more
store.save(Bond(peer, bytes(16)), central=True)
print("tried", flush=True)
sys.stdin.read()
"""


def full_disk(folder: Path) -> contextlib.ExitStack:
    """Mount a disk with no room left for a single octet; only root can."""
    mounted = contextlib.ExitStack()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "bleio-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk, and not everywhere")
    mounted.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
    (folder / "filler").write_bytes(bytes(16384))
    return mounted


def test_a_disk_that_is_full_locks_nobody_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The process that could not write lives on, and another one can save."""
    with subprocess.Popen(
        [sys.executable, "-c", SAVES_AND_STAYS, str(tmp_path / "bonds")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "tried\n"
        store = FileBondStore(tmp_path / "bonds", OWN)
        store.save(BOND, central=True)
        _, complaints = process.communicate("")
    assert "Bonds cannot be saved in" in complaints
    assert "File too large" in complaints
    assert FileBondStore(tmp_path / "bonds", OWN).all() == [(True, BOND)]
    assert not caplog.records


def test_a_disk_that_has_room_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with full_disk(tmp_path):
        store = FileBondStore(tmp_path / "bonds", OWN)
        store.save(BOND, central=True)
        assert "No space left on device" in caplog.text
        assert list((tmp_path / "bonds").iterdir()) == []
        (tmp_path / "filler").unlink()
        assert store.write_unsaved(last=True)
        assert FileBondStore(tmp_path / "bonds", OWN).all() == [(True, BOND)]


# Bonds that somebody else may have written, or that are none


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A good file of bonds; the folders above it are a state folder's."""
    store = FileBondStore(tmp_path / "state" / "bonds", OWN)
    store.irk()
    store.save(BOND, central=True)
    return store.path


def expect_untouched(path: Path, caplog: pytest.LogCaptureFixture, why: str) -> None:
    """Nothing is read of it and nothing written to it, and both are said with the reason."""
    caplog.clear()
    store = FileBondStore(path.parent, OWN)
    before = path.lstat()
    assert store.all() == []
    assert store.find(PEER, True) is None
    store.save(OTHER_BOND, central=True)
    assert store.all() == [(True, OTHER_BOND)]
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"Bonds cannot be read from {path} (")
    assert second.startswith(f"Bonds cannot be saved in {path} (")
    assert why in first
    assert os.path.samestat(before, path.lstat())


@needs_root
@pytest.mark.parametrize("whose", ["file", "folder", "folder above", "link on the way"])
def test_bonds_of_another_users(
    whose: str, kept: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if whose == "file":
        os.chown(kept, STRANGER, STRANGER)
        why = "it belongs to another user"
    elif whose == "link on the way":
        (tmp_path / "link").symlink_to(kept.parent)
        os.lchown(tmp_path / "link", STRANGER, STRANGER)
        kept = tmp_path / "link" / kept.name
        why = f"it is below {tmp_path / 'link'}, which belongs to another user"
    else:
        folder = kept.parent if whose == "folder" else kept.parent.parent
        os.chown(folder, STRANGER, STRANGER)
        why = f"it is below {folder}, which belongs to another user"
    expect_untouched(kept, caplog, why)


@pytest.mark.parametrize("what", ["file", "folder above"])
def test_bonds_that_other_users_may_write(
    what: str, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if what == "file":
        kept.chmod(0o602)
        why = "other users may write it"
    else:
        kept.parent.parent.chmod(0o777)
        why = f"it is below {kept.parent.parent}, which other users may write"
    expect_untouched(kept, caplog, why)


def test_a_state_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    """All that is missing of it, whatever others may do with what this user makes."""
    before = os.umask(0)
    try:
        FileBondStore(tmp_path / "a" / "b" / "bonds", OWN).save(BOND, central=True)
    finally:
        os.umask(before)
    for folder in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "bonds"):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert FileBondStore(tmp_path / "a" / "b" / "bonds", OWN).all() == [(True, BOND)]


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("kind", ["pipe", "link to a file", "link to a device", "socket"])
def test_bonds_that_are_no_file(
    kind: str, kept: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = kept.rename(tmp_path / "whole")
    why = "it is a symbolic link" if "link" in kind else "it is no ordinary file"
    if kind == "pipe":
        os.mkfifo(kept)
    elif kind == "socket":
        if sys.platform != "linux":
            pytest.skip("elsewhere only root may make one without a process behind it")
        why = "No such device or address"
        os.mknod(kept, stat.S_IFSOCK | 0o600)
    else:
        kept.symlink_to(whole if kind == "link to a file" else "/dev/zero")
    expect_untouched(kept, caplog, why)
    assert whole.read_bytes().startswith(b"{")


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_lock_that_is_no_file(
    kind: str, kept: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It would be emptied, to write a number into it."""
    diary, lock = tmp_path / "diary", kept.with_suffix(".lock")
    diary.write_text("dear diary")
    if kind == "pipe":
        os.mkfifo(lock)
    else:
        lock.symlink_to(diary)
    store = FileBondStore(kept.parent, OWN)
    store.save(OTHER_BOND, central=True)
    assert ("it is a symbolic link" if kind == "link" else "no ordinary file") in caplog.text
    assert FileBondStore(kept.parent, OWN).all() == [(True, BOND)]
    assert diary.read_text() == "dear diary"
    assert not stat.S_ISREG(lock.lstat().st_mode)


def test_bonds_nested_as_deep_as_it_gets(kept: Path, caplog: pytest.LogCaptureFixture) -> None:
    """How deep that is depends on what calls the reader, so all depths around it are tried."""
    head = b'{"version": 1, "checksum": "", "irk": null, "bonds": '
    for depth in (10, *range(800, 1000), 100_000):
        kept.write_bytes(head + b"[" * depth + b"]" * depth + b"}")
        assert FileBondStore(kept.parent, OWN).all() == []
    assert caplog.text.count("It is now") == 202  # set aside, as all that is damaged


def test_bonds_of_many_megabytes(
    kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Links stand still while they are read, so they are not."""
    head = b'{"version": 1, "checksum": "", "irk": null, "bonds": '
    kept.write_bytes(head + b"[" + b"[]," * (16 << 17) + b"1]}")
    monkeypatch.setattr(json, "loads", None)
    assert FileBondStore(kept.parent, OWN).all() == []
    assert "it is too long" in caplog.text


# The files of a shared radio


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("desk.log", "pipe", ""),
        ("desk.log", "link", ""),
        ("desk.lock", "link", "Cannot run the radio 'desk' in {}: it is a symbolic link;"),
        (
            "desk.starting",
            "pipe",
            "(BLEIO_ADAPTER=virtual:desk) in {}: it is no ordinary",
        ),
    ],
)
def test_files_of_a_shared_radio_that_are_none(name: str, kind: str, words: str) -> None:
    """A radio goes without a log, but not without its locks; what links lead to stays."""
    with tempfile.TemporaryDirectory(prefix="bleio-") as folder:
        diary, path = Path(folder, "diary"), Path(folder, "bleio", name)
        diary.write_text("dear diary")
        path.parent.mkdir(0o700)
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(diary)
        done = run(OPEN, BLEIO_ADAPTER="virtual:desk", XDG_RUNTIME_DIR=folder)
        assert words.format(path.parent) in done.stderr
        assert (done.returncode == 0) == (words == "")
        assert diary.read_text() == "dear diary"
        while Path(folder, "bleio", "desk.sock").exists():  # until the radio has ended
            time.sleep(0.05)
