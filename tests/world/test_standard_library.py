"""What a device has of the standard library for itself: time, chance, arguments and streams."""

from __future__ import annotations

import copy
import datetime as dates
import functools
import logging
import os
import pickle
import random
import secrets
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from os import environ, urandom
from random import Random, randint
from secrets import choice, token_hex
from typing import Any
from uuid import uuid4

import pytest

from bleio.testing import World

START = datetime(2025, 1, 1)
UTC = timezone.utc


class Stamp(datetime):
    """A class of a test that is a library's."""

    def day_before(self) -> Stamp:
        return self - timedelta(days=1)


KINDS = (datetime, dates.date, Stamp)


def run(program: Callable[..., object] | None = None, *, seed: int = 0, **options: Any) -> str:
    with World(seed) as world:
        device = world.add(program, name="one", **options)
        world.run(within_s=86400)
        return device.text


@pytest.fixture(autouse=True)
def far_away(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine's time zone must make no difference."""
    tzset = getattr(time, "tzset", lambda: None)  # Windows has none
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    tzset()
    yield
    monkeypatch.undo()
    tzset()


# Dates


def test_now_is_simulated_time() -> None:
    seen: list[Any] = []

    def program() -> None:
        time.sleep(3600)
        for moment in (datetime.now(), datetime.today(), dates.datetime.utcnow()):
            assert START < moment - timedelta(hours=1) < START + timedelta(seconds=1)
            assert moment.tzinfo is None
            assert abs(moment.timestamp() - time.time()) < 0.001
            assert moment.astimezone().utcoffset() == timedelta(0)
        east = datetime.now(timezone(timedelta(hours=5)))
        assert (east.hour, east.day) == (6, 1)
        assert east - datetime.now(UTC) < timedelta(seconds=1)
        assert east.timestamp() == pytest.approx(time.time(), abs=0.001)
        assert dates.date.today() == dates.date(2025, 1, 1) == datetime.now().date()
        assert datetime.fromtimestamp(0) == datetime(1970, 1, 1)
        assert dates.date.fromtimestamp(0) == dates.date(1970, 1, 1)
        assert datetime.fromtimestamp(0, UTC).timestamp() == 0
        assert time.mktime(datetime.now().timetuple()) == int(time.time())
        assert time.localtime().tm_hour == time.gmtime().tm_hour == 1
        seen.extend((datetime.now(), dates.date.today(), Stamp.now().day_before()))

    run(program)
    assert [type(each) == kind for each, kind in zip(seen, KINDS, strict=True)] == [True] * 3  # noqa: E721
    assert all(isinstance(each, dates.date) for each in seen)
    assert isinstance(seen[0], datetime)
    assert isinstance(seen[2], Stamp)
    assert START + timedelta(hours=1) <= seen[0] < START + timedelta(hours=2)
    assert seen[2].day == 31
    assert (seen[0] - START).total_seconds() == pytest.approx(3600, abs=0.1)


def test_moments_show_themselves_and_are_pickled_as_usual() -> None:
    seen: list[Any] = []

    def program() -> None:
        moment = datetime(2025, 3, 4, 5, 6, 7, 8, tzinfo=UTC, fold=1)
        for each in (moment, dates.date(2025, 3, 4)):
            assert copy.copy(each) is copy.deepcopy(each) is each
            seen.extend((each, repr(each), pickle.loads(pickle.dumps(each)), str(each)))

        class Mine(datetime):
            pass

        assert repr(Mine(2025, 1, 1)) == "Mine(2025, 1, 1, 0, 0)"
        assert isinstance(Mine.now(), Mine)
        assert isinstance(Mine.now() + timedelta(1), datetime)
        assert not isinstance(moment, Mine)
        assert not issubclass(datetime, Mine)
        assert issubclass(Mine, datetime)
        assert issubclass(datetime, dates.date)

    run(program)
    real = datetime(2025, 3, 4, 5, 6, 7, 8, tzinfo=UTC, fold=1)
    day = dates.date(2025, 3, 4)
    for each, seen_as in ((real, seen[:4]), (day, seen[4:])):
        assert seen_as == [each, repr(each), each, str(each)]
        assert type(seen_as[2]) is type(each)
        assert pickle.loads(pickle.dumps(seen_as[0])) == each
        assert hash(seen_as[0]) == hash(each)
    assert seen[0].fold == 1


def test_what_goes_by_the_type_of_a_moment_finds_it() -> None:
    by_type = {datetime: "moment", dates.date: "day"}

    @functools.singledispatch
    def kind(value: object) -> str:
        return "other"

    @kind.register(datetime)
    def _(value: object) -> str:
        return "moment"

    def program(table: Any) -> None:
        assert type(datetime.now()) == datetime  # noqa: E721
        assert type(datetime.now()) is datetime
        assert {datetime: 1}[type(datetime.now())] == 1
        assert isinstance(START, datetime)
        match dates.date.today():
            case datetime():
                raise AssertionError
            case dates.date():
                pass
        print(by_type[type(datetime.now())], by_type[type(dates.date.today())])
        print(datetime.now() > START, datetime.now() > START, datetime(2025, 1, 1) == START)

    assert run(program, args=(by_type,)) == "moment day\nTrue True True\n"
    assert kind(START) == "moment"


def test_a_source_has_the_same() -> None:
    text = run(
        source="from datetime import datetime, date\nimport datetime as dates, time\n"
        "time.sleep(43200)\n"
        "print(datetime.now(), date.today(), dates.date.today(), f'{datetime.now():%H:%M}')\n"
        "print(datetime.strptime('2024', '%Y').timestamp(), datetime.fromisoformat('2024-01-01'))\n"
    )
    assert text.splitlines() == [
        "2025-01-01 12:00:00.000020 2025-01-01 2025-01-01 12:00",
        "1704067200.0 2024-01-01 00:00:00",
    ]


# Chance


def draws() -> None:
    print(uuid4(), uuid.uuid1(), uuid.uuid4().int, uuid.getnode())
    print(urandom(4).hex(), os.urandom(4).hex(), token_hex(4), secrets.token_urlsafe(4))
    print(choice(range(99)), secrets.randbelow(99), secrets.choice(range(99)), secrets.randbits(9))
    print(randint(0, 99), random.random(), random.choice(range(99)), Random().random())
    print(random.SystemRandom().random(), random.SystemRandom().choice(range(99)))
    random.seed()
    print(random.random(), Random(1).random() == Random(1).random())
    if hasattr(os, "getrandom"):
        print(os.getrandom(3).hex())


def test_what_is_random_comes_of_the_seed() -> None:
    here = random.getstate()
    first, again, other = run(draws), run(draws), run(draws, seed=1)
    assert first == again
    assert random.getstate() == here
    one, two = (set(text.split()) - {"True"} for text in (first, other))
    assert len(one & two) < 8  # small numbers may be equal
    with World() as world:
        devices = [world.add(draws) for _ in range(2)]
        world.run()
        assert devices[0].text != devices[1].text


def test_another_start_draws_other_numbers() -> None:
    def program() -> None:
        print(uuid4(), random.random(), token_hex())

    with World() as world:
        device = world.add(program)
        for _ in range(3):
            world.run()
            device.power_on()
        world.run()
        assert len(set(device.text.split())) == 12


def test_random_objects_are_those_of_the_test_too() -> None:
    seen: list[Any] = []

    def program() -> None:
        assert isinstance(Random(), random.Random)
        assert isinstance(random.SystemRandom(), Random)
        assert pickle.loads(pickle.dumps(Random(5))).random() == Random(5).random()
        with pytest.raises(ValueError, match="non-negative"):
            random.SystemRandom().getrandbits(-1)
        with pytest.raises(ValueError, match="negative"):
            os.urandom(-1)
        seen.extend((Random(5), uuid4(), random.SystemRandom()))

    run(program)
    assert isinstance(seen[0], Random)
    assert seen[0].random() == Random(5).random()
    assert isinstance(seen[1], uuid.UUID)
    assert (seen[1].version, seen[1].variant) == (4, uuid.RFC_4122)
    assert isinstance(seen[2], random.SystemRandom)


def test_a_uuid_by_time_has_simulated_time() -> None:
    def program() -> None:
        time.sleep(10)
        made = [uuid.uuid1() for _ in range(3)]
        assert len(set(made)) == 3
        since_1582 = dates.timedelta(microseconds=made[0].time // 10)
        print(datetime(1582, 10, 15) + since_1582, made[0].node == uuid.getnode())

    assert run(program).startswith("2025-01-01 00:00:10.000020 True")


# Streams and arguments


def test_what_writes_to_streams_writes_to_the_devices(capfd: pytest.CaptureFixture[str]) -> None:
    def program() -> None:
        import pprint

        logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger("mine").warning("low")
        pprint.pprint({1: 2})
        try:
            raise ValueError("bad")
        except ValueError:
            traceback.print_exc()

    text = run(program)
    assert text.startswith("2025-01-01 00:00:00,000 WARNING low\n{1: 2}\nTraceback")
    assert text.endswith("ValueError: bad\n")
    assert not logging.getLogger().handlers or all(
        handler.stream is not sys.stdout
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler)
    )
    assert capfd.readouterr() == ("", "")


def test_a_devices_logging_is_its_own() -> None:
    source = (
        "import logging, {module}\nlogging.basicConfig(level='{level}', format='%(message)s')\n"
        "logging.info('info')\nlogging.error('error')\n"
    )
    with World() as world:
        loud = world.add(source=source.format(module="os", level="INFO"))
        quiet = world.add(source=source.format(module="sys", level="ERROR"))
        world.run()
        assert (loud.text, quiet.text) == ("info\nerror\n", "error\n")


def test_arguments_are_found_by_what_looks_for_them() -> None:
    text = run(
        source="import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--fast', action='store_true')\nprint(parser.parse_args())\n",
        argv=["--fast"],
    )
    assert text == "Namespace(fast=True)\n"


def test_a_wrong_argument_ends_a_program_as_in_a_process() -> None:
    with World() as world:
        device = world.add(
            source="import argparse\nargparse.ArgumentParser(prog='echo').parse_args()",
            argv=["--nonsense"],
        )
        with pytest.raises(Exception, match="exit code 2"):
            world.run()
        assert device.text.startswith("usage: echo [-h]\necho: error: unrecognized arguments")


def test_print_writes_where_the_program_has_put_its_stdout() -> None:
    def program() -> None:
        import io

        before, sys.stdout = sys.stdout, io.StringIO()
        print("kept")
        kept, sys.stdout = sys.stdout.getvalue(), before
        sys.stdout.write(kept.upper())
        sys.stdout = None  # type: ignore[assignment]
        print("nowhere")
        sys.stdout = before

    assert run(program) == "KEPT\n"


def test_functions_of_a_module_do_not_become_methods() -> None:
    """Those in C do not, so that classes have them as attributes."""

    class Clock:
        now = time.monotonic
        draw = os.urandom
        say = print

    def program() -> None:
        class Inner:
            now, draw, say, local = time.monotonic, os.urandom, print, time.localtime

        inner = Inner()
        inner.say(inner.now() < 1, len(inner.draw(3)), inner.local(0).tm_year)

    assert Clock().now() > 0
    assert run(program) == "True 3 1970\n"


# The end


def test_what_is_to_be_done_at_the_end_is_done_before_the_radio_goes() -> None:
    source = (
        "import atexit, _bleio\n"
        "def end(what, *, mark=''):\n"
        "    print(what, _bleio.adapter.advertising, mark)\n"
        "def fails():\n    raise ValueError('late')\n"
        "atexit.register(end, 'first', mark='!')\n"
        "@atexit.register\ndef gone(): print('never')\n"
        "atexit.unregister(gone)\n"
        "atexit.register(fails)\n"
        "atexit.register(end, 'last')\n"
        "_bleio.adapter.start_advertising(b'', connectable=False)\n"
        "{end}"
    )
    text = run(source=source.format(end=""))
    assert text.startswith("last True \nException ignored in atexit callback <function fails")
    assert text.endswith("ValueError: late\nfirst True !\n")
    with World() as world:
        device = world.add(source=source.format(end="import sys\nsys.exit(0)"))
        world.run()
        assert device.text.endswith("first True !\n")


def test_clocks_by_number_are_simulated() -> None:
    if not hasattr(time, "clock_gettime"):
        pytest.skip("no such function here")

    def program() -> None:
        time.sleep(5)
        print(round(time.clock_gettime(time.CLOCK_MONOTONIC)))
        print(round(time.clock_gettime(time.CLOCK_REALTIME)) == round(time.time()))
        print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 10**9, os.times().elapsed // 1)
        print(time.timezone, time.tzname, environ is os.environ)

    assert run(program).splitlines() == ["5", "True", "5 5.0", "0 ('UTC', 'UTC') True"]


def test_libraries_that_look_for_arguments_find_them() -> None:
    text = run(
        source="import click\n"
        "@click.command()\n@click.option('--fast', is_flag=True)\n@click.argument('n', type=int)\n"
        "def main(fast, n):\n    click.echo(f'{fast} {n}')\n"
        "main(standalone_mode=False)\n",
        argv=["--fast", "3"],
    )
    assert text == "True 3\n"


def test_classes_of_a_test_that_are_a_librarys_are_the_devices() -> None:
    text = run(draws_by_classes)
    assert text == run(draws_by_classes)
    numbers = text.split()
    assert numbers[0] == str(Random(5).random())
    assert numbers[2:] == ["True", "2025-01-01", "Stamp", "True"]


class Jitter(Random):
    """A class of a test that is a library's."""


def draws_by_classes() -> None:
    print(Jitter(5).random(), Jitter().random(), isinstance(Jitter(), Random))
    print(Stamp.now().date(), type(Stamp.now()).__name__, isinstance(Stamp.now(), datetime))


def test_what_a_shared_module_does_with_a_moment() -> None:
    """Adapters of sqlite3 go by the very type."""
    if sys.version_info >= (3, 12):
        pytest.skip("deprecated since 3.12")
    text = run(
        source="import sqlite3\nfrom datetime import datetime\n"
        "base = sqlite3.connect(':memory:')\nbase.execute('create table seen (at)')\n"
        "base.execute('insert into seen values (?)', (datetime.now(),))\n"
        "print(*base.execute('select at from seen').fetchone())\nbase.close()\n"
    )
    assert text == "2025-01-01 00:00:00.000020\n"
