"""Threads of a world's programs: they take turns, and their locks wait by simulated time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import _bleio
import pytest

from bleio.testing import DeviceBlocked, World


def run(program: Callable[..., Any], **limits: float) -> World:
    """Run a program twice, to see that nothing differs. Returns: the second world."""
    ends = []
    for _ in range(2):
        with World() as world:
            world.add(program, name="device")
            world.run(**limits)
        ends.append((world.output(), world.now_s))
    assert ends[0] == ends[1]
    return world


def test_threads_wait_for_each_other_in_simulated_time() -> None:
    def works(name: str, seconds: float) -> None:
        for _ in range(3):
            time.sleep(seconds)
            print(name, round(time.monotonic(), 1))

    def program() -> None:
        threads = [
            threading.Thread(target=works, args=[name, seconds])
            for name, seconds in (("a", 1), ("b", 0.7))
        ]
        for thread in threads:
            thread.start()
        threads[0].join(0.5)
        assert threads[0].is_alive()
        for thread in threads:
            thread.join()
            assert not thread.is_alive()
        print("end", round(time.monotonic(), 1))

    world = run(program)
    assert world["device"].text == "b 0.7\na 1.0\nb 1.4\na 2.0\nb 2.1\na 3.0\nend 3.0\n"


def test_a_lock_goes_to_those_that_wait_in_their_order() -> None:
    def program() -> None:
        lock, order = threading.Lock(), []

        def takes(number: int) -> None:
            time.sleep(number / 100)
            with lock:
                time.sleep(10)
                order.append((number, round(time.monotonic())))

        threads = [threading.Thread(target=takes, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        assert lock.locked()
        assert not lock.acquire(blocking=False)
        assert not lock.acquire(timeout=2)
        assert round(time.monotonic()) == 3
        for thread in threads:
            thread.join()
        assert order == [(0, 10), (1, 20), (2, 30), (3, 40)]

    run(program)


def test_conditions_events_semaphores_and_barriers() -> None:
    def program() -> None:
        said: list[str] = []
        condition, event = threading.Condition(), threading.Event()
        semaphore, barrier = threading.Semaphore(0), threading.Barrier(2)

        def other() -> None:
            with condition:
                said.append(f"condition {condition.wait_for(lambda: bool(said), 100)}")
            event.wait()
            semaphore.acquire()
            barrier.wait()
            said.append(f"other at {time.monotonic():.0f}")

        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(1)
        with condition:
            said.append("told")
            condition.notify_all()
        assert not event.wait(1)
        event.set()
        time.sleep(1)
        semaphore.release()
        time.sleep(1)
        barrier.wait()
        thread.join()
        assert said == ["told", "condition True", "other at 4"]

    run(program)


def test_rlocks_and_local_values_are_kept_apart() -> None:
    local = []

    def program() -> None:
        lock, mine = threading.RLock(), threading.local()
        seen: list[Any] = []

        def other() -> None:
            mine.name = threading.current_thread().name
            with lock, lock:
                time.sleep(1)
                seen.append((mine.name, round(time.monotonic())))

        mine.name = "main"
        threads = [threading.Thread(target=other, name=name) for name in ("one", "two")]
        with lock:
            for thread in threads:
                thread.start()
            time.sleep(5)
        for thread in threads:
            thread.join()
        assert seen == [("one", 6), ("two", 7)]
        assert mine.name == "main"
        assert vars(mine) == {"name": "main"}
        local.append(mine)

    run(program)


@pytest.mark.filterwarnings("error")
def test_the_end_of_a_world_ends_a_thread_and_who_joins_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def joins() -> None:
        thread = threading.Thread(target=time.sleep, args=(1000,))
        thread.start()
        thread.join()

    with World() as world:
        joining = world.add(joins)
        world.run_for(1)
    assert (joining.text, capsys.readouterr().err) == ("", "")


def test_no_two_threads_have_one_number() -> None:
    def program() -> None:
        numbers: dict[str, int] = {}

        def tells(name: str, seconds: float) -> None:
            numbers[name] = threading.get_ident()
            time.sleep(seconds)

        short = threading.Thread(target=tells, args=["short", 1])
        long = threading.Thread(target=tells, args=["long", 10])
        short.start()
        long.start()
        short.join()
        del short
        gc.collect()
        late = threading.Thread(target=tells, args=["late", 1])
        late.start()
        late.join()
        long.join()
        assert len({threading.get_ident(), *numbers.values()}) == 4

    run(program)


def test_what_threading_tells() -> None:
    def program() -> None:
        main = threading.main_thread()
        assert threading.current_thread() is main
        assert isinstance(main, threading.Thread)

        def other() -> None:
            assert threading.current_thread() is thread
            assert threading.get_ident() == thread.ident != main.ident
            assert {each.name for each in threading.enumerate()} == {"device", "other"}
            time.sleep(1)

        thread = threading.Thread(target=other, name="other")
        with pytest.raises(RuntimeError, match="before it is started"):
            thread.join()
        thread.start()
        assert threading.active_count() == 2
        assert "started" in repr(thread)
        thread.join()
        assert threading.enumerate() == [main]
        with pytest.raises(RuntimeError, match="once"):
            thread.start()

    run(program)


class Worker(threading.Thread):
    """A thread of the test's file."""

    def __init__(self, seconds: float) -> None:
        super().__init__(name="worker")
        self.seconds = seconds

    def run(self) -> None:
        time.sleep(self.seconds)
        print(f"{self.name} at {time.monotonic():.0f} with {_bleio.adapter.name}")


