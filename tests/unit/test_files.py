"""Opening files, whatever lies in their place."""

from __future__ import annotations

import logging
import os
import signal
import stat
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from bleio import files
from bleio.files import Recording, create, objection_to, open_descriptor, open_own
from support.patience import PATIENCE_S

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


# Files that are written


def test_a_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o666)
    before = os.umask(0)
    try:
        with open(create(path), "wb") as file:
            file.write(b"new")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["folder", "link", "link to a folder", "socket", "nowhere"])
def test_what_is_not_written(kind: str, tmp_path: Path) -> None:
    path, other = tmp_path / "it", tmp_path / "other"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        other.touch()
        path.symlink_to(other)
    elif kind == "link to a folder":
        other.mkdir()
        path.symlink_to(other)
    elif kind == "nowhere":
        path = tmp_path / "no" / "file"
    elif sys.platform == "linux":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    else:
        pytest.skip("elsewhere only root may make one without a process behind it")
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(OSError) as caught:
        create(path)
    assert caught.value.filename == str(path) or caught.value.filename == path
    assert len(os.listdir("/dev/fd")) == before
    assert kind == "nowhere" or path.lstat()


def test_a_recording_is_written_at_once_or_held(tmp_path: Path) -> None:
    path = tmp_path / "file"
    recording = Recording(path)
    recording.write(b"one")
    assert path.read_bytes() == b"one"
    recording.close()
    recording = Recording(path, hold_octets=4)
    recording.write(b"four")
    assert path.read_bytes() == b""
    recording.write(b"!")
    assert path.read_bytes() == b"four!"
    recording.write(b"end")
    recording.close()
    recording.close()
    recording.write(b"late")
    assert path.read_bytes() == b"four!end"


def test_threads_may_write_one_recording(tmp_path: Path) -> None:
    """One adapter is opened, which names it in a capture, while others are written to it."""
    recording, faults = Recording(tmp_path / "file"), list[BaseException]()
    begin = threading.Event()

    def write(octet: bytes) -> None:
        begin.wait()
        try:
            for _ in range(2_000):
                recording.write(octet * 100)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(octet,)) for octet in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    begin.set()
    for thread in threads:
        thread.join()
    recording.close()
    octets = (tmp_path / "file").read_bytes()
    pieces = Counter(octets[at : at + 100] for at in range(0, len(octets), 100))
    assert faults == []
    assert pieces == {octet * 100: 2_000 for octet in (b"a", b"b", b"c")}


def test_a_log_handler_may_write_to_the_recording_that_ends() -> None:
    recording, told = Recording("/dev/full"), list[str]()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            thread = threading.Thread(target=recording.write, args=(b"told",))
            thread.start()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
            told.append(record.getMessage())

    logger, handler = logging.getLogger("bleio.files"), Handler()
    logger.addHandler(handler)
    try:
        recording.write(b"octets")
    finally:
        logger.removeHandler(handler)
    assert told == ["The capture '/dev/full' ends here: No space left on device"]


def test_writing_does_not_wait_for_one_that_closes(
    pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CLOSE_S", PATIENCE_S)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    recording = Recording(pipe)
    recording.write(bytes(300_000))
    closing = threading.Thread(target=recording.close)
    closing.start()
    for _ in range(1000):
        recording.write(b"meanwhile")
    assert closing.is_alive()
    os.close(reader)  # which ends it
    closing.join()


def test_a_forked_child_does_not_wait_for_a_thread_that_it_has_not(tmp_path: Path) -> None:
    recording, held, done = Recording(tmp_path / "file"), threading.Event(), threading.Event()

    def write() -> None:
        with recording._lock:
            held.set()
            done.wait(PATIENCE_S)

    thread = threading.Thread(target=write)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        try:
            signal.alarm(10)
            recording.write(b"child")
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
    assert (tmp_path / "file").read_bytes() == b"child"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("link", [False, True])
def test_a_slow_reader_of_a_pipe_gets_all_of_it(pipe: Path, link: bool) -> None:
    if link:
        (pipe.parent / "link").symlink_to(pipe)
    sent, got = os.urandom(300_000), []
    opened = threading.Event()

    def read_slowly() -> None:
        with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as reader:
            os.set_blocking(reader.fileno(), True)
            opened.set()
            written.wait()
            while octets := reader.read(4096):
                got.append(octets)

    written = threading.Event()
    reading = threading.Thread(target=read_slowly)
    reading.start()
    opened.wait()
    recording = Recording(pipe.parent / "link" if link else pipe)
    for start in range(0, len(sent), 1000):
        recording.write(sent[start : start + 1000])
    written.set()
    recording.close()
    reading.join()
    assert b"".join(got) == sent


def test_a_reader_that_goes_away_ends_it(pipe: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    recording = Recording(pipe, hold_octets=1000)  # of a file, not of a pipe
    recording.write(b"heard")
    assert os.read(reader, 100) == b"heard"
    os.close(reader)
    for _ in range(2):
        recording.write(b"not heard")
    recording.close()
    assert [record.getMessage() for record in caplog.records] == [
        f"The capture {str(pipe)!r} ends here: Broken pipe"
    ]


def test_a_reader_that_takes_nothing_does_not_hold_its_end(
    pipe: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(files, "CLOSE_S", 0.01)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    recording = Recording(pipe)
    recording.write(bytes(500_000))
    recording.close()
    os.close(reader)
    assert "ends here: its reader does not keep up" in caplog.text


def test_a_device_is_written_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    for name in ("/dev/null", tmp_path / "link"):
        recording = Recording(name)
        recording.write(bytes(100_000))
        recording.close()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
