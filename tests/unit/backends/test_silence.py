"""What is said where nothing is heard."""

from __future__ import annotations

import asyncio

import pytest

from bleio.backends import silence
from bleio.backends.hci.controller import virtual
from bleio.radio.sharing import running
from bleio.radio.sharing.running import RunningRadio


def said(adapter: str, platform: str = "", *, listens: bool = True) -> str:
    return asyncio.run(silence.why_silent(adapter, platform or adapter, listens=listens))


def on_radios(monkeypatch: pytest.MonkeyPatch, **hosts: int | None) -> None:
    found = [
        RunningRadio(name, 1, None if count is None else {"hosts": count})
        for name, count in hosts.items()
    ]
    monkeypatch.setattr(running, "running_radios", lambda within_s: found)


def test_a_private_radio() -> None:
    assert "BLEIO_ADAPTER=virtual:desk" in said("virtual")
    assert said("virtual", listens=False) == ""


def test_alone_on_a_shared_radio(monkeypatch: pytest.MonkeyPatch) -> None:
    on_radios(monkeypatch, desk=1)
    assert said("virtual:desk") == (
        "Nobody else is on radio 'desk'; no other radio runs; others join this one with"
        " BLEIO_ADAPTER=virtual:desk."
    )
    assert said("virtual:desk", listens=False) == ""  # the others may come yet


@pytest.mark.parametrize("listens", [True, False])
def test_the_name_may_be_a_misspelt_one(listens: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    on_radios(monkeypatch, dekc=1, desk=2, lab=1, empty=0)
    text = said("virtual:dekc", listens=listens)
    assert "did you mean BLEIO_ADAPTER=virtual:desk, which runs" in text
    on_radios(monkeypatch, x=1, lab=1, **{f"radio{number}": 1 for number in range(6)})
    text = said("virtual:x", listens=listens)
    assert "running radios are: virtual:lab, virtual:radio0, " in text
    assert "virtual:radio4" not in text and ", ...;" in text


def test_not_alone_or_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    on_radios(monkeypatch, desk=2, lab=1)
    assert said("virtual:desk") == ""
    on_radios(monkeypatch, desk=None, lab=1)
    assert said("virtual:desk") == ""
    on_radios(monkeypatch)
    assert said("virtual:desk") == ""

    def refuse(within_s: float) -> list[RunningRadio]:
        raise PermissionError

    monkeypatch.setattr(running, "running_radios", refuse)
    assert virtual.neighbours("desk") == (True, [])


@pytest.mark.parametrize(
    ("adapter", "platform", "words"),
    [
        ("os", "macOS", "System Settings, Privacy & Security, Bluetooth"),
        ("os", "Windows", "Bluetooth may be off in Windows' Settings"),
        ("os:hci0", "BlueZ 5.66", "rfkill list); `bleio doctor --adapter os:hci0` looks into it."),
        ("hci:usb:0", "hci:usb:0", "`bleio doctor --adapter hci:usb:0` looks into it."),
        ("esphome:kitchen.local", "ESPHome proxies", "no proxy may be near"),
        ("the serial port", "the serial port", "`bleio doctor` looks into it."),
    ],
)
def test_real_adapters(adapter: str, platform: str, words: str) -> None:
    assert words in said(adapter, platform)
    assert "\n" not in said(adapter, platform)
    assert said(adapter, platform, listens=False) == ""
