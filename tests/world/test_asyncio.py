"""Programs of a world that run asyncio event loops: all of their time is simulated."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import hashlib
import itertools
import sys
import time
from asyncio import run as run_loop, sleep as pause
from collections.abc import AsyncIterator, Callable
from typing import Any

import _bleio
import pytest

from bleio.testing import DeviceFailed, Stalled, World

FLAGS = b"\x02\x01\x06"

since_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="of Python 3.11")
since_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="of Python 3.12")


def run(*programs: Callable[..., Any] | str, seed: int = 0, within_s: float = 86_400) -> World:
    """Run programs to their end. Returns: the world, which is closed."""
    with World(seed) as world:
        for program in programs:
            if isinstance(program, str):
                world.add(source=program)
            else:
                world.add(program)
        world.run(within_s=within_s)
    return world


def test_every_kind_of_wait_is_simulated() -> None:
    at_s: dict[str, float] = {}

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await asyncio.sleep(10)
        at_s["sleep"] = loop.time() - began_s
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 20)
        at_s["wait_for"] = loop.time() - began_s
        await asyncio.wait([asyncio.ensure_future(asyncio.sleep(100))], timeout=30)
        at_s["wait"] = loop.time() - began_s
        called = loop.create_future()
        loop.call_at(loop.time() + 40, called.set_result, None)
        await called
        at_s["call_at"] = loop.time() - began_s
        assert time.monotonic() == pytest.approx(loop.time(), abs=0.001)

    started_s = time.monotonic()
    run(main)
    assert time.monotonic() - started_s < 20
    sums = {"sleep": 10, "wait_for": 30, "wait": 60, "call_at": 100}
    assert at_s == pytest.approx(sums, abs=0.001)


def test_a_sleep_is_as_long_as_it_says() -> None:
    took_us: list[int] = []

    async def main() -> None:
        for seconds in (0.001, 0.1, 1, 3600):
            began_ns = time.monotonic_ns()
            await asyncio.sleep(seconds)
            took_us.append((time.monotonic_ns() - began_ns) // 1000)

    run(main)
    assert took_us == [1_020, 100_020, 1_000_020, 3_600_000_020]  # with the look at the clock


@since_3_11
def test_a_sleep_of_half_a_microsecond_ends() -> None:
    """It is neither late nor early, to the clock's step: a loop must not turn at once for ever."""

    async def sleep() -> None:
        for count in range(1, 40):
            await asyncio.sleep(count * 5e-7)
        print("ended")

    with World(seed=1) as world:
        device = world.add(sleep)
        world.run()
        assert device.text == "ended\n"


def test_handles_are_asyncios() -> None:
    """They are filled in by hand, so nothing must be missing that asyncio's have."""

    async def made() -> None:
        loop = asyncio.get_running_loop()
        soon, timer = loop.call_soon(print, "soon"), loop.call_later(1, print, "later")
        for handle, kind in ((soon, asyncio.Handle), (timer, asyncio.TimerHandle)):
            own = kind(*((1.5,) if handle is timer else ()), print, (1,), loop)
            assert isinstance(handle, kind)
            for each in {*asyncio.Handle.__slots__, *kind.__slots__} - {"__weakref__"}:
                assert type(getattr(handle, each)) is type(getattr(own, each)), each
            assert repr(handle).split()[0] == repr(own).split()[0]
        assert timer.when() == 1
        await asyncio.sleep(2)
        timer.cancel()
        assert timer.cancelled() and timer._args is None
        loop.set_debug(True)
        late = loop.call_later(1, print)
        loop.set_debug(False)
        late.cancel()
        assert not soon.cancelled() and late.cancelled()
        print("made")

    with World(seed=1) as world:
        device = world.add(made)
        world.run()
        assert device.text == "soon\nlater\nmade\n"


def test_a_sleep_for_ever_can_be_cancelled() -> None:
    async def sleeps() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(float("inf")), 3)
        print(asyncio.get_running_loop().time())
        await asyncio.sleep(float("inf"))

    with World() as world:
        device = world.add(sleeps)
        world.run_for(10)
        assert device.text.startswith("3.0")
        assert device.running


def test_runner_task_group_and_timeout() -> None:
    seen: list[Any] = []

    async def child(number: int) -> int:
        await asyncio.sleep(number)
        seen.append((number, round(time.monotonic())))
        return number

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(child(number)) for number in (3, 1, 2)]
        seen.append([task.result() for task in tasks])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await child(50)
        with pytest.raises(Exception, match="unhandled errors in a TaskGroup"):
            async with asyncio.TaskGroup() as group:
                group.create_task(child(100))
                group.create_task(fails())
        seen.append(round(time.monotonic()))

    async def fails() -> None:
        await asyncio.sleep(2)
        raise LookupError

    def program() -> None:
        with asyncio.Runner() as runner:
            runner.run(main())
            loop = runner.get_loop()
            seen.append(runner.run(child(1)))
            assert runner.get_loop() is loop

    run(program)
    assert seen == [(1, 1), (2, 2), (3, 3), [3, 1, 2], 10, (1, 11), 1]


