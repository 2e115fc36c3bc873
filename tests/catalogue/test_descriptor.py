"""Catalogue 3.8: Descriptor."""

from __future__ import annotations

from typing import Any

import _bleio
import pytest
from _bleio import UUID, Attribute, Characteristic, Descriptor, Service

from support.pair import U128, Pair, make, raises

REPORT_REFERENCE = UUID(0x2908)


@pytest.fixture
def owner(peripheral: _bleio.Adapter) -> Characteristic:
    return make(Service(UUID(U128)), properties=Characteristic.READ)


def add(owner: Characteristic, **options: Any) -> Descriptor:
    return Descriptor.add_to_characteristic(owner, REPORT_REFERENCE, **options)


def test_defaults(owner: Characteristic) -> None:
    descriptor = add(owner)
    assert (descriptor.uuid, descriptor.value) == (REPORT_REFERENCE, b"")
    assert type(descriptor.value) is bytearray
    assert descriptor.characteristic is owner
    assert owner.descriptors == (descriptor,)
    assert repr(descriptor) == str(descriptor) == "Descriptor(UUID(0x2908))"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(read_perm=0x10), ValueError, "Invalid security_mode"),
        (dict(write_perm=0x10), ValueError, "Invalid security_mode"),
        (dict(max_length=-1), ValueError, "max_length must be >= 0"),
        (dict(max_length=513), ValueError, "max_length must be 0-512 when fixed_length is False"),
        (dict(fixed_length=True), ValueError, None),
        (dict(max_length=1, initial_value=b"12"), ValueError, None),
        (dict(initial_value=1), TypeError, None),
    ],
)
def test_creation_errors(
    owner: Characteristic, options: dict[str, Any], error: Any, message: str | None
) -> None:
    with raises(error, message):
        add(owner, **options)
    assert owner.descriptors == ()


def test_types_are_checked(owner: Characteristic) -> None:
    with pytest.raises(TypeError):
        Descriptor.add_to_characteristic(owner, 0x2908)
    with pytest.raises(TypeError):
        Descriptor.add_to_characteristic(owner.service, REPORT_REFERENCE)


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (dict(fixed_length=True, max_length=0), b""),
        (dict(fixed_length=True, max_length=3, initial_value=None), bytes(3)),
        (dict(initial_value=None), b""),
        (dict(initial_value="ab"), b"ab"),
    ],
)
def test_initial_values(owner: Characteristic, options: dict[str, Any], value: bytes) -> None:
    assert add(owner, **options).value == value


def test_local_value(owner: Characteristic) -> None:
    fixed = add(owner, max_length=2, fixed_length=True, initial_value=b"ab")
    with raises(ValueError, "Value length != required fixed length"):
        fixed.value = b"abc"
    variable = add(owner, max_length=2)
    with raises(ValueError, "Value length > max_length"):
        variable.value = b"abc"
    variable.value = b"x"
    assert (fixed.value, variable.value) == (b"ab", b"x")


def test_published_read_and_written(link: Pair, owner: Characteristic) -> None:
    local = add(owner, initial_value=b"\x01\x02", max_length=100)
    (remote,) = link.remote(owner).descriptors
    assert (remote.uuid, remote.value) == (REPORT_REFERENCE, b"\x01\x02")
    remote.value = bytes(100)
    assert local.value == bytes(100)
    with raises(_bleio.BluetoothError, "Unknown gatt error: 0x010d"):
        remote.value = bytes(101)


def test_many_descriptors(link: Pair, owner: Characteristic) -> None:
    for i in range(5):
        Descriptor.add_to_characteristic(owner, UUID(0x2910 + i), initial_value=bytes([i]))
    found = link.remote(owner).descriptors
    assert [d.value for d in found] == [bytes([i]) for i in range(5)]


def test_permissions(link: Pair, owner: Characteristic) -> None:
    add(owner, read_perm=Attribute.ENCRYPT_NO_MITM, write_perm=Attribute.NO_ACCESS)
    (remote,) = link.remote(owner).descriptors
    with raises(_bleio.SecurityError, "Insufficient authentication"):
        _ = remote.value
    with raises(_bleio.BluetoothError, "Unknown gatt error: 0x0103"):
        remote.value = b"\x01\x01"


def test_remote_owner_is_refused(link: Pair, owner: Characteristic) -> None:
    with pytest.raises(_bleio.RoleError):
        add(link.remote(owner))


def test_read_only(owner: Characteristic) -> None:
    for name in ("uuid", "characteristic"):
        with pytest.raises(AttributeError):
            setattr(add(owner), name, 0)
