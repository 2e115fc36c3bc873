"""Files and devices that are not what they are taken for. See docs/security.md."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.store import Bond
from bleio.core.address import DeviceAddress

OWN, PEER = DeviceAddress(bytes(6)), DeviceAddress(b"\x01" * 6)
BOND = Bond(PEER, bytes(16))

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
