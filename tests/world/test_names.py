"""Devices are meant by themselves or by their names, and a wrong name says what was meant."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from bleio.testing import World, WorldError
from bleio.testing.naming import suggestion


def test_a_wrong_name_says_what_was_meant() -> None:
    with World() as world:
        for name in ("sensor", "reader"):
            world.add(source="", name=name)
        assert world["sensor"] is world.devices["sensor"]
        with pytest.raises(KeyError) as caught:
            world["sensr"]
        assert str(caught.value) == "There is no device 'sensr'; did you mean 'sensor'?"
        assert isinstance(caught.value, WorldError)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        with pytest.raises(KeyError, match="no device 'xyz'; there are 'sensor', 'reader'"):
            world.rssi_dbm("sensor", "xyz")
        assert world.devices.get("xyz") is None


def test_what_is_no_device_of_this_world() -> None:
    with World() as world, World() as other:
        sensor = world.add(source="", name="sensor")
        other.add(source="", name="sensor")
        with pytest.raises(ValueError, match="another world"):
            other.rssi_dbm(sensor, "sensor")
        with pytest.raises(TypeError, match="not as 3"):
            world.rssi_dbm(3, sensor)  # type: ignore[arg-type]


def test_suggestions_are_short() -> None:
    assert suggestion("x", []) == "; there is none yet"
    assert suggestion("x", ["aa", "bb"]) == "; there are 'aa', 'bb'"
    many = suggestion("x", [f"device-{number}" for number in range(1000)])
    assert many.endswith("'device-19' and 980 more")


def test_names_of_files_are_escaped_where_they_cannot_be_shown(tmp_path: Path) -> None:
    """Each line of output and of a report begins with them."""
    program = tmp_path / "a\u202eb\x1b[2J.py"
    program.write_text("print('ran')")
    with World() as world:
        assert world.add(program).name == "a\\u202eb\\x1b[2J"
        assert world.add(program).name == "a\\u202eb\\x1b[2J-2"
