"""Names of radios, the folder they are found in, and the lock on a name."""

from __future__ import annotations

import multiprocessing
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bleio.errors import CallerError, ControllerLost
from bleio.locks import FileLock
from bleio.radio.sharing import place as place_module
from bleio.radio.sharing.place import RadioPlace, runtime_folder
from support.patience import PATIENCE_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="of Unix sockets and permissions")


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("run", "temp"):
        (tmp_path / folder).mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(place_module.tempfile, "tempdir", str(tmp_path / "temp"))
    return tmp_path / "run" / "bleio"


@pytest.mark.parametrize("name", ["desk", "a", "A.b-c_9", "x" * 64, "9"])
def test_good_names(name: str, runtime: Path) -> None:
    assert RadioPlace(name).name == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "ä", "a\n", "a\0", "x" * 65, "a:b"]
)
def test_bad_names_get_one_sentence(name: str, runtime: Path) -> None:
    with pytest.raises(CallerError, match="is no name for a radio; use 1 to 64 letters") as caught:
        RadioPlace(name)
    assert "\n" not in str(caught.value)
    assert not runtime.exists()


def test_folder_is_for_its_user_alone(runtime: Path) -> None:
    assert runtime_folder() == runtime
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    runtime.chmod(0o755)
    assert runtime_folder() == runtime
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700


def test_folder_that_is_a_link_is_not_trusted(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    runtime.symlink_to(tmp_path / "elsewhere")
    assert runtime_folder() == tmp_path / "temp" / f"bleio-{os.geteuid()}"


def test_folder_of_another_user_is_not_trusted(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime_folder()
    stranger = os.getuid() + 1
    monkeypatch.setattr(place_module.os, "geteuid", lambda: stranger)
    with pytest.raises(ControllerLost, match=r"belongs to another user.*set XDG_RUNTIME_DIR"):
        runtime_folder()


def test_long_paths_fit_into_a_socket_address(runtime: Path) -> None:
    place = RadioPlace("x" * 64)
    place_again, other = RadioPlace("x" * 64), RadioPlace("y" * 64)
    assert place.target() == place_again.target() != other.target()
    _, path, _ = place.target()
    assert len(os.fsencode(str(path))) <= 100


def test_folder_too_deep_for_sockets_gets_one_sentence(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(ControllerLost, match="too long for a socket; set XDG_RUNTIME_DIR"):
        RadioPlace("x" * 64)


def test_a_socket_left_by_a_killed_radio_is_replaced(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    place = RadioPlace("desk")
    for _ in range(2):
        listening, secret = place.listen()
        listening.close()
        assert secret == b""


def _hold(path: str, ready: multiprocessing.synchronize.Event) -> None:
    assert FileLock(Path(path)).try_acquire()
    ready.set()
    multiprocessing.Event().wait()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[multiprocessing.process.BaseProcess]:
    """Another process that has the lock."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path / "a.lock"), ready))
    process.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield process
    finally:
        process.kill()
        process.join()


def test_lock_has_one_holder_and_is_free_when_it_is_killed(
    tmp_path: Path, holder: multiprocessing.process.BaseProcess
) -> None:
    lock = FileLock(tmp_path / "a.lock")
    assert not lock.try_acquire()
    assert lock.holder() == holder.pid
    holder.kill()
    holder.join()
    assert lock.try_acquire()
    assert lock.holder() == os.getpid()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    lock.release()


def test_lock_on_a_file_that_is_removed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = FileLock(tmp_path / "a"), FileLock(tmp_path / "a")
    assert first.try_acquire()
    open_file, opened = os.open, []

    def open_then_release(*args: object) -> int:
        opened.append(open_file(*args))  # type: ignore[arg-type]
        first.release()
        return opened[-1]

    monkeypatch.setattr(os, "open", open_then_release)
    assert second.try_acquire()
    assert len(opened) == 2
    assert (tmp_path / "a").exists()
    assert not first.try_acquire()
    second.release()
