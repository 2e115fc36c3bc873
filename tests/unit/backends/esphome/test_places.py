"""Where proxies are, and their keys: adapter strings, the environment, a file of the user's."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from bleio.backends.os.esphome.places import (
    KEY_FILE,
    KEY_SETTING,
    MOST_PROXIES,
    Keys,
    Place,
    parse_places,
    read_keys,
)
from bleio.errors import CallerError, ControllerLost

KEYS = [base64.b64encode(bytes([number] * 32)).decode() for number in range(3)]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("kitchen.local", [Place("kitchen.local", 6053)]),
        ("192.168.1.20:6054", [Place("192.168.1.20", 6054)]),
        ("Kitchen, hall:1", [Place("kitchen"), Place("hall", 1)]),
        ("[fe80::1%eth0]:7000", [Place("fe80::1%eth0", 7000)]),
        ("[2001:db8::1]", [Place("2001:db8::1")]),
        ("2001:db8::1", [Place("2001:db8::1")]),
        ("hci-lab", [Place("hci-lab")]),
    ],
)
def test_places(text: str, places: list[Place]) -> None:
    assert parse_places(text) == places
    assert parse_places(",".join(map(str, places))) == places


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "kitchen,", "kitchen:", ":6053", "kitchen:0", "kitchen:65536", "kitchen:-1"),
        *("kitchen:x", "kitchen:\u0663", "[::1", "[::1]6053", "[::1]:", "[kitchen]:1:2", "::g"),
        *(
            "esphome://kitchen",
            "kit chen",
            "kitchen/x",
            "user@kitchen",
            "k\u00fcche",
            "[1.2.3.4]:a",
        ),
    ],
)
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(CallerError, match="is no place of an ESPHome proxy: write HOST or HOST:"):
        parse_places(text)


def test_a_place_is_named_once() -> None:
    with pytest.raises(CallerError, match=r"^The ESPHome proxy \[::1\]:7 is named twice$"):
        parse_places("[::1]:7,kitchen,[::1]:7")


def test_fleets_are_bounded() -> None:
    with pytest.raises(CallerError, match=r"^257 ESPHome proxies are named, more than 256$"):
        parse_places(",".join(f"host{number}" for number in range(MOST_PROXIES + 1)))


def test_without_keys_all_is_in_the_clear(tmp_path: Path) -> None:
    assert read_keys(tmp_path, {}).of(Place("kitchen")) is None
    assert read_keys(tmp_path / "missing", {KEY_SETTING: ""}).of(Place("kitchen")) is None


def test_keys_by_host_and_for_all_others(tmp_path: Path) -> None:
    _write(tmp_path, f"# all of them\n\nKitchen {KEYS[0]} # new\n[::1]:70  {KEYS[1]}\n* {KEYS[2]}")
    keys = read_keys(tmp_path, {})
    assert keys.of(Place("kitchen")) == KEYS[0]
    assert keys.of(Place("::1", 70)) == KEYS[1]
    assert keys.of(Place("::1")) == KEYS[2]


def test_the_environment_is_for_those_without_a_line(tmp_path: Path) -> None:
    _write(tmp_path, f"kitchen {KEYS[0]}\n* {KEYS[1]}")
    keys = read_keys(tmp_path, {KEY_SETTING: KEYS[2]})
    assert keys.of(Place("kitchen")) == KEYS[0]
    assert keys.of(Place("hall")) == KEYS[2]


def test_keys_are_not_shown() -> None:
    keys = Keys({Place("kitchen"): KEYS[1]}, KEYS[2])
    assert KEYS[1] not in repr(keys) + str(keys)
    assert KEYS[2] not in repr(keys) + str(keys)


@pytest.mark.parametrize("key", ["secret", "c2VjcmV0", KEYS[0] + "AAAA", KEYS[0][:-1], "\u00fc"])
def test_what_is_no_key_is_not_shown_either(tmp_path: Path, key: str) -> None:
    with pytest.raises(ControllerLost, match="In BLEIO_ESPHOME_KEY there is no encryption key"):
        read_keys(tmp_path, {KEY_SETTING: key})
    path = _write(tmp_path, f"\nkitchen {key}")
    with pytest.raises(ControllerLost) as error:
        read_keys(tmp_path, {})
    assert f"In line 2 of {path} there is no encryption key of an ESPHome proxy" in str(error.value)
    assert key not in str(error.value)


@pytest.mark.parametrize("line", ["kitchen", f"kitchen {KEYS[0]} {KEYS[1]}"])
def test_lines_that_say_something_else(tmp_path: Path, line: str) -> None:
    _write(tmp_path, line)
    with pytest.raises(ControllerLost, match=r"^In line 1 of .* there is not a host and a key$"):
        read_keys(tmp_path, {})


def test_a_line_for_what_is_no_place(tmp_path: Path) -> None:
    _write(tmp_path, f"kitchen:x {KEYS[0]}")
    with pytest.raises(ControllerLost, match=r"^In line 1 of .*: 'kitchen:x' is no place"):
        read_keys(tmp_path, {})


@pytest.mark.skipif(os.name != "posix", reason="no modes of files")
def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, f"kitchen {KEYS[0]}")
    path.chmod(0o640)
    with pytest.raises(ControllerLost, match="can be read by other users: run chmod 600 /"):
        read_keys(tmp_path, {})


@pytest.mark.skipif(os.name != "posix", reason="no modes of files")
def test_keys_that_others_may_have_written_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, f"kitchen {KEYS[0]}")
    path.chmod(0o606)
    with pytest.raises(ControllerLost, match=r"keys of ESPHome proxies in .* cannot be read: "):
        read_keys(tmp_path, {})


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(ControllerLost, match=r"keys of ESPHome proxies in .* cannot be read: "):
        read_keys(tmp_path, {})


def _write(folder: Path, text: str) -> Path:
    path = folder / KEY_FILE
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path
