"""What a device can be given as its program, and what of it is the device's own."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bleio.testing import DeviceBlocked, World
from support.patience import PATIENCE_S

NAP_S = 30.0


def nap() -> str:
    time.sleep(NAP_S)
    print("napped")
    return f"at {time.monotonic():.0f} s"


class Napper:
    """A helper as tests have them."""

    naps = 0

    def __init__(self) -> None:
        self.said: list[str] = []
        self.last = ""

    def nap(self) -> None:
        time.sleep(NAP_S)
        print("napped")
        self.last = f"at {time.monotonic():.0f} s"
        self.said.append(self.last)
        Napper.naps += 1

    def nap_by_another(self) -> None:
        self.nap()

    __call__ = nap

    @staticmethod
    def nap_statically() -> str:
        return nap()

    @classmethod
    def nap_by_class(cls) -> str:
        return cls.nap_statically()

    @property
    def nap_as_property(self) -> str:
        return nap()

    @functools.cached_property
    def cached_nap(self) -> str:
        return nap()


class Heir(Napper):
    """Has a base of the test's own."""

    def nap(self) -> None:
        super().nap()
        self.said.append("heir")


def twice_called(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **keywords: Any) -> Any:
        return function(*args, **keywords)

    return wrapper


@contextlib.contextmanager
def napping() -> Iterator[str]:
    yield nap()


class Decorator:
    """Holds the function that it decorates."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self) -> None:
        self.function()


class Holder:
    """Has a helper of its own."""

    def __init__(self) -> None:
        self.napper = Napper()

    def run(self) -> None:
        self.napper.nap()


@Decorator
def decorated_by_object() -> None:
    nap()


@twice_called
def decorated() -> str:
    return nap()


@functools.lru_cache
def cached() -> str:
    return nap()


BY_NAME = {"nap": nap, "decorated": decorated}
IN_ROW = [(nap, "x")]
THE_NAPPER = Napper()


def takes(function: Callable[[], Any]) -> None:
    function()


def calls_dictionary() -> None:
    BY_NAME["nap"]()


def calls_list() -> None:
    IN_ROW[0][0]()


def makes_helper() -> None:
    Napper().nap_by_another()


def makes_heir() -> None:
    heir = Heir()
    heir.nap()
    assert heir.said == ["at 30 s", "heir"]


def uses_helper() -> None:
    THE_NAPPER.nap()


def uses_context() -> None:
    with napping():
        pass


def by_default(function: Callable[[], Any] = nap) -> None:
    function()


def closes_over(function: Any) -> Callable[[], None]:
    def inner() -> None:
        function()

    return inner


PROGRAMS: dict[str, tuple[Any, ...]] = {
    "function": (nap,),
    "lambda": (lambda: nap(),),
    "bound method": (Napper().nap,),
    "bound method that calls another": (Napper().nap_by_another,),
    "method of an heir": (Heir().nap,),
    "class method": (Napper.nap_by_class,),
    "static method": (Napper.nap_statically,),
    "object to call": (Napper(),),
    "partial": (functools.partial(nap),),
    "partial with an argument": (functools.partial(takes, nap),),
    "partial of a method": (functools.partial(Napper().nap),),
    "argument": (takes, nap),
    "argument that is a method": (takes, Napper().nap),
    "decorated": (decorated,),
    "decorated by an object": (decorated_by_object,),
    "calls what is decorated by an object": (lambda: decorated_by_object(),),
    "object in an object": (Holder().run,),
    "cached": (cached,),
    "context": (uses_context,),
    "in a dictionary": (calls_dictionary,),
    "in a list": (calls_list,),
    "class": (makes_helper,),
    "heir": (makes_heir,),
    "object of the module": (uses_helper,),
    "property": (lambda: Napper().nap_as_property,),
    "cached property": (lambda: Napper().cached_nap,),
    "default": (by_default,),
    "closure": (closes_over(nap),),
    "closure over a method": (closes_over(Napper().nap),),
    "closure over an object": (closes_over(Napper()),),
    "closure over what is decorated": (closes_over(decorated),),
    "real sleep itself": (takes, functools.partial(time.sleep, NAP_S)),
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_all_that_a_program_calls_goes_by_the_devices_time(kind: str) -> None:
    start_s = time.monotonic()
    with World() as world:
        device = world.add(PROGRAMS[kind][0], PROGRAMS[kind][1:])
        world.run()
        assert world.now_s == pytest.approx(NAP_S, abs=0.01)
        assert device.text == ("" if "itself" in kind else "napped\n")
    assert time.monotonic() - start_s < NAP_S


def test_what_a_program_leaves_on_its_objects_is_seen() -> None:
    napper = Heir()
    before = Napper.naps
    with World() as world:
        world.add(napper.nap)
        world.run()
    assert (napper.said, napper.last) == (["at 30 s", "heir"], "at 30 s")
    assert Napper.naps == before + 1


@dataclass
class Reading:
    """A result with a method that needs the device's time."""

    number: int
    at_s: float = field(default=0.0, compare=False)

    def taken(self) -> Reading:
        self.at_s = time.monotonic()
        return self