def test_queues_locks_and_conditions_between_tasks() -> None:
    got: list[tuple[int, int]] = []

    async def puts(queue: asyncio.Queue[int]) -> None:
        for number in range(5):
            await asyncio.sleep(1)
            await queue.put(number)

    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        task = asyncio.create_task(puts(queue))
        lock, semaphore = asyncio.Lock(), asyncio.Semaphore(1)
        for _ in range(5):
            async with lock, semaphore:
                got.append((await queue.get(), round(time.monotonic())))
            await asyncio.sleep(2)
        await task

    run(main)
    assert got == [(0, 1), (1, 3), (2, 5), (3, 7), (4, 9)]


def test_asyncio_run_twice_and_a_loop_by_hand() -> None:
    times: list[int] = []

    async def nap() -> str:
        await asyncio.sleep(1)
        times.append(round(time.monotonic()))
        return "rested"

    def program() -> None:
        for _ in range(2):
            assert asyncio.run(nap()) == "rested"
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        assert asyncio.get_event_loop() is loop
        assert loop.run_until_complete(nap()) == "rested"
        loop.call_later(5, loop.stop)
        loop.run_forever()
        times.append(round(time.monotonic()))
        loop.close()
        asyncio.set_event_loop(None)
        # As older programs have it: the loop is never closed.
        asyncio.get_event_loop().run_until_complete(asyncio.gather(nap(), nap()))

    run(program)
    assert times == [1, 2, 3, 8, 9, 9]


def test_loops_left_open_end_with_their_program() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("task")

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.append("generator")

    async def main() -> None:
        async for _ in numbers():
            break
        asyncio.get_running_loop().set_debug(True)
        task = asyncio.ensure_future(waits())
        await asyncio.sleep(1)
        assert not task.done()

    def program() -> None:
        asyncio.new_event_loop().run_until_complete(main())

    world = run(program)
    gc.collect()  # a ResourceWarning would be an error
    assert "task" in ended
    assert world.now_s == pytest.approx(1, abs=0.01)
    assert world.output() == ""


def test_what_the_tests_module_has_imported_is_the_devices() -> None:
    times: list[int] = []

    async def main() -> None:
        await pause(5)
        times.append(round(time.monotonic()))

    def program() -> None:
        run_loop(main())

    run(program, main)
    assert times == [5, 5]


async def greets(name: str, times: int = 1) -> None:
    for _ in range(times):
        await asyncio.sleep(1)
        print(f"{name} at {time.monotonic():.0f}")


