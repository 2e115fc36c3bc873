"""Opening files, whatever lies in their place."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from bleio.files import objection_to, open_descriptor, open_own

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files of POSIX")


def status(mode: int, owner: int, group: int = 4711) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, group, 0, 0, 0, 0))


def test_whose_a_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert objection_to(status(0o600, 1000)) is None
    assert objection_to(status(0o644, 1000)) is None
    assert objection_to(status(0o644, 0)) is None  # root could do anything
    assert objection_to(status(0o600, 1001)) == "it belongs to another user"
    assert objection_to(status(0o666, 1001)) == "it belongs to another user"
    for mode in (0o602, 0o620, 0o666):
        assert objection_to(status(mode, 1000)) == "other users may write it"


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with os.fdopen(open_descriptor(path, os.O_WRONLY | os.O_CREAT), "wb") as file:
        file.write(b"octets")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with open_own(path) as file:
        assert file.read() == b"octets"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        *(("pipe", "no ordinary file"), ("device", "a symbolic link"), ("folder", "no ordinary")),
        *(("link", "a symbolic link"), ("dangling link", "a symbolic link")),
        ("open to all", "other users may write it"),
    ],
)
def test_what_is_not_read(kind: str, words: str, tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    other.touch()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "open to all":
        path.touch()
        path.chmod(0o666)
    else:
        targets = {"device": Path("/dev/zero"), "link": other, "dangling link": Path("nowhere")}
        path.symlink_to(targets[kind])
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(OSError) as caught:
        open_own(path)
    assert words in (caught.value.strerror or "")
    assert len(os.listdir("/dev/fd")) == before


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_own(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        (tmp_path / "file").touch()
        open_own(tmp_path / "file" / "file")
