"""What asyncio has that no world can simulate, threads beside loops, and what boards have."""

from __future__ import annotations

import asyncio
import concurrent.futures
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import _bleio
import pytest

from bleio.testing import World


async def connects(loop: Any) -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def serves(loop: Any) -> None:
    await asyncio.start_server(print, "127.0.0.1", 0)


async def datagrams(loop: Any) -> None:
    await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 9))


async def reads_a_file(loop: Any) -> None:
    loop.add_reader(0, print)


async def looks_up(loop: Any) -> None:
    await loop.getaddrinfo("localhost", 80)


async def receives(loop: Any) -> None:
    with socket.socket() as plug:
        await loop.sock_recv(plug, 1)


async def starts(loop: Any) -> None:
    await asyncio.create_subprocess_exec(sys.executable, "-V")


async def handles_signals(loop: Any) -> None:
    loop.add_signal_handler(2, print)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (connects, "create_connection"),
        (serves, "create_server"),
        (datagrams, "create_datagram_endpoint"),
        (reads_a_file, "add_reader"),
        (looks_up, "getaddrinfo"),
        (receives, "sock_recv"),
        (starts, "subprocess_exec"),
        (handles_signals, "add_signal_handler"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_a_sentence(
    call: Callable[[Any], Any], name: str
) -> None:
    async def main() -> None:
        with pytest.raises(NotImplementedError, match=rf"^gateway: loop\.{name}\(\) .* world"):
            await call(asyncio.get_running_loop())
        await asyncio.sleep(1)

    with World() as world:
        world.add(main, name="gateway")
        world.run()


def test_sockets_and_processes_work_where_real_time_is_asked_for() -> None:
    got: list[Any] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(b"hello\n")
        got.append(await reader.readline())
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('there')", stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
        got.append(out.strip())

    with World(real_time=True) as world:
        world.add(main)
        world.run(within_s=60)
    assert got == [b"hello\n", b"there"]


def test_loops_of_others_are_refused() -> None:
    class Other(asyncio.SelectorEventLoop):
        """As uvloop's are: the process's."""

    real = [Other]

    def program() -> None:
        loop = real[0]()
        try:
            with pytest.raises(NotImplementedError, match=r"device: a loop of .*real clock"):
                asyncio.set_event_loop(loop)
        finally:
            loop.close()
        with pytest.raises(NotImplementedError, match=r"leave out asyncio\.set_event_loop_policy"):
            asyncio.set_event_loop_policy(object())  # type: ignore[arg-type]
        asyncio.set_event_loop_policy(None)
        with pytest.raises(NotImplementedError, match="has no selector of its own"):
            asyncio.SelectorEventLoop(object())  # type: ignore[arg-type]
        loop = asyncio.SelectorEventLoop()
        loop.run_until_complete(asyncio.sleep(1))
        loop.close()
        if sys.version_info >= (3, 11):
            runner = asyncio.Runner(loop_factory=kept(real[0]))
            with pytest.raises(NotImplementedError, match="waits by the real clock"):
                runner.get_loop()

    made: list[asyncio.AbstractEventLoop] = []

    def kept(kind: type[asyncio.AbstractEventLoop]) -> Callable[[], asyncio.AbstractEventLoop]:
        def make() -> asyncio.AbstractEventLoop:
            made.append(kind())
            return made[-1]

        return make

    with World() as world:
        world.add(program, name="device")
        world.run()
    for loop in made:
        loop.close()


def test_uvloop_is_not_there() -> None:
    with World() as world:
        device = world.add(
            source="""
try:
    import uvloop
except ImportError as error:
    print(error)
""",
            name="gateway",
        )
        world.run()
    assert device.text.startswith("gateway: uvloop waits by the real clock, and is not there in a")


def test_work_in_threads_takes_simulated_time_and_no_other() -> None:
    seen: list[Any] = []

    def works(seconds: float) -> float:
        time.sleep(seconds)
        assert _bleio.adapter.name
        return time.monotonic()

    async def ticks() -> None:
        for _ in range(4):
            await asyncio.sleep(1)
            seen.append(f"tick {time.monotonic():.0f}")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ticking = asyncio.ensure_future(ticks())
        ends = await asyncio.gather(
            asyncio.to_thread(works, 2.5),
            loop.run_in_executor(None, works, 1.5),
        )
        seen.append([round(end, 3) for end in ends])
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            assert await loop.run_in_executor(pool, sum, [1, 2, 3]) == 6
        await ticking

    outputs = []
    for _ in range(2):
        seen.clear()
        with World() as world:
            world.add(main)
            world.run()
            outputs.append((list(seen), world.now_s))
    assert outputs[0] == outputs[1]
    assert outputs[0][0] == ["tick 1", "tick 2", [2.5, 1.5], "tick 3", "tick 4"]


def test_asyncio_run_waits_for_its_threads() -> None:
    ended_s: list[float] = []

    def works() -> None:
        time.sleep(7)
        ended_s.append(time.monotonic())

    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, works)

    def program() -> None:
        asyncio.run(main())
        assert ended_s == pytest.approx([7], abs=0.001)
        assert time.monotonic() == pytest.approx(7, abs=0.001)

    with World() as world:
        world.add(program)
        world.run()


