"""The engine's loop: what blocks runs beside it, and what it shows of faults."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from bleio.backends.hci.controller.transport import open_port
from bleio.backends.hci.counters import HciCounters
from bleio.runtime.loop import EngineLoop
from support.hci.engine import until


def test_results_come_from_a_daemon_thread_of_its_own() -> None:
    loop = EngineLoop()
    try:
        work = loop.run_in_executor(None, threading.current_thread)
        thread = loop.run_until_complete(work)
    finally:
        loop.close()
    assert thread.daemon and thread is not threading.current_thread()


@pytest.mark.parametrize(
    ("raised", "seen"),
    [(ValueError("as asked"), ValueError), (SystemExit("as asked"), RuntimeError)],
)
def test_whatever_is_raised_wakes_who_waits(raised: BaseException, seen: type[Exception]) -> None:
    def fail() -> None:
        raise raised

    loop = EngineLoop()
    try:
        with pytest.raises(seen, match="as asked"):
            loop.run_until_complete(loop.run_in_executor(None, fail))
    finally:
        loop.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
def test_a_serial_port_that_is_pulled_out_while_written_to_shows_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    import tty

    side, other = os.openpty()
    tty.setraw(other)
    lost: list[str] = []

    async def write_to_nobody() -> None:
        name = f"serial:{os.ttyname(other)}"
        port = await open_port(name, print, lost.append, HciCounters())
        os.close(other)
        os.close(side)
        port.send(b"\x01\x03\x0c\x00")
        await until(lambda: lost)
        await port.close()

    loop = EngineLoop()
    try:
        loop.run_until_complete(write_to_nobody())
    finally:
        loop.close()
    assert "the connection to it has ended" in lost[0]
    assert "Traceback" not in caplog.text


def test_a_fault_in_a_callback_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise OSError("a fault")

    loop = EngineLoop()
    try:
        loop.call_soon(fails)
        loop.call_soon(loop.stop)
        loop.run_forever()
    finally:
        loop.close()
    assert "a fault" in caplog.text
