"""The door to the engine thread."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from bleio import errors
from bleio.runtime import portal as portal_module
from bleio.runtime.clock import Clock
from bleio.runtime.portal import Portal
from support.patience import PATIENCE_S


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal()
    yield portal
    portal.stop()


async def give(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def fail(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


async def never() -> None:
    await asyncio.Event().wait()


def test_starts_no_thread_before_the_first_call() -> None:
    before = threading.active_count()
    portal = Portal()
    assert threading.active_count() == before
    portal.stop()
    with pytest.raises(errors.BluetoothError, match="has stopped"):
        portal.call(give, 1)


class FailingClock(Clock):
    """Makes no loop at first, and notes which threads wanted one."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        self.threads.append(threading.current_thread())
        if len(self.threads) == 1:
            raise OSError("no descriptors left")
        return super().new_event_loop()


def test_the_loop_is_made_where_no_ctrl_c_can_leave_half_of_one() -> None:
    clock = FailingClock()
    portal = Portal(clock)
    with pytest.raises(OSError, match="no descriptors left"):
        portal.call(give, 1)
    assert portal.call(give, 2) == 2
    assert threading.main_thread() not in clock.threads
    portal.stop()


def test_calls_from_many_threads_get_their_own_results(portal: Portal) -> None:
    results: dict[int, list[int]] = {}

    def work(number: int) -> None:
        results[number] = [portal.call(give, number * 1000 + index) for index in range(100)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert results == {n: [n * 1000 + index for index in range(100)] for n in range(16)}


def test_everything_runs_on_one_thread(portal: Portal) -> None:
    async def where() -> threading.Thread:
        return threading.current_thread()

    engine = portal.call(where)
    assert engine is portal.run(threading.current_thread)
    assert engine is not threading.current_thread()
    assert engine.daemon


def test_posts_keep_their_order(portal: Portal) -> None:
    seen: list[int] = []
    for number in range(100):
        portal.post(seen.append, number)
    assert portal.run(seen.copy) == list(range(100))


def test_refuses_its_own_thread(portal: Portal) -> None:
    async def call_again() -> Any:
        return portal.call(give, 1)

    with pytest.raises(RuntimeError, match="would block the thread of the Bluetooth engine"):
        portal.call(call_again)
    assert portal.call(give, 1) == 1


def test_inner_errors_come_out_as_public_ones_with_a_short_traceback(portal: Portal) -> None:
    with pytest.raises(
        errors.ConnectionError,
        match=r"^Not connected\nThere was no link",
    ) as caught:
        portal.call(fail, errors.LinkLost(0x08))
    cause = caught.value.inner
    assert caught.value.__cause__ is None
    assert isinstance(cause, errors.LinkLost)
    assert cause.reason == 0x08
    assert cause.__traceback__ is None
    here, *others = traceback.extract_tb(caught.value.__traceback__)
    assert (here.filename, {each.filename for each in others}) == (
        __file__,
        {portal_module.__file__},
    )


def test_other_errors_keep_where_they_happened(portal: Portal) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        portal.call(fail, ZeroDivisionError())
    assert "fail" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


def test_a_deadline_cancels_what_was_called(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal_module, "CANCEL_S", PATIENCE_S)
    begun, cancelled = threading.Event(), threading.Event()

    async def stubborn() -> None:
        begun.set()
        try:
            await never()
        finally:
            cancelled.set()

    timeout_s = 0.01
    while not begun.is_set():  # on a busy machine the engine does not come to it in that time
        with pytest.raises(TimeoutError, match=rf"^Not finished within {timeout_s:g} s$"):
            portal.call(stubborn, timeout_s=timeout_s)
        timeout_s *= 2
    assert cancelled.is_set()  # already, when the call has returned


def test_stopping_wakes_all_who_wait() -> None:
    portal = Portal()
    waiting, ended = threading.Semaphore(0), list[str]()

    async def wait_here() -> None:
        waiting.release()
        await never()

    def wait() -> None:
        try:
            portal.call(wait_here)
        except errors.BluetoothError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
        assert waiting.acquire(timeout=PATIENCE_S)
    portal.stop()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert ended == ["The Bluetooth engine has stopped"] * 8


class Guest:
    """A participant that notes what it is told."""

    def __init__(self, ends: bool = True) -> None:
        self.ends = ends
        self.told: list[str] = []

    async def shut_down(self) -> None:
        self.told.append("shut down")
        if not self.ends:
            await never()

    def forget(self) -> None:
        self.told.append("forget")


def test_stopping_shuts_participants_down_in_bounded_time(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    quick, slow, left = Guest(), Guest(ends=False), Guest()
    for guest in (quick, slow, left):
        portal.run(portal.join, guest)
    portal.run(portal.leave, left)
    portal.stop(within_s=0.05)
    assert (quick.told, slow.told, left.told) == (["shut down"], ["shut down"], [])
    assert "not shut down cleanly" in caplog.text
