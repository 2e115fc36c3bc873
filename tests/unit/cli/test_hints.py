"""What commands say when nothing is heard."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bleio.backends import silence
from bleio.cli.shared.hints import heard_nothing
from bleio.radio.sharing import running
from bleio.radio.sharing.running import RunningRadio


def said(name: str, platform: str = "") -> str:
    backend = SimpleNamespace(name=name, platform=platform or name)
    adapter: Any = SimpleNamespace(_session=SimpleNamespace(life=SimpleNamespace(backend=backend)))
    return heard_nothing(adapter)


@pytest.fixture(autouse=True)
def radios(monkeypatch: pytest.MonkeyPatch) -> list[RunningRadio]:
    """Those that run."""
    found: list[RunningRadio] = []
    monkeypatch.setattr(running, "running_radios", lambda within_s: found)
    return found


@pytest.mark.parametrize(
    ("name", "platform"), [("os:hci0", "BlueZ 5.66"), ("os", "macOS"), ("os", "Windows")]
)
def test_of_real_adapters_commands_say_what_programs_are_told(name: str, platform: str) -> None:
    assert said(name, platform) == silence.of_real(name, platform)


def test_of_a_private_radio_too() -> None:
    assert said("virtual") == silence.PRIVATE


def test_of_a_shared_radio_how_it_is_joined() -> None:
    assert said("virtual:desk").endswith("Programs join it with BLEIO_ADAPTER=virtual:desk.")


@pytest.mark.parametrize("name", ["virtual", "virtual:desk"])
def test_radios_on_which_something_advertises_are_named(
    name: str, radios: list[RunningRadio]
) -> None:
    busy = {"devices": [{"advertising": True}]}
    radios += [RunningRadio(each, 1, busy) for each in ("desk", "one", "two", "three", "four")]
    radios += [RunningRadio("silent", 1, {"devices": [{"advertising": False}]})]
    radios += [RunningRadio("mute", 1, None), RunningRadio("odd", 1, {"devices": [3, None]})]
    named = [each for each in ("one", "two", "three", "silent") if f"virtual:{each}" in said(name)]
    assert named == (["one", "two"] if name == "virtual" else ["one", "two", "three"])
    assert "choose that by --adapter" in said(name)
    assert "four" not in said(name)