class Odd(Exception):
    """A failure with a method that prints."""

    def show(self) -> None:
        print(self)


def test_what_a_program_hands_back_is_of_the_tests_classes() -> None:
    readings: list[Any] = []

    def program(earlier: Reading) -> None:
        time.sleep(2)
        readings.append(Reading(1).taken())
        try:
            raise Odd("three")
        except Odd as error:
            error.show()
            readings.append(error)
        assert isinstance(earlier, Reading)
        assert isinstance(readings[0], Reading)
        assert not isinstance(3, Reading)

        class Local(Reading):
            """Made by the program."""

        Local.where = "local"  # type: ignore[attr-defined]
        assert isinstance(Local(1), Reading)
        assert not isinstance(readings[0], Local)
        assert Local(4) == Local(4) != Reading(4)

    with World() as world:
        device = world.add(program, (Reading(0),))
        world.run()
        assert device.text == "three\n"
    assert readings[0] == Reading(1)
    assert repr(readings[0]).startswith("Reading(number=1, at_s=2.0")
    assert readings[0].at_s == pytest.approx(2, abs=0.01)
    assert isinstance(readings[0], Reading)
    assert isinstance(readings[1], Odd)
    assert not hasattr(Reading, "where")
    assert {Reading(1).__class__, readings[0].__class__} == {Reading}


def test_what_a_program_assigns_to_the_variables_of_a_test_is_seen() -> None:
    count, seen = 0, []

    def program() -> None:
        nonlocal count, seen
        count += 1
        seen += [nap()]

    with World() as world:
        world.add(program)
        world.run()
    assert (count, seen) == (1, ["at 30 s"])


def test_results_are_seen_also_after_another_start() -> None:
    readings: list[Reading] = []

    def program() -> None:
        readings.append(Reading(len(readings)).taken())

    with World() as world:
        device = world.add(program)
        world.run()
        world.run_for(1)
        device.power_on()
        world.run()
    assert readings == [Reading(0), Reading(1)]


def test_a_closed_over_function_that_calls_itself() -> None:
    def down(number: int) -> None:
        time.sleep(1)
        if number > 1:
            down(number - 1)

    with World() as world:
        world.add(down, (5,))
        world.run()
        assert world.now_s == pytest.approx(5, abs=0.01)


async def yields() -> AsyncIterator[int]:
    yield 1


def generates() -> Iterator[int]:
    yield 1


class Generates:
    """A generator method to call."""

    def __call__(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize(
    "program",
    [yields, generates, Generates(), functools.partial(yields), Generates().__call__],
)
def test_a_program_that_a_call_does_not_run_is_refused(program: Callable[[], Any]) -> None:
    with World() as world:
        with pytest.raises(TypeError, match="cannot be"):
            world.add(program)
        assert not world.devices


def test_names_of_devices_are_those_of_what_they_run() -> None:
    with World() as world:
        devices = [world.add(each) for each in (functools.partial(nap), Napper().nap, Napper())]
        assert [device.name for device in devices] == ["nap", "nap-2", "Napper"]


class Hidden:
    """Holds an object where it is not looked for."""

    naps = (Napper(),)


@pytest.mark.parametrize("nap_s", [0.001, 0.01, 30])  # many short ones are specialised
def test_a_program_that_sleeps_by_the_real_clock_is_named(
    nap_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def naps() -> None:
        while True:
            Hidden.naps[0].nap()

    monkeypatch.setattr(f"{__name__}.NAP_S", nap_s)
    start_s = time.monotonic()
    with World() as world:
        world.add(naps)
        with pytest.raises(DeviceBlocked, match=r"naps waits by the real clock") as raised:
            world.run(within_s=1e9)
        assert time.monotonic() - start_s < 25  # at once, but machines may be busy
    line = Napper.nap.__code__.co_firstlineno + 1
    assert f'File "{__file__}", line {line}, in nap' in str(raised.value)
    assert "time.sleep(NAP_S)" in str(raised.value)


def test_a_program_may_wait_for_another_process() -> None:
    import subprocess
    import sys

    def waits_for_a_process() -> None:
        command = [sys.executable, "-c", "import time; time.sleep(0.4)"]
        subprocess.run(command, timeout=PATIENCE_S, check=True)

    with World(blocked_after_s=PATIENCE_S) as world:
        world.add(waits_for_a_process)
        world.run()