def test_loops_in_threads_of_a_program() -> None:
    times: dict[str, list[int]] = {"one": [], "other": []}

    async def ticks(name: str) -> None:
        for _ in range(5):
            await asyncio.sleep(1)
            times[name].append(round(time.monotonic()))
        assert _bleio.adapter.name

    def program() -> None:
        threads = [
            threading.Thread(target=asyncio.run, args=[ticks(name)]) for name in ("one", "other")
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.25)

    with World() as world:
        world.add(program)
        world.run()
    assert times == {"one": [1, 2, 3, 4, 5], "other": [1, 2, 3, 4, 5]}


def test_a_thread_wakes_a_loop() -> None:
    async def main() -> None:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(event.set))
        thread.start()
        await asyncio.wait_for(event.wait(), 1e6)
        thread.join()

    with World() as world:
        world.add(main)
        world.run(within_s=float("inf"))


BOARD = """
import asyncio
import asyncio.core
from asyncio.event import Event
import time

flag = asyncio.ThreadSafeFlag()

async def interrupts():
    for _ in range(2):
        await asyncio.sleep_ms(1500)
        flag.set()

async def waits():
    for _ in range(2):
        await flag.wait()
        print("flag at", round(time.monotonic(), 1))

async def never():
    await Event().wait()

async def main():
    ticking = asyncio.create_task(interrupts())
    await asyncio.gather(waits(), ticking)
    try:
        await asyncio.wait_for_ms(never(), 500)
    except asyncio.TimeoutError:
        print("late at", round(time.monotonic(), 1))
    print(asyncio.core.ticks() // 1000, asyncio.core.current_task() is asyncio.current_task())

loop = asyncio.get_event_loop()
loop.run_until_complete(main())
asyncio.new_event_loop()
asyncio.run(asyncio.core.sleep_ms(500))
print("end at", round(time.monotonic(), 1))
"""


def test_what_circuitpythons_asyncio_has() -> None:
    with World() as world:
        device = world.add(source=BOARD)
        world.run()
    assert device.text == "flag at 1.5\nflag at 3.0\nlate at 3.5\n3 True\nend at 4.0\n"


def test_names_of_exceptions_are_those_of_the_test() -> None:
    async def main() -> None:
        try:
            await asyncio.wait_for(asyncio.sleep(10), 1)
        except kinds[0]:
            print("late")
        task = asyncio.ensure_future(asyncio.sleep(10))
        task.cancel()
        try:
            await task
        except kinds[1]:
            print("cancelled")
        assert isinstance(task, kinds[2])

    kinds: list[Any] = [asyncio.TimeoutError, asyncio.CancelledError, asyncio.Task]
    with World() as world:
        device = world.add(main)
        world.run()
    assert device.text == "late\ncancelled\n"
