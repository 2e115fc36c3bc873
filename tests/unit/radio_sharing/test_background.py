"""The main function of a radio that was started on demand, here without a process of its own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bleio.locks import FileLock
from bleio.radio.sharing.server import background, process as process_module
from bleio.radio.sharing.server.process import RadioProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="open files are not removed there")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The log of a radio that no host joins. The test's own output stays where it is, and so do
    the handlers of signals, which such a radio has until its process ends."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(process_module, "FIRST_HOST_TIMEOUT_S", 0.0)
    monkeypatch.setattr(background, "_say_ready", _make_log)
    yield tmp_path / "bleio" / "desk.log"
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _make_log(process: RadioProcess) -> None:
    process.place.log_file.touch()


def test_an_empty_log_is_removed(log: Path) -> None:
    background.main("desk")
    assert list(log.parent.iterdir()) == []


def test_a_log_with_a_line_stays(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def say_ready(process: RadioProcess) -> None:
        process.place.log_file.write_text("ouch\n")

    monkeypatch.setattr(background, "_say_ready", say_ready)
    background.main("desk")
    assert log.read_text() == "ouch\n"


def test_the_log_of_the_next_radio_stays(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another radio takes the name as soon as it is free, and makes its log."""
    release = FileLock.release

    def release_and_go_on(lock: FileLock) -> None:
        release(lock)
        log.touch()

    monkeypatch.setattr(FileLock, "release", release_and_go_on)
    background.main("desk")
    assert log.exists()
