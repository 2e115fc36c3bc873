"""What other users of the machine can do by files and sockets of theirs. See docs/security.md."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import socket
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bleio import ownership
from bleio.errors import ControllerLost
from bleio.locks import FileLock
from bleio.radio.sharing import place as place_module
from bleio.radio.sharing.h4 import HARDWARE_ERROR
from bleio.radio.sharing.place import RadioPlace, runtime_folder
from bleio.radio.sharing.server.address import parse_listen_address
from bleio.radio.sharing.server.connection import ServedRadio
from bleio.radio.sharing.server.listen import OpenAddress, open_address
from bleio.radio.sharing.server.log import FirstOfAKind
from support.hci.engine import asynchronous

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="of users and their permissions")
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as another user"
)
RESET = bytes.fromhex("01 03 0c 00")
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
    monkeypatch.setattr(ownership, "_is_private", lambda group: False)
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


class NobodyWatches:
    def host_came(self, name: str) -> None: ...

    def host_left(self, name: str) -> None: ...


@contextlib.asynccontextmanager
async def listening(address: str) -> AsyncIterator[OpenAddress]:
    served = ServedRadio(1, NobodyWatches())
    try:
        opened = await open_address(served, parse_listen_address(address), 1)
        try:
            yield opened
        finally:
            opened.close()
    finally:
        served.close()


async def refusal(address: str) -> str:
    with pytest.raises(ControllerLost) as caught:
        async with listening(address):
            pass
    return str(caught.value)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for everybody with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="bleio-") as name:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(make(Path(name) / "run", 0o700)))
        yield make(Path(name) / "all", 0o1777)


def crowded(path: Path) -> contextlib.ExitStack:
    """Listen at a path, take no connections, and have as many waiting as there is room for."""
    sockets = contextlib.ExitStack()
    taker = sockets.enter_context(socket.socket(socket.AF_UNIX))
    taker.bind(str(path))
    taker.listen(0)
    status = 0
    while status == 0:
        one = sockets.enter_context(socket.socket(socket.AF_UNIX))
        one.setblocking(False)
        status = one.connect_ex(str(path))
    return sockets


@pytest.mark.skipif(sys.platform != "linux", reason="others refuse what there is no room for")
@asynchronous
async def test_a_socket_that_takes_no_connections(shared: Path) -> None:
    path = shared / "hci"
    with crowded(path):
        assert await asyncio.wait_for(refusal(f"unix:{path}"), 10) == (
            f"Cannot listen on unix:{path}: another program listens there; end it or use another "
            "address."
        )
        assert path.is_socket()


@needs_root
@pytest.mark.parametrize("alive", [True, False])
@asynchronous
async def test_another_users_socket_where_a_radio_is_to_listen(shared: Path, alive: bool) -> None:
    path = shared / "hci"
    with crowded(path) as sockets:
        os.chown(path, STRANGER, STRANGER)
        if not alive:
            sockets.close()
        assert await refusal(f"unix:{path}") == (
            f"Cannot listen on unix:{path}: another user has a socket of that name; use another."
        )
        assert path.is_socket()


@asynchronous
async def test_the_end_of_a_radio_leaves_anothers_socket(shared: Path) -> None:
    """Somebody has removed ours meanwhile, and another radio listens there."""
    path = shared / "hci"
    with socket.socket(socket.AF_UNIX) as other:
        async with listening(f"unix:{path}"):
            path.unlink()
            other.bind(str(path))
        assert path.is_socket()


@asynchronous
async def test_the_end_of_a_shared_radio_leaves_its_successors_files(shared: Path) -> None:
    """Somebody has emptied the folder meanwhile, as programs do that look after old files."""
    first, second = RadioPlace("desk"), RadioPlace("desk")
    assert first.lock.try_acquire()
    open_sockets = [first.listen()[0]]
    for path in runtime_folder().iterdir():
        path.unlink()
    assert second.lock.try_acquire()
    open_sockets.append(second.listen()[0])
    files = sorted(runtime_folder().iterdir())
    assert len(files) == 2
    first.remove()
    first.lock.release()
    assert sorted(runtime_folder().iterdir()) == files
    assert not FileLock(runtime_folder() / "desk.lock").try_acquire()
    second.remove()
    second.lock.release()
    assert list(runtime_folder().iterdir()) == []
    for each in open_sockets:
        each.close()


@pytest.mark.parametrize("kind", ["file", "link"])
@asynchronous
async def test_what_lies_beside_a_terminals_link(shared: Path, kind: str) -> None:
    """It was once taken for a lock, by its name, emptied and removed."""
    link, beside, diary = shared / "tty", shared / ".tty.lock", shared.parent / "diary"
    diary.write_text("dear diary")
    if kind == "file":
        beside.write_text("dear diary")
    else:
        beside.symlink_to(diary)
    async with listening(f"pty:{link}"):
        assert link.is_symlink()
    assert sorted(shared.iterdir()) == [beside]
    assert beside.read_text() == diary.read_text() == "dear diary"


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "link to a terminal in use"])
@asynchronous
async def test_what_lies_where_a_terminals_link_is_to_be(shared: Path, kind: str) -> None:
    link, diary = shared / "tty", shared.parent / "diary"
    terminal = os.openpty()
    if kind == "file":
        link.write_text("dear diary")
    else:
        link.symlink_to(os.ttyname(terminal[1]) if "terminal" in kind else diary)
    if kind == "link":
        diary.write_text("dear diary")
    before = link.lstat()
    assert await refusal(f"pty:{link}") == (
        f"Cannot listen on pty:{link}: there is something of that name; remove it or use another."
    )
    assert os.path.samestat(link.lstat(), before)
    for each in terminal:
        os.close(each)


@needs_root
@asynchronous
async def test_another_users_link_where_a_terminals_link_is_to_be(shared: Path) -> None:
    link = shared / "tty"
    master, slave = os.openpty()
    link.symlink_to(os.ttyname(slave).rstrip("0123456789") + "999999")  # which has gone
    os.close(master)
    os.close(slave)
    os.lchown(link, STRANGER, STRANGER)
    assert "there is something of that name" in await refusal(f"pty:{link}")
    os.lchown(link, os.geteuid(), os.getegid())
    async with listening(f"pty:{link}"):
        assert link.exists()
    assert list(shared.iterdir()) == []


@asynchronous
async def test_hosts_that_fill_the_radios_log(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One on a serial line goes on after each fault, and others come again and again."""
    log = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [FirstOfAKind(log)])
    times = 1000
    async with listening(f"pty:{shared / 'tty'}"), listening("tcp:127.0.0.1:0") as tcp:
        _, host, port = tcp.addresses[0].split(":")
        for _ in range(times):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"\xff")
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
        line = os.open(shared / "tty", os.O_RDWR | os.O_NOCTTY)
        for _ in range(times):
            os.write(line, b"\xff" + RESET)
            answer = b""
            while len(answer) < len(HARDWARE_ERROR) + 7:  # Command Complete of Reset has 7 octets
                answer += await asyncio.to_thread(os.read, line, 100)
        os.close(line)
    assert len(log.getvalue().splitlines()) == 2 * (1 + 3)
    assert f"{times} times: tcp:" in log.getvalue()
    assert f"{times} times: pty:" in log.getvalue()
