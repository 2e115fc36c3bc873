"""What a backend cannot do is refused with a sentence, and no setting is passed over."""

from __future__ import annotations

import dataclasses

import pytest

from bleio.backends.capabilities import (
    BLUEZ,
    EVERYTHING,
    PLATFORMS,
    SETTINGS,
    Capability,
    Platform,
    broken_promises,
    require,
    require_settings,
)
from bleio.core.pairing import PairingMethod, SecuritySettings

DONGLE = '"hci:usb:0" can, with a Bluetooth dongle (BLEIO_ADAPTER=hci:usb:0)'
NOTHING: frozenset[Capability] = frozenset()


def test_the_sentence_names_adapter_limit_and_way_out() -> None:
    with pytest.raises(NotImplementedError) as caught:
        require("BlueZ 5.66", BLUEZ.can, Capability.SETTABLE_ADDRESS)
    assert str(caught.value) == (
        'BlueZ 5.66 cannot take an address that the program chooses; "hci:usb:0" can, with a'
        " Bluetooth dongle (BLEIO_ADAPTER=hci:usb:0)"
    )
    require("hci:usb:0", EVERYTHING, *Capability)


@pytest.mark.parametrize(
    ("platform", "capability", "way_out"),
    [
        ("macOS", Capability.PERIPHERAL, f'{DONGLE}, and so can "os" on Linux'),
        ("Windows", Capability.PERIPHERAL, f'{DONGLE}, and so can "os" on Linux'),
        ("ESPHome proxies", Capability.PERIPHERAL, f'{DONGLE}, and so can "os" on Linux'),
        ("Windows", Capability.DIRECTED_ADVERTISING, DONGLE),
        (
            "BlueZ 5.66",
            Capability.SUBSCRIBERS,
            f"BlueZ 5.69 on a bus that passes file descriptors can, and {DONGLE}",
        ),
        ("macOS", Capability.ERASABLE_BONDS, "forget the device in macOS' Bluetooth settings"),
        ("little1", Capability.SUBSCRIBERS, f'{DONGLE}, and so can "os" on Linux'),
    ],
)
def test_the_way_out_is_one_of_that_platform(
    platform: str, capability: Capability, way_out: str
) -> None:
    assert capability.refusal(platform) == f"{platform} cannot {capability.value}; {way_out}"


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda each: each.name)
def test_a_platform_says_nothing_beside_its_claims(platform: Platform) -> None:
    assert set(platform.takes) <= platform.can
    assert not set(platform.instead) & platform.can


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
    require_settings("hci:usb:0", EVERYTHING, settings)
    with pytest.raises(NotImplementedError, match=r"^os cannot"):
        require_settings("os", NOTHING, settings)


def test_defaults_that_are_not_kept_are_warned_of() -> None:
    require_settings("os", NOTHING, SecuritySettings())
    assert broken_promises("hci:usb:0", EVERYTHING, SecuritySettings()) == []
    first, second = broken_promises("os", NOTHING, SecuritySettings())
    assert "(min_key_octets)" in first
    assert "(fail_closed)" in second
