"""The adapter string."""

from __future__ import annotations

import sys

import pytest

from bleio.api import Adapter
from bleio.errors import CallerError, ControllerLost
from bleio.runtime import selection


@pytest.mark.parametrize(
    "choice",
    ["", "bluez", "virtual:", "hci", "hci:", "auto:x", "os:", "os:0", "os:hci", "os:hci0 "],
)
def test_a_bad_string_names_the_choices(choice: str) -> None:
    with pytest.raises(CallerError) as caught:
        selection.backend_for(choice)
    text = str(caught.value)
    assert repr(choice) in text
    assert all(each in text for each in ("auto", "os:hci1", "virtual:NAME", "hci:TRANSPORT"))
    assert "\n" not in text


@pytest.mark.parametrize("choice", [None, "", "auto"])
def test_never_silently_the_simulation(choice: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BLEIO_ADAPTER", raising=False)
    if choice is not None:
        monkeypatch.setenv("BLEIO_ADAPTER", choice)
    monkeypatch.setattr("sys.platform", "aix")  # which has no Bluetooth that bleak knows
    with pytest.raises(ControllerLost, match=r"(?s)^No adapter is chosen.*\n  virtual:desk "):
        selection.backend_by_setting(None)


@pytest.mark.skipif(sys.platform != "linux", reason="adapters by name are Linux'")
@pytest.mark.parametrize("choice", ["os", "os:hci0", "os:hci12"])
def test_the_operating_systems_adapters(choice: str) -> None:
    assert selection.backend_for(choice)(None).name == choice


def test_a_bad_setting_is_found_when_the_backend_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEIO_ADAPTER", "desk")
    with pytest.raises(CallerError, match="There is no adapter 'desk'"):
        selection.backend_by_setting(None)


def test_an_adapter_that_is_opened_again_keeps_its_address() -> None:
    first, second = Adapter("virtual"), Adapter("virtual")
    assert first.address != second.address
    former = second.address
    first.enabled = False
    second.enabled = False
    second.enabled = True
    assert second.address == former
    second.enabled = False


def test_a_wrong_string_of_the_environment_is_said_to_be_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BLEIO_ADAPTER", "desk")
    with pytest.raises(CallerError, match=r"^BLEIO_ADAPTER: There is no adapter 'desk': choose"):
        selection.backend_by_setting(None)
