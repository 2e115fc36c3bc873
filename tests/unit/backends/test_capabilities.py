"""What a backend cannot do is refused with a sentence, and no setting is passed over."""

from __future__ import annotations

import dataclasses

import pytest

from bleio.backends.capabilities import (
    EVERYTHING,
    SETTINGS,
    Capability,
    broken_promises,
    require,
    require_settings,
)
from bleio.core.pairing import PairingMethod, SecuritySettings

NOTHING: frozenset[Capability] = frozenset()


def test_the_sentence_names_adapter_limit_and_way_out() -> None:
    with pytest.raises(NotImplementedError) as caught:
        require("os", EVERYTHING - {Capability.SETTABLE_ADDRESS}, Capability.SETTABLE_ADDRESS)
    assert str(caught.value) == (
        'os cannot take an address that the program chooses; an adapter "hci:..." can'
    )
    require("usb:0", EVERYTHING, *Capability)


def test_every_setting_belongs_to_a_capability() -> None:
    assert list(SETTINGS) == [field.name for field in dataclasses.fields(SecuritySettings)]


@pytest.mark.parametrize(
    "settings",
    [
        SecuritySettings(secure_connections_only=True),
        SecuritySettings(min_key_octets=7),
        SecuritySettings(method=PairingMethod.PASSKEY_ENTRY),
        SecuritySettings(debug_keys=True),
        SecuritySettings(private_address=True),
        SecuritySettings(rotation_s=60),
        SecuritySettings(fail_closed=False),
    ],
)
def test_a_changed_setting_is_honoured_or_refused(settings: SecuritySettings) -> None:
    require_settings("usb:0", EVERYTHING, settings)
    with pytest.raises(NotImplementedError, match=r"^os cannot"):
        require_settings("os", NOTHING, settings)


def test_defaults_that_are_not_kept_are_warned_of() -> None:
    require_settings("os", NOTHING, SecuritySettings())
    assert broken_promises("usb:0", EVERYTHING, SecuritySettings()) == []
    first, second = broken_promises("os", NOTHING, SecuritySettings())
    assert "(min_key_octets)" in first
    assert "(fail_closed)" in second
