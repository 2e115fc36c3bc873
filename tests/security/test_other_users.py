"""What other users of the machine can do by files and sockets of theirs. See docs/security.md."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from bleio.errors import ControllerLost
from bleio.radio.sharing import place as place_module
from bleio.radio.sharing.place import runtime_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="of users and their permissions")
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as another user"
)
STRANGER = 54321  # a user who has nothing to do with this test


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for everybody, as /tmp is, and no folder of the session's own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(place_module.tempfile, "tempdir", str(folder))
    return folder


def make(folder: Path, mode: int = 0o755, owner: int | None = None) -> Path:
    folder.mkdir(parents=True)
    folder.chmod(mode)
    if owner is not None:
        os.chown(folder, owner, owner)
    return folder


@needs_root
@pytest.mark.parametrize("kind", ["folder", "link", "folder above"])
def test_a_radio_in_a_folder_that_another_user_can_exchange(
    temporary: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As libraries choose it where the session has none: /tmp/runtime-1000, made by another."""
    guessed = temporary / f"runtime-{os.geteuid()}"
    if kind == "folder":
        make(guessed, 0o777, STRANGER)
    elif kind == "link":
        guessed.symlink_to(make(temporary.parent / "ours", 0o700))
        os.lchown(guessed, STRANGER, STRANGER)
    else:
        make(make(temporary / "theirs", 0o755, STRANGER) / "ours", 0o700)
        guessed = temporary / "theirs" / "ours"

    def guess(*_: object, **__: object) -> Path:
        (guessed / "bleio").mkdir(mode=0o700, exist_ok=True)
        return guessed / "bleio"

    monkeypatch.setattr(place_module.platformdirs, "user_runtime_path", guess)
    assert runtime_folder() == temporary / f"bleio-{os.geteuid()}"


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_radio_below_a_folder_that_others_may_write(
    temporary: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(temporary.parent / "run", mode)
    monkeypatch.setattr(
        place_module.platformdirs, "user_runtime_path", lambda *_, **__: run / "bleio"
    )
    temporary.chmod(mode)
    second = temporary / f"bleio-{os.geteuid()}"
    with pytest.raises(ControllerLost) as caught:
        runtime_folder()
    assert str(caught.value) == (
        "Cannot share a radio, as no folder for its socket is safe to use "
        f"({run / 'bleio'} is below {run}, which other users may write; "
        f"{second} is below {temporary}, which other users may write); "
        "set XDG_RUNTIME_DIR to a folder of your own"
    )
    run.chmod(0o755)
    assert runtime_folder() == run / "bleio"
    assert stat.S_IMODE((run / "bleio").stat().st_mode) == 0o700
