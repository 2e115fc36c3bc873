"""Remembering what scans have found, and addresses that stand for UUIDs."""

from __future__ import annotations

from uuid import UUID

import pytest
from bleak.backends.device import BLEDevice

from bleio.backends.os.seen import MOST_DEVICES, SeenDevices, address_of_uuid, is_stand_in
from bleio.core.address import DeviceAddress

PERIPHERAL = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"


def test_one_uuid_is_always_the_same_address() -> None:
    assert address_of_uuid(PERIPHERAL) == address_of_uuid(PERIPHERAL.lower())
    assert str(address_of_uuid(PERIPHERAL)) == "af:af:07:e0:04:67/random"


def test_no_device_can_have_such_an_address_on_air() -> None:
    for number in range(64):
        assert is_stand_in(address_of_uuid(str(UUID(int=number))))
    assert not is_stand_in(DeviceAddress(b"\x01\x02\x03\x04\x05\xc6", random=True))
    assert not is_stand_in(DeviceAddress(b"\x01\x02\x03\x04\x05\x86"))


def test_what_is_no_uuid_is_refused() -> None:
    with pytest.raises(ValueError):
        address_of_uuid("C0:11:22:33:44:55")


def test_devices_are_found_again_and_the_longest_unheard_gives_way() -> None:
    seen = SeenDevices()
    addresses = [address_of_uuid(str(UUID(int=number))) for number in range(MOST_DEVICES + 1)]
    for address in addresses[:-1]:
        seen.remember(address, BLEDevice(str(address), None, None))
    again = BLEDevice("again", None, None)
    seen.remember(addresses[0], again)
    seen.remember(addresses[-1], BLEDevice("last", None, None))
    assert seen.device(addresses[0]) is again
    assert seen.device(addresses[1]) is None
    assert seen.device(addresses[-1]) is not None