class Greeter:
    """A program with async methods."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def greet(self) -> None:
        await greets(self.name)

    async def __call__(self) -> None:
        await greets(self.name, 2)


def test_an_async_function_is_a_program() -> None:
    import functools

    with World() as world:
        world.add(greets, args=["plain"], name="a")
        world.add(functools.partial(greets, "partial", times=2), name="b")
        world.add(Greeter("method").greet, name="c")
        world.add(Greeter("object"), name="d")
        world.add(lambda: greets("lambda"), name="e")
        world.run()
    texts = [device.text for device in world.devices.values()]
    assert texts == [
        "plain at 1\n",
        "partial at 1\npartial at 2\n",
        "method at 1\n",
        "object at 1\nobject at 2\n",
        "lambda at 1\n",
    ]


def test_a_program_that_polls_does_not_hang() -> None:
    rounds: list[int] = []

    async def polls() -> None:
        done: list[bool] = []
        asyncio.get_running_loop().call_later(3600, done.append, True)
        count = 0
        while not done:
            await asyncio.sleep(0)
            count += 1
        rounds.append(count)

    world = run(polls)
    assert 300_000 < rounds[0] < 400_000  # looks of 10 ms, most of them
    assert world.now_s == pytest.approx(3600, abs=0.011)


def test_tasks_beside_one_that_polls_are_not_late() -> None:
    times_us: list[int] = []

    async def polls() -> None:
        while len(times_us) < 100:
            assert not _bleio.adapter.connected
            await asyncio.sleep(0)

    async def ticks() -> None:
        for _ in range(100):
            await asyncio.sleep(0.33)
            times_us.append(time.monotonic_ns() // 1000)

    async def main() -> None:
        await asyncio.gather(polls(), ticks())

    run(main)
    gaps = [after - before for before, after in itertools.pairwise(times_us)]
    assert [gap for gap in gaps if not 330_000 <= gap < 330_100] == []


def test_a_poll_sees_at_once_what_the_controller_says() -> None:
    seen_us: dict[str, int] = {}

    async def polls() -> None:
        _bleio.adapter.start_advertising(FLAGS, connectable=True)
        while not _bleio.adapter.connected:
            await asyncio.sleep(0)
        seen_us["poll"] = time.monotonic_ns() // 1000
        await asyncio.sleep(1)

    def spins() -> None:
        _bleio.adapter.start_advertising(FLAGS, connectable=True)
        while not _bleio.adapter.connected:
            pass
        seen_us["spin"] = time.monotonic_ns() // 1000
        time.sleep(1)

    def connects() -> None:
        time.sleep(20)
        for entry in _bleio.adapter.start_scan():
            if entry.connectable:
                _bleio.adapter.stop_scan()
                _bleio.adapter.connect(entry.address, timeout=5)
                break

    for program in (polls, spins):
        with World(seed=1) as world:
            world.add(program, name="peripheral")
            world.add(connects)
            world.run()
    taken_us = [seen_us["poll"], seen_us["spin"]]
    assert abs(taken_us[0] - taken_us[1]) < 200


def test_a_blocking_call_blocks_its_devices_loop_and_no_other() -> None:
    ticks: dict[str, list[int]] = {"blocked": [], "free": []}

    async def ticking(name: str) -> None:
        for _ in range(12):
            await asyncio.sleep(0.5)
            ticks[name].append(round(time.monotonic() * 2))

    async def scans() -> None:
        await asyncio.sleep(1.75)
        for _ in _bleio.adapter.start_scan(timeout=3):
            pass

    async def blocked() -> None:
        await asyncio.gather(ticking("blocked"), scans())

    run(blocked, lambda: asyncio.run(ticking("free")))
    assert ticks["free"] == list(range(1, 13))
    assert ticks["blocked"][:3] == [1, 2, 3]
    assert 9 <= ticks["blocked"][3] <= 10


def test_context_variables_of_tasks_and_the_devices_adapter() -> None:
    colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")
    seen: list[Any] = []

    async def paints(name: str) -> None:
        colour.set(name)
        await asyncio.sleep(1)
        _bleio.adapter.name = f"{_bleio.adapter.name} {name}"
        await asyncio.to_thread(thread)
        assert colour.get() == name

    def thread() -> None:
        seen.append((colour.get(), _bleio.adapter.name))

    async def main() -> None:
        _bleio.adapter.name = "it is"
        await asyncio.gather(paints("red"), paints("blue"))
        assert colour.get() == "none"

    with World() as world:
        devices = [world.add(main) for _ in range(2)]
        world.run()
        assert [device.adapter.name for device in devices] == ["it is red blue"] * 2
    assert sorted(seen) == [("blue", "it is red blue")] * 2 + [("red", "it is red blue")] * 2


@since_3_12
def test_eager_tasks() -> None:
    order: list[str] = []

    async def child() -> None:
        order.append("child")
        await asyncio.sleep(1)
        order.append(f"child at {time.monotonic():.0f}")

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        task = asyncio.create_task(child())
        order.append("main")
        await task

    run(main)
    assert order == ["child", "main", "child at 1"]


def test_tasks_in_sets_are_in_the_same_order_in_every_run() -> None:
    said: list[str] = []

    async def waits(number: int) -> int:
        try:
            await asyncio.sleep(1 if number < 20 else 1000)
        except asyncio.CancelledError:
            said.append(f"{number} cancelled")
            raise
        return number

    async def main() -> None:
        tasks = [asyncio.ensure_future(waits(number)) for number in range(40)]
        done, _ = await asyncio.wait(tasks, timeout=2)
        said.extend(f"{task.result()} done" for task in done)
        said.extend(task.get_name() for task in tasks[:3])
        for each in asyncio.as_completed([waits(number) for number in range(10)]):
            said.append(f"{await each} completed")

    runs = []
    for _ in range(3):
        said.clear()
        kept = [object() for _ in range(1000)]  # so that places in memory differ
        run(main)
        runs.append(list(said))
        del kept
    assert runs[0] == runs[1] == runs[2]
    assert {"0 done", "Task-2", "9 completed", "39 cancelled"} <= set(runs[0])


def test_debug_mode_tells_what_blocks() -> None:
    async def blocks() -> None:
        time.sleep(0.25)

    def program() -> None:
        asyncio.run(blocks(), debug=True)

    world = run(program)
    assert "Executing <" in world.output()
    assert "took 0.250 seconds" in world.output()


def test_an_exception_of_a_task_is_shown_by_its_device() -> None:
    async def fails() -> None:
        raise LookupError("lost")

    async def main() -> None:
        task = asyncio.create_task(fails())
        await asyncio.sleep(1)
        del task
        gc.collect()

    world = run(main)
    assert "Task exception was never retrieved" in world.output()
    assert "LookupError: lost" in world.output()


def test_an_exception_of_the_main_task_is_the_devices() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise LookupError("lost")

    with World() as world:
        device = world.add(main)
        with pytest.raises(DeviceFailed, match=r"main failed at 1.0000.* LookupError: lost"):
            world.run()
    assert isinstance(device.error, LookupError)
    assert "in main" in device.text


def test_a_loop_that_waits_for_nothing_is_named() -> None:
    async def waits_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    with World() as world:
        world.add(waits_for_ever)
        with pytest.raises(Stalled, match="waits_for_ever wait without limit"):
            world.run(within_s=float("inf"))


def test_many_timers_that_were_cancelled_are_forgotten() -> None:
    left: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(5000):
            loop.call_later(86_400, print).cancel()
            await asyncio.sleep(0.001)
        left.append(len(loop._scheduled))  # type: ignore[attr-defined]

    run(main)
    assert left[0] < 500


def test_calls_from_another_program_come_in_order() -> None:
    got: list[int] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def receives() -> None:
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(5)

    def sends(first: int) -> None:
        time.sleep(1)
        for number in range(3):
            loops[0].call_soon_threadsafe(got.append, first + number)
            time.sleep(1)

    with World() as world:
        world.add(receives)
        world.add(sends, args=[0])
        world.add(sends, args=[10])
        world.run()
    assert got == [0, 10, 1, 11, 2, 12]


def test_a_call_from_outside_ends_a_wait_but_no_blocking_call() -> None:
    at_s: list[float] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def receives() -> None:
        loop = asyncio.get_running_loop()
        loops.append(loop)
        called = asyncio.Event()
        loop.call_later(1000, print)
        wake.append(called.set)
        await called.wait()
        at_s.append(time.monotonic())
        time.sleep(10)
        at_s.append(time.monotonic())

    wake: list[Callable[[], None]] = []

    def calls() -> None:
        time.sleep(3)
        loops[0].call_soon_threadsafe(wake[0])
        time.sleep(3)
        loops[0].call_soon_threadsafe(wake[0])

    run(receives, calls)
    assert at_s == pytest.approx([3, 13], abs=0.001)


ECHO = """
import asyncio
import _bleio
from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

