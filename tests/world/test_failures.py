"""What a run of a world raises, and how much of the fault it tells."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable

import pytest

from bleio.errors import notes_of
from bleio.testing import DeviceBlocked, DeviceFailed, Stalled, World

SENSOR = """
import time
import _bleio
service = _bleio.Service(_bleio.UUID(0x180F))
_bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0x2A19), properties=_bleio.Characteristic.READ,
    read_perm=_bleio.Attribute.ENCRYPT_NO_MITM, initial_value=b"d", max_length=1)
_bleio.adapter.start_advertising(bytes((2, 1, 6)))
time.sleep(1000)
"""


def read_level() -> None:
    import _bleio

    found = next(iter(_bleio.adapter.start_scan()))
    connection = _bleio.adapter.connect(found.address, timeout=5)
    (service,) = connection.discover_remote_services((_bleio.UUID(0x180F),))
    (level,) = service.characteristics
    print(bytes(level.value))  # refused


def failed_reader(world: World) -> DeviceFailed:
    world.add(source=SENSOR, name="sensor")
    world.add(read_level, name="reader")
    with pytest.raises(DeviceFailed) as caught:
        world.run()
    return caught.value


def test_a_failure_names_device_time_line_and_seed() -> None:
    with World(seed=3) as world:
        error = failed_reader(world)
    assert re.fullmatch(
        r"reader failed at 0\.\d{6} s: SecurityError: Insufficient authentication", str(error)
    )
    assert error.device == "reader"
    place, seed = notes_of(error)
    assert re.fullmatch(
        r"at tests.world.test_failures\.py:\d+ in read_level: print\(bytes\(level\.value\)\).*",
        place,
    )
    assert seed == "The seed of this world is 3."


def test_the_devices_error_says_what_was_tried_and_names_the_peer() -> None:
    with World() as world:
        failed_reader(world)
        reader = world["reader"]
        assert reader.error is not None
        (note,) = notes_of(reader.error)
        assert note.startswith(
            "ATT error Insufficient Authentication (0x05) while reading characteristic"
            " Battery Level (0x2a19) at handle 0x0012 of sensor. The peer wants the link paired"
        )
        assert reader.error.inner.code == 0x05  # type: ignore[attr-defined]
        assert note in reader.text


def test_tracebacks_have_no_frames_of_ours() -> None:
    with World() as world:
        error = failed_reader(world)
        frames = traceback.extract_tb(error.__cause__.__traceback__)  # type: ignore[union-attr]
        assert [frame.name for frame in frames] == ["read_level"]
        assert world["reader"].text.count('File "') == 1
        assert world["reader"].text.count("Traceback (most recent call last)") == 1


def test_tracebacks_have_all_frames_where_that_is_asked_for() -> None:
    with World(full_trace=True) as world:
        error = failed_reader(world)
        frames = traceback.extract_tb(error.__cause__.__traceback__)  # type: ignore[union-attr]
        names = [frame.name for frame in frames]
        assert names[0] == "read_level"
        assert len(names) > 3
        assert "portal.py" in world["reader"].text


def test_frames_of_ours_between_those_of_a_program_are_hidden_too(tmp_path: object) -> None:
    with World() as world:
        folder = str(tmp_path)
        with open(f"{folder}/helper.py", "w", encoding="utf-8") as file:
            file.write("import _bleio\n_bleio.UUID('no')\n")
        with open(f"{folder}/main.py", "w", encoding="utf-8") as file:
            file.write("try:\n    {}['a']\nexcept KeyError:\n    import helper\n")
        world.add(f"{folder}/main.py")
        with pytest.raises(DeviceFailed):
            world.run()
        lines = re.findall(r'File ".*?(\w+\.py)", line (\d+)', world["main"].text)
        assert lines == [("main.py", "2"), ("main.py", "4"), ("helper.py", "2")]


def test_a_fault_of_the_stack_keeps_its_frames() -> None:
    def breaks() -> None:
        from bleio.gatt.model import cccd_of

        cccd_of(None)  # type: ignore[arg-type]

    with World() as world:
        world.add(breaks)
        with pytest.raises(DeviceFailed, match="AttributeError"):
            world.run()
        assert "in cccd_of" in world["breaks"].text


def wraps() -> None:
    try:
        read_level()
    except Exception as error:
        raise ValueError("no reading") from error


def gives_up() -> None:
    try:
        read_level()
    except Exception:
        sys.exit("no reading")


def raises_a_group() -> None:
    try:
        read_level()
    except Exception as error:
        group = OSError("two things")
        vars(group)["exceptions"] = (KeyError("a"), error)  # as of groups, which 3.10 has not
        raise group from None


@pytest.mark.parametrize("program", [wraps, gives_up, raises_a_group])
def test_what_is_behind_a_failure_is_told(program: Callable[[], None]) -> None:
    with World() as world:
        world.add(source=SENSOR, name="sensor")
        world.add(program)
        with pytest.raises(DeviceFailed) as caught:
            world.run()
        place, *behind, seed = notes_of(caught.value)
        assert f"in {program.__name__}: " in place
        summary, line, note = behind[-1].splitlines()
        assert summary == "Behind it: SecurityError: Insufficient authentication"
        assert "in read_level: print(bytes(level.value))" in line
        assert "Battery Level (0x2a19) at handle 0x0012 of sensor. The peer wants" in note
        assert seed.startswith("The seed")


def test_of_many_failures_behind_one_a_few_are_told() -> None:
    def fails() -> None:
        error = ValueError("many")
        vars(error)["exceptions"] = [KeyError(number) for number in range(7)]
        error.__context__ = error  # a circle
        raise error

    with World() as world:
        world.add(fails)
        with pytest.raises(DeviceFailed) as caught:
            world.run()
        assert notes_of(caught.value)[1:-1] == [
            "Behind it: KeyError: 0",
            "Behind it: KeyError: 1",
            "Behind it: 5 more",
        ]


def test_an_error_whose_attributes_raise_is_a_failure_as_any() -> None:
    class Odd(Exception):
        @property
        def exceptions(self) -> object:
            raise RuntimeError("gotcha")

    def fails() -> None:
        raise Odd("odd")

    with World() as world:
        world.add(fails)
        with pytest.raises(DeviceFailed, match="Odd: odd"):
            world.run()


def test_an_error_without_a_text_has_no_colon() -> None:
    def fails() -> None:
        raise ValueError

    with World() as world:
        world.add(fails)
        with pytest.raises(DeviceFailed, match=r"(?m)^fails failed at 0\.000000 s: ValueError$"):
            world.run()


def test_arguments_that_do_not_fit_have_no_line_to_show() -> None:
    with World() as world:
        world.add(read_level, (1, 2), name="reader")
        with pytest.raises(DeviceFailed, match="takes 0 positional arguments but 2") as caught:
            world.run()
        assert notes_of(caught.value) == ["The seed of this world is 0."]


def test_a_time_out_says_where_each_program_is() -> None:
    def sleeps() -> None:
        time.sleep(3)
        time.sleep(100)

    def spins() -> None:
        import _bleio

        time.sleep(2)
        while not _bleio.adapter.connected:
            pass

    def scans() -> None:
        import _bleio

        for _ in _bleio.adapter.start_scan():
            pass

    def ends() -> None:
        time.sleep(1)

    with World(seed=7) as world:
        for program in (sleeps, spins, scans, ends):
            world.add(program)
        world.add(ends, name="late", start_s=50)
        off = world.add(sleeps, name="off")
        world.run(until=1)
        off.power_off()
        with pytest.raises(TimeoutError) as caught:
            world.run(until=lambda: False, within_s=20)
    assert re.fullmatch(
        r"The condition \(tests.world.test_failures\.py:\d+\) did not come within 20 s of"
        r" simulated time; running: sleeps, spins, scans, late",
        str(caught.value),
    )
    places, seed = notes_of(caught.value)
    assert seed == "The seed of this world is 7."
    heading, *told = places.splitlines()
    assert re.fullmatch(r"At 21\.\d{6} s:", heading)
    here = r"tests.world.test_failures\.py:\d+ in"
    expected = [
        rf"  sleeps sleeps since 3\.0\d+ s until 103\.0\d+ s, at {here} sleeps: time\.sleep\(100\)",
        rf"  spins looks again and again since 2\.0\d+ s, at {here} spins:"
        r" while not _bleio\.adapter\.connected:",
        rf"  scans waits since 0\.\d+ s without limit, at {here} scans:"
        r" for _ in _bleio\.adapter\.start_scan\(\):",
        r"  ends has ended at 1\.\d+ s",
        r"  late starts at 50\.000000 s",
        r"  off has ended at 1\.\d+ s",
    ]
    assert len(told) == len(expected)
    for line, pattern in zip(told, expected, strict=True):
        assert re.fullmatch(pattern, line), line


async def takes(queue: asyncio.Queue[int]) -> int:
    return await queue.get()


async def polls() -> None:
    while True:
        await asyncio.sleep(0)


async def waits_in_tasks() -> None:
    tasks = [asyncio.create_task(takes(asyncio.Queue())) for _ in range(5)]
    await asyncio.gather(*tasks)


async def blocks() -> None:
    polling = asyncio.create_task(polls())
    time.sleep(40)
    await polling


def test_a_time_out_says_where_tasks_await() -> None:
    with World() as world:
        for program in (waits_in_tasks, polls, blocks):
            world.add(program)
        with pytest.raises(TimeoutError):
            world.run(lambda: False, within_s=5)
        waits, looks, sleeps = (world[each].where for each in ("waits_in_tasks", "polls", "blocks"))
    assert re.fullmatch(
        r"waits since 0\.\d+ s without limit, Task-1 at \S+ in waits_in_tasks: await"
        r" asyncio.gather.*; Task-2 at \S+ in takes: return await queue\.get\(\)"
        r"(; Task-\d at [^;]+){2}; 2 tasks more",
        waits,
    )
    assert re.search(r"^looks again and again .* in polls: await asyncio\.sleep\(0\)$", looks)
    assert re.search(r"^sleeps since .* in blocks: time\.sleep\(40\)$", sleeps)
    assert "base_events" not in waits + looks + sleeps


def test_the_end_of_programs_is_waited_for_ten_minutes() -> None:
    def sleeps() -> None:
        time.sleep(601)

    with World() as world:
        world.add(sleeps)
        with pytest.raises(TimeoutError, match=r"^The end of all programs .* within 600 s") as late:
            world.run()
        assert "sleeps sleeps since 0.0" in notes_of(late.value)[0]
        world.run()


def test_a_program_that_failed_before_says_so() -> None:
    with World() as world:
        world.add(source="1 / 0", name="bad")
        with pytest.raises(DeviceFailed):
            world.run()
        assert re.fullmatch(
            r"is ending; failed at 0\.\d+ s by ZeroDivisionError", world["bad"].where
        )
        world.run()
        assert world["bad"].where.startswith("has ended at 0.")


def test_who_blocks_and_who_waits_is_told() -> None:
    gate = threading.Lock()
    gate.acquire()

    def blocks() -> None:
        gate.acquire()

    def sleeps() -> None:
        time.sleep(100)

    world = World(blocked_after_s=0.3)
    world.add(sleeps)
    world.add(blocks, start_s=1)
    try:
        with pytest.raises(DeviceBlocked, match=r"(?s)in blocks\n.*gate\.acquire") as caught:
            world.run()
        assert "bleio" not in str(caught.value).partition("File")[2]
        places = notes_of(caught.value)[0]
        assert "blocks runs, at tests" in places
        assert "sleeps sleeps since 0.0" in places
        names = [frame.name for frame in traceback.extract_tb(caught.tb)]
        assert "until_turn" not in names
    finally:
        gate.release()
        world.close()


def test_a_world_that_stalls_says_where() -> None:
    def waits() -> None:
        import _bleio

        uart = _bleio.Characteristic.add_to_service(
            _bleio.Service(_bleio.UUID(0x1234)),
            _bleio.UUID(0x1235),
            properties=_bleio.Characteristic.WRITE,
        )
        _bleio.CharacteristicBuffer(uart, timeout=float(1 << 40)).read(1)

    with World() as world:
        world.add(waits)
        with pytest.raises((Stalled, TimeoutError)) as caught:
            world.run(within_s=5)
        assert "CharacteristicBuffer(uart" in notes_of(caught.value)[0]