def test_a_class_of_the_test_and_a_timer() -> None:
    def program() -> None:
        _bleio.adapter.name = "its adapter"
        worker = Worker(3)
        worker.start()
        timer = threading.Timer(2, print, ["timer"])
        timer.start()
        stopped = threading.Timer(2, print, ["never"])
        stopped.start()
        stopped.cancel()
        worker.join()

    assert run(program)["device"].text == "timer\nworker at 3 with its adapter\n"


def test_queues_between_threads() -> None:
    def program() -> None:
        box: queue.Queue[int] = queue.Queue(2)
        got: list[int] = []

        def takes() -> None:
            while (number := box.get()) >= 0:
                time.sleep(1)
                got.append(number)
                box.task_done()

        thread = threading.Thread(target=takes)
        thread.start()
        for number in range(5):
            box.put(number)
        box.join()
        assert round(time.monotonic()) == 5
        box.put(-1)
        thread.join()
        assert got == list(range(5))
        with pytest.raises(queue.Empty):
            box.get(timeout=3)
        assert round(time.monotonic()) == 8
        simple: queue.SimpleQueue[int] = queue.SimpleQueue()
        simple.put(1)
        assert simple.get() == 1

    run(program)


def test_pools_of_threads() -> None:
    def nap(seconds: int) -> int:
        time.sleep(seconds)
        if seconds == 13:
            raise LookupError
        return seconds

    def program() -> None:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            assert list(pool.map(nap, [3, 1, 2])) == [3, 1, 2]
            assert round(time.monotonic()) == 3
            futures = [pool.submit(nap, seconds) for seconds in (4, 2)]
            done = [each.result() for each in concurrent.futures.as_completed(futures)]
            assert done == [2, 4]
            with pytest.raises(LookupError):
                pool.submit(nap, 13).result()
            with pytest.raises(concurrent.futures.TimeoutError):
                pool.submit(nap, 10).result(timeout=1)
        assert round(time.monotonic()) == 30

    run(program)


def test_loops_and_threads_call_each_other() -> None:
    async def answer(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return asyncio.get_running_loop().time()

    def program() -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        assert asyncio.run_coroutine_threadsafe(answer(2), loop).result() == pytest.approx(
            2, abs=1e-3
        )
        late = asyncio.run_coroutine_threadsafe(answer(20), loop)
        with pytest.raises(concurrent.futures.TimeoutError):
            late.result(1)
        late.cancel()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        assert asyncio.run(in_a_pool()) == [3, 1]

    async def in_a_pool() -> list[int]:
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return list(
                await asyncio.gather(*(loop.run_in_executor(pool, nap, each) for each in (3, 1)))
            )

    def nap(seconds: int) -> int:
        time.sleep(seconds)
        return seconds

    run(program)


def test_a_program_ends_with_its_threads() -> None:
    def counts(name: str) -> None:
        for number in range(3):
            time.sleep(1)
            print(name, number)

    def program() -> None:
        threading.Thread(target=counts, args=["thread"]).start()
        threading.Thread(target=lambda: time.sleep(1e9), daemon=True).start()
        pool = concurrent.futures.ThreadPoolExecutor()
        pool.submit(time.sleep, 2)
        print("main ends")

    world = run(program)
    assert world["device"].text == "main ends\nthread 0\nthread 1\nthread 2\n"
    assert world.now_s == pytest.approx(3, abs=0.01)


def test_an_exception_in_a_thread_is_shown_by_its_device() -> None:
    def fails() -> None:
        raise LookupError("lost")

    def program() -> None:
        thread = threading.Thread(target=fails, name="loser")
        thread.start()
        thread.join()

    text = run(program)["device"].text
    assert "Exception in thread loser" in text
    assert "LookupError: lost" in text


def test_power_ends_threads_too() -> None:
    ended: list[str] = []

    def works() -> None:
        try:
            time.sleep(1e6)
        finally:
            ended.append("thread")

    def program() -> None:
        threading.Thread(target=works).start()
        threading.Thread(target=threading.Event().wait).start()
        time.sleep(1e6)

    before = set(threading.enumerate())
    with World() as world:
        device = world.add(program)
        world.run_for(5)
        device.power_off()
        world.run_for(1)
        assert ended == ["thread"]
        assert world.clock.alive() == []
        device.power_on()
        world.run_for(5)
        assert device.text == ""
    assert set(threading.enumerate()) <= before


def test_a_thread_that_looks_spins_and_one_that_computes_is_named() -> None:
    def spins() -> None:
        thread = threading.Thread(target=time.sleep, args=[10])
        thread.start()
        while thread.is_alive():
            assert not _bleio.adapter.connected

    assert run(spins).now_s == pytest.approx(10, abs=0.02)

    def program() -> None:
        threading.Thread(target=computes).start()

    def computes() -> None:
        while True:
            pass

    with World(blocked_after_s=0.3) as world:
        world.add(program, name="device")
        with pytest.raises(DeviceBlocked, match="thread 1 of device has neither waited"):
            world.run()
