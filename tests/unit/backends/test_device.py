"""A controller behind a device file: a pseudo terminal, whose other side is in the test's hand."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bleio.backends.hci.controller.device import (
    DevicePort,
    NoControllerError,
    TerminalPort,
    open_device,
)
from bleio.backends.hci.controller.h4 import MAX_NOISE_OCTETS
from bleio.backends.hci.counters import HciCounters
from support.hci.engine import asynchronous, until
from support.hci.script import event

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no device files")

EVENT = event(0x0E, b"\x01\x03\x0c\x00")
RESET = b"\x01\x03\x0c\x00"
ENDED = "the connection to it has ended"


class Line:
    """The controller's side of a pseudo terminal, and what the host's side was told."""

    def __init__(self) -> None:
        import tty

        self.side, other = os.openpty()
        tty.setraw(other)
        os.set_blocking(self.side, False)
        self.name = os.ttyname(other)
        self._other = other
        self.packets: list[bytes] = []
        self.lost: list[str] = []

    def opened(self) -> DevicePort:
        ours = open_device(self.name)
        port = DevicePort(ours, self.packets.append, self.lost.append, HciCounters())
        os.close(self._other)
        self._other = -1
        return port

    def read(self) -> bytes:
        try:
            return os.read(self.side, 65536)
        except BlockingIOError:
            return b""

    def hang_up(self) -> None:
        for descriptor in (self.side, self._other):
            if descriptor >= 0:
                os.close(descriptor)
        self.side = self._other = -1


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.hang_up()


@asynchronous
async def test_packets_go_both_ways(line: Line) -> None:
    port = line.opened()
    os.write(line.side, EVENT[:3])
    os.write(line.side, EVENT[3:] + EVENT)
    await until(lambda: line.packets == [EVENT, EVENT])
    port.send(RESET)
    port.send(RESET)
    assert await until(line.read) == RESET + RESET
    await port.close()
    await port.close()
    assert line.lost == []


@asynchronous
async def test_more_than_the_line_takes_at_once(line: Line) -> None:
    port = line.opened()
    sent = os.urandom(20_000)
    port.send(sent[:9000])
    port.send(sent[9000:])
    got = b""
    while len(got) < len(sent):
        got += await until(line.read)
    assert got == sent
    await port.close()


@pytest.mark.parametrize("writing", [False, True])
@asynchronous
async def test_its_end_is_told_once(writing: bool, line: Line) -> None:
    port = line.opened()
    line.hang_up()
    if writing:
        port.send(RESET)
    await until(lambda: line.lost)
    port.send(RESET)  # goes nowhere
    await asyncio.sleep(0)
    assert len(line.lost) == 1
    assert ENDED in line.lost[0]
    await port.close()


@asynchronous
async def test_noise_is_told_and_ends_it(line: Line) -> None:
    port = line.opened()
    for _ in range(MAX_NOISE_OCTETS // 1024 + 2):
        await asyncio.sleep(0)
        if line.lost:
            break
        os.write(line.side, b"\xff" * 1024)
        await asyncio.sleep(0.001)
    await until(lambda: line.lost)
    assert "without a packet among them" in line.lost[0]
    await port.close()


@asynchronous
async def test_what_is_refused_is_closed(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "pipe")
    os.mkfifo(path)
    before = len(os.listdir("/dev/fd"))
    for name, words in ((path, "a pipe"), ("/dev/zero", "cannot wait"), (__file__, "ordinary")):
        with pytest.raises(NoControllerError, match=words):
            open_device(name)
    assert len(os.listdir("/dev/fd")) == before


# A terminal of our own


@asynchronous
async def test_a_controller_opens_our_terminal_by_its_link(tmp_path: Path) -> None:
    link, packets, lost = tmp_path / "link", list[bytes](), list[str]()
    before = len(os.listdir("/dev/fd"))
    port = TerminalPort(str(link), packets.append, lost.append, HciCounters())
    for _ in range(2):  # one after the other
        controller = open_device(str(link))
        os.write(controller, EVENT)
        await until(lambda: packets == [EVENT])
        port.send(RESET)
        await until(partial(_reads_reset, controller))
        os.close(controller)
        packets.clear()
    await port.close()
    await port.close()
    assert lost == []
    assert not link.is_symlink()
    assert len(os.listdir("/dev/fd")) == before


def _reads_reset(descriptor: int) -> bool:
    try:
        return os.read(descriptor, 4096) == RESET
    except BlockingIOError:
        return False


@pytest.mark.parametrize("what", ["file", "link"])
@asynchronous
async def test_what_has_the_links_name_is_left_alone(what: str, tmp_path: Path) -> None:
    """As `bleio radio --listen pty:LINK` does it: neither before it is opened nor at its end."""
    link = tmp_path / "link"

    def lay() -> None:
        if what == "file":
            link.write_text("dear diary")
        else:
            link.symlink_to("elsewhere")

    lay()
    with pytest.raises(FileExistsError):
        TerminalPort(str(link), print, print, HciCounters())
    link.unlink()
    port = TerminalPort(str(link), print, print, HciCounters())
    link.unlink()
    lay()
    await port.close()
    assert link.is_symlink() or link.read_text() == "dear diary"
