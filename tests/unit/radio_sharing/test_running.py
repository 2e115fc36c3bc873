"""Asking the radios of this user how they are."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bleio.radio.sharing import place as place_module, running, shared
from bleio.radio.sharing.hello import Member, hello, is_hello, is_question, member_of, question
from bleio.radio.sharing.place import RadioPlace, known_radios
from bleio.radio.sharing.server.address import parse_listen_address
from bleio.radio.sharing.server.process import RadioProcess

RESET = bytes.fromhex("01030c00")


class Nobody:
    """Watches a radio."""

    def __init__(self) -> None:
        self.ready_is = asyncio.Event()

    def ready(self, process: RadioProcess, addresses: list[str]) -> None:
        self.ready_is.set()

    def ended(self, process: RadioProcess) -> None: ...

    def host_came(self, name: str) -> None: ...

    def host_left(self, name: str) -> None: ...


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "bleio"


async def _serve(name: str, *listen: str) -> tuple[RadioProcess, asyncio.Task[None]]:
    watcher = Nobody()
    process = RadioProcess(name, watcher, listen=[parse_listen_address(each) for each in listen])
    task = asyncio.ensure_future(process.run())
    await asyncio.wait(
        {task, asyncio.ensure_future(watcher.ready_is.wait())}, return_when=asyncio.FIRST_COMPLETED
    )
    return process, task


def test_no_radio_and_no_folder(runtime: Path) -> None:
    assert running.running_radios() == []
    assert running.ask("desk") is None
    assert known_radios() == []


def test_looking_makes_nothing(tmp_path: Path, runtime: Path) -> None:
    running.running_radios()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unix", [True, False])
def test_a_radio_says_who_is_on_it(unix: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not unix:
        monkeypatch.setattr(place_module, "HAS_UNIX_SOCKETS", False)
    monkeypatch.setattr("sys.argv", ["/home/me/beacon.py", "--fast"])

    async def test() -> None:
        before_s = time.time()
        process, task = await _serve("desk", "tcp:127.0.0.1:0")
        empty = await asyncio.to_thread(running.running_radios)
        assert [(each.name, each.pid) for each in empty] == [("desk", os.getpid())]
        assert empty[0].status is not None
        assert empty[0].status["devices"] == []
        assert before_s - 1 <= empty[0].status["since_s"] <= time.time() + 1
        (listening,) = empty[0].status["listening"]
        assert listening.startswith("tcp:127.0.0.1:")
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        port = await shared.join("desk", heard.put_nowait, print)
        port.send(RESET)
        await heard.get()
        found = await asyncio.to_thread(running.ask, "desk")
        assert found is not None and found.status is not None
        (device,) = found.status["devices"]
        assert device["pid"] == os.getpid()
        assert device["program"] == "beacon.py --fast"
        assert device["came_by"] == "virtual:desk"
        assert device["links"] == []
        assert not device["advertising"] and not device["scanning"] and not device["connecting"]
        assert process.served is not None and process.served.hosts == 1  # who asks is no host
        port.close()
        process.stop()
        await task
        assert await asyncio.to_thread(running.running_radios) == []

    asyncio.run(test())


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Hold a radio's name, and take connections without a word."""
    place = RadioPlace(name)
    assert place.lock.try_acquire()
    listening, _ = place.listen()
    try:
        yield
    finally:
        place.remove()
        listening.close()
        place.lock.release()


def test_a_radio_that_hangs_is_listed_without_an_answer() -> None:
    with _silent("hangs"), _silent("too"):
        began = time.monotonic()
        found = running.running_radios(within_s=0.3)
        assert time.monotonic() - began < 10
    assert [(each.name, each.pid, each.status) for each in found] == [
        ("hangs", os.getpid(), None),
        ("too", os.getpid(), None),
    ]


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[1]\n", b'{"pid": 1}'[:5], b"{}\n"])
def test_what_answers_nonsense(answer: bytes) -> None:
    place = RadioPlace("odd")
    assert place.lock.try_acquire()
    listening, _ = place.listen()

    def serve() -> None:
        connection, _ = listening.accept()
        connection.recv(1000)
        connection.sendall(answer)
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        found = running.ask("odd")
    finally:
        thread.join()
        place.remove()
        listening.close()
        place.lock.release()
    assert found is not None and found.status is None


def test_a_killed_radio_is_none(runtime: Path) -> None:
    runtime.mkdir(0o700)
    (runtime / "dead.lock").write_text("999999999\n")
    (runtime / "numberless.lock").write_text("")
    (runtime / ".claim.lock").write_text("1\n")
    (runtime / "bad name.lock").write_text("1\n")
    assert known_radios() == ["dead", "numberless"]
    assert running.running_radios() == []
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(runtime / "dead.sock"))
    dead.close()
    assert running.running_radios() == []


def test_who_says_what_it_is() -> None:
    said = hello("desk", b"secret", Member(12, "a program.py --x\n\x1b[31m"))
    assert said.count(b"\n") == 1
    assert is_hello(said, "desk", b"secret")
    assert member_of(said, "desk", b"secret") == Member(12, "a program.py --x\n\x1b[31m")
    assert member_of(hello("desk", b""), "desk", b"") == Member()
    assert not is_hello(said, "desk", b"other") and not is_question(said, "desk", b"secret")
    asked = question("desk", b"secret")
    assert is_question(asked, "desk", b"secret") and not is_question(asked, "desk", b"")
    assert member_of(b"bleio radio 1 desk  99999999999999999 x\n", "desk", b"").pid == 0


def test_many_hosts_are_counted_and_not_all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bleio.radio.sharing.server.status.MOST_HOSTS", 2)

    async def test() -> None:
        process, task = await _serve("desk")
        ports = [await shared.join("desk", print, print) for _ in range(3)]
        status = json.loads(process.status())
        assert (status["hosts"], len(status["devices"])) == (3, 2)
        for port in ports:
            port.close()
        process.stop()
        await task

    asyncio.run(test())
