"""What blocks, beside the engine's loop."""

from __future__ import annotations

import threading

import pytest

from bleio.runtime.loop import EngineLoop


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