ble = BLERadio()
uart = UARTService()
advertisement = ProvideServicesAdvertisement(uart)

async def serve():
    while True:
        ble.start_advertising(advertisement)
        while not ble.connected:
            await asyncio.sleep(0.1)
        while ble.connected:
            if uart.in_waiting:
                uart.write(uart.read(uart.in_waiting))
            await asyncio.sleep(0.05)

async def blink():
    while True:
        await asyncio.sleep(0.5)

async def main():
    await asyncio.gather(serve(), blink())

asyncio.run(main())
"""

POLL = """
import asyncio
from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService

ble = BLERadio()

async def talk():
    loop = asyncio.get_running_loop()
    for found in ble.start_scan(ProvideServicesAdvertisement, timeout=60):
        if UARTService in found.services:
            uart = ble.connect(found)[UARTService]
            break
    ble.stop_scan()
    number = 0
    while True:
        uart.write(b"ping %d" % number)
        while not uart.in_waiting:
            await asyncio.sleep(0)
        print(uart.read(uart.in_waiting).decode())
        number += 1
        until = loop.time() + 60
        while loop.time() < until:
            await asyncio.sleep(0)

asyncio.run(talk())
"""

BLOCK = """
import time
import _bleio

while True:
    for entry in _bleio.adapter.start_scan(timeout=1):
        pass
    time.sleep(9)
"""


def an_hour(seed: int, folder: Any) -> tuple[str, str]:
    capture = folder / f"{seed}.pcapng"
    with World(seed, capture=capture) as world:
        for name, source in (("echo", ECHO), ("poll", POLL), ("block", BLOCK)):
            world.add(source=source, name=name)
        world.run(3600)
    return world.output(), hashlib.sha256(capture.read_bytes()).hexdigest()


def test_an_hour_of_an_echo_a_poll_and_a_scan_is_the_same_in_every_run(tmp_path: Any) -> None:
    started_s = time.process_time()
    output, capture = an_hour(1, tmp_path)
    assert time.process_time() - started_s < 60  # a hang; bench/ tells how long it takes
    assert output.count("ping") == 60
    assert an_hour(1, tmp_path) == (output, capture)
    assert an_hour(2, tmp_path)[1] != capture
