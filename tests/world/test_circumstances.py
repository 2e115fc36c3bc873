"""What a program is run with: arguments, `sys.argv`, environment, and where it is found."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bleio.testing import World


def tells(*args: Any, **kwargs: Any) -> None:
    print(args, dict(sorted(kwargs.items())), sys.argv[1:], os.environ.get("MODE"))


def text_of(*args: Any, **kwargs: Any) -> str:
    with World() as world:
        device = world.add(*args, **kwargs)
        world.run()
        return device.text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (((1, 2),), "(1, 2) {} [] None\n"),
        (([1, 2],), "(1, 2) {} [] None\n"),
        (((), {"b": 2, "a": 1}), "() {'a': 1, 'b': 2} [] None\n"),
        ((("x",), {"source": 3}), "('x',) {'source': 3} [] None\n"),
    ],
)
def test_a_function_has_arguments_as_that_of_a_thread(given: tuple[Any, ...], told: str) -> None:
    assert text_of(tells, *given) == told


def test_arguments_by_name_are_exchanged_too() -> None:
    def calls(*, function: Any) -> None:
        function(3)

    assert text_of(calls, kwargs={"function": tells}) == "(3,) {} [] None\n"


def test_arguments_are_the_same_after_another_start() -> None:
    with World() as world:
        device = world.add(tells, (1,), {"a": 2}, argv=["x"], env={"MODE": "fast"})
        world.run()
        device.power_on()
        world.run()
        assert device.text == "(1,) {'a': 2} ['x'] fast\n" * 2


def test_a_file_has_argv_and_environment(tmp_path: Path) -> None:
    program = tmp_path / "echo.py"
    program.write_text(
        "import argparse, os, sys\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--fast', action='store_true')\n"
        "parser.add_argument('count', type=int)\n"
        "print(parser.parse_args(sys.argv[1:]), os.getenv('MODE'), sys.argv[0])\n"
    )
    said = text_of(program, argv=["--fast", "3"], env={"MODE": "loud"})
    assert said == f"Namespace(fast=True, count=3) loud {program}\n"
    assert "MODE" not in os.environ


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"argv": "--fast"}, TypeError, "argv is a list of texts, such as argv="),
        ({"argv": [1]}, TypeError, "argv is a list"),
        ({"argv": Path("x")}, TypeError, "argv is a list"),
        ({"env": {"A": 1}}, TypeError, "env has texts by name"),
        ({"env": {"A=B": "c"}}, ValueError, "No environment can have 'A=B'"),
        ({"env": {"": "c"}}, ValueError, "No environment can have ''"),
        ({"args": 1}, TypeError, "as threading.Thread does"),
        ({"args": "name"}, TypeError, "as threading.Thread does"),
        ({"kwargs": [1]}, TypeError, "as threading.Thread does"),
        ({"env": 5}, TypeError, "env has texts by name, such as .*, not 5"),
        ({"env": ["A=b"]}, TypeError, "env has texts by name"),
        ({"name": 3}, TypeError, "name is a text, not 3"),
        ({"name": ""}, ValueError, "printed in a line; '' cannot"),
        ({"name": " "}, ValueError, "printed in a line; ' ' cannot"),
        ({"name": "two\nlines"}, ValueError, "printed in a line; .* cannot"),
    ],
)
def test_what_a_program_cannot_be_run_with(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with World() as world, pytest.raises(error, match=message):
        world.add(tells, **options)


def test_what_is_no_program() -> None:
    with World() as world:
        with pytest.raises(TypeError, match="not 3"):
            world.add(3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="Only functions have arguments"):
            world.add(source="", kwargs={"a": 1})


def test_an_environment_is_the_devices_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED", "process")
    monkeypatch.setenv("GONE", "process")

    def program() -> None:
        from os import environ

        assert environ is os.environ
        assert os.getenv("GONE") is None
        assert os.environ["SHARED"] == "process"
        os.environ["SHARED"] = "device"
        os.environ.update(NEW="one")
        assert os.getenv("NEW") == "one"
        assert {**os.environ}["SHARED"] == "device"
        assert os.environ.copy()["NEW"] == (os.environ | {})["NEW"] == "one"
        del os.environ["NEW"]
        with pytest.raises(KeyError):
            os.environ["NEW"]
        with pytest.raises(TypeError):
            os.environ["NEW"] = 1  # type: ignore[assignment]
        if hasattr(os, "environb"):
            assert os.environb[b"SHARED"] == b"device"
            os.environb[b"NEW"] = b"\xff"
            assert os.environ["NEW"] == "\udcff"
            assert os.getenvb(b"NEW") == b"\xff"
        assert "SHARED" in os.environ
        assert 3 not in os.environ

    def other() -> None:
        assert os.environ["SHARED"] == "process"
        assert "NEW" not in os.environ

    with World() as world:
        world.add(program, env={"GONE": None})
        world.add(other, start_s=1)
        world.run()
    assert os.environ["SHARED"] == "process"
    assert "NEW" not in os.environ


# Where programs are


def test_a_program_is_found_in_the_worlds_folder_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("tests", "elsewhere"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "both.py").write_text(f"print({folder!r})")
    (tmp_path / "elsewhere" / "one.py").write_text("print('only here')")
    monkeypatch.chdir(tmp_path / "elsewhere")
    with World(folder=tmp_path / "tests") as world:
        both, one = world.add("both.py"), world.add("one.py")
        world.run()
        assert (both.text, one.text) == ("tests\n", "only here\n")
    with World() as world:
        both = world.add("both.py")
        world.run()
        assert both.text == "elsewhere\n"


def test_the_places_where_a_program_was_looked_for_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    with World(folder=tmp_path) as world, pytest.raises(FileNotFoundError) as caught:
        world.add("sensor.py")
    first, second = tmp_path / "sensor.py", tmp_path / "current" / "sensor.py"
    assert str(caught.value) == (
        f"There is no program 'sensor.py': nothing is at {str(first)!r} and {str(second)!r}"
    )


# Paths


def test_a_path_begins_now() -> None:
    with World(distance_m=1) as world:
        walker = world.add(source="import time\ntime.sleep(20)", path=[(0, (5, 0)), (10, (15, 0))])
        assert walker.position == (5, 0, 0)
        assert world.now_s == 0
        world.run_for(5)
        assert walker.position[0] == pytest.approx(10, abs=0.2)
        world.run(until=12)
        assert walker.position == (15, 0, 0)
        walker.move_along([(12, (1, 1)), (13, (2, 1))])
        assert walker.position == (1, 1, 0)
        world.run(until=14)
        assert walker.position == (2, 1, 0)


def test_a_path_that_begins_later_begins_where_the_device_is() -> None:
    with World(distance_m=3) as world:
        world.add(source="")
        walker = world.add(source="", path=[(10, (13, 0))])
        placed = world.add(source="", position=(0, 5), path=iter([(10, (10, 5))]))
        world.run(until=5)
        assert walker.position[0] == pytest.approx(8, abs=0.2)
        assert placed.position[:2] == (pytest.approx(5, abs=0.2), 5)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ([], "at least one"),
        ([(1, (0, 0)), (1, (1, 0))], "must grow"),
        ([(0.5, (0, 0))], "begins in the past: at 0.5 s, and it is 1.000000 s"),
        ([(0, 5)], "A position is two or three numbers of metres, not 5"),
        ([(0, (1, 2, 3, 4))], "A position is two or three numbers"),
        ([(0, "ab")], "A position is two or three numbers of metres, not 'ab'"),
        ([(float("nan"), (0, 0))], "number of seconds"),
        ([(float("inf"), (0, 0))], "number of seconds"),
    ],
)
def test_paths_that_cannot_be(path: Any, message: str) -> None:
    with World(distance_m=1) as world:
        world.run_for(1)
        with pytest.raises(ValueError, match=message):
            world.add(source="", path=path)
        assert not world.devices


def test_a_path_matters_only_where_distances_do() -> None:
    with World() as world, pytest.raises(ValueError, match="distance_m"):
        world.add(source="", path=[(0, (0, 0))])
