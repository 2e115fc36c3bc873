"""The own address and name."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from bleio.core.address import AddressType, DeviceAddress
from bleio.errors import CallerError
from bleio.runtime import identity


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("x" * 31, "x" * 31),
        ("x" * 32, "x" * 31),
        ("ä" * 16, "ä" * 15),
        ("xä" * 14, "xä" * 10 + "x"),
    ],
)
def test_names_are_cut_at_a_character(name: str, cut: str) -> None:
    assert identity.cut_name(name) == cut


def test_default_name_has_the_last_four_digits() -> None:
    address = DeviceAddress(bytes.fromhex("abcd030405c6"), random=True)
    assert identity.default_name(address) == "CIRCUITPYcdab"


def test_configured_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CIRCUITPY_BLE_NAME", raising=False)
    assert identity.configured_name() is None
    monkeypatch.setenv("CIRCUITPY_BLE_NAME", "x" * 32)
    assert identity.configured_name() == "x" * 31


def test_configured_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BLEIO_ADDRESS", raising=False)
    assert identity.configured_address() is None
    monkeypatch.setenv("BLEIO_ADDRESS", "C6:05:04:03:02:01")
    expected = DeviceAddress(bytes.fromhex("0102030405c6"), random=True)
    assert identity.configured_address() == expected


@pytest.mark.parametrize(
    "text",
    [
        "06:05:04:03:02:01",
        "C6:05:04:03:02",
        "desk",
        "86" + ":00" * 5,
        "C0" + ":00" * 5,
        "FF" + ":FF" * 5,
    ],
)
def test_other_configured_addresses_are_refused_in_one_sentence(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLEIO_ADDRESS", text)
    with pytest.raises(CallerError, match=rf"^BLEIO_ADDRESS: .*{text}") as caught:
        identity.configured_address()
    assert "\n" not in str(caught.value)


def test_addresses_are_derived_from_radio_program_and_instance(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def derive(program: str, radio: str, instance: int) -> DeviceAddress:
        path = tmp_path / program
        path.touch()
        main = ModuleType("__main__")
        main.__file__ = str(path)
        monkeypatch.setitem(sys.modules, "__main__", main)
        return identity.derived_addresses(radio)(instance)

    first = derive("a.py", "virtual:desk", 0)
    assert first == derive("a.py", "virtual:desk", 0)
    assert first.type == AddressType.RANDOM_STATIC
    others = {
        derive("b.py", "virtual:desk", 0),
        derive("a.py", "virtual:lab", 0),
        derive("a.py", "virtual:desk", 1),
    }
    assert len(others | {first}) == 4
