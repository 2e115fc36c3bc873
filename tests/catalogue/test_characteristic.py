"""Catalogue 3.5, 4.5 and 4.6: Characteristic, local and remote."""

from __future__ import annotations

from typing import Any

import _bleio
import pytest
from _bleio import UUID, Attribute, Characteristic, Service

from support.pair import DEADLINE_S, U128, Pair, make, raises, until
from support.recorded import tshark_complains
from support.tshark import MALFORMED

READ, WRITE, NO_RESPONSE = (
    Characteristic.READ,
    Characteristic.WRITE,
    Characteristic.WRITE_NO_RESPONSE,
)
NOTIFY, INDICATE = Characteristic.NOTIFY, Characteristic.INDICATE
DEINITED = "Object has been deinitialized and can no longer be used. Create a new object."


@pytest.fixture
def service(peripheral: _bleio.Adapter) -> Service:
    return Service(UUID(U128))


# --- creation


def test_defaults(service: Service) -> None:
    characteristic = Characteristic.add_to_service(service, UUID(0x2A19))
    assert (characteristic.properties, characteristic.max_length) == (0, 20)
    assert characteristic.value == bytearray()
    assert type(characteristic.value) is bytearray
    assert characteristic.descriptors == ()
    assert characteristic.service is service
    assert characteristic.uuid == UUID(0x2A19)
    assert repr(characteristic) == "Characteristic(UUID(0x2a19))"


CREATION_ERRORS = [
    (dict(uuid=0x2A19), TypeError, None),
    (dict(properties=0x40), ValueError, "Invalid properties"),
    (dict(properties=-1), ValueError, "Invalid properties"),
    (dict(properties=1.0), TypeError, None),
    (dict(read_perm=0x13), ValueError, "Invalid security_mode"),
    (dict(write_perm=1), ValueError, "Invalid security_mode"),
    (dict(max_length=-1), ValueError, "max_length must be >= 0"),
    (dict(max_length=513), ValueError, "max_length must be 0-512 when fixed_length is False"),
    (
        dict(max_length=513, fixed_length=True),
        ValueError,
        "max_length must be 0-512 when fixed_length is True",
    ),
    (dict(max_length=3, initial_value=b"1234"), ValueError, None),
    (dict(max_length=3, fixed_length=True, initial_value=b"12"), ValueError, None),
    (dict(initial_value=3), TypeError, "object with buffer protocol required"),
    (dict(surplus=1), TypeError, None),
]


@pytest.mark.parametrize(("options", "error", "message"), CREATION_ERRORS)
def test_creation_errors(
    service: Service, options: dict[str, Any], error: Any, message: str | None
) -> None:
    uuid = options.pop("uuid", UUID(0x2A19))
    with raises(error, message):
        Characteristic.add_to_service(service, uuid, **options)
    assert service.characteristics == ()


def test_service_is_checked() -> None:
    with pytest.raises(TypeError):
        Characteristic.add_to_service(UUID(1), UUID(0x2A19))


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (dict(), b""),
        (dict(fixed_length=True, max_length=4), bytes(4)),
        (dict(max_length=0), b""),
        (dict(max_length=0, fixed_length=True), b""),
        (dict(initial_value=b"abc"), b"abc"),
        (dict(initial_value="grüße"), "grüße".encode()),
        (dict(initial_value=bytearray(b"xy"), max_length=2, fixed_length=True), b"xy"),
        (dict(initial_value=b"", max_length=512), b""),
    ],
)
def test_initial_values(service: Service, options: dict[str, Any], value: bytes) -> None:
    assert make(service, **options).value == value


def test_all_seven_modes_are_accepted(service: Service) -> None:
    for name in ("NO_ACCESS", "OPEN", "ENCRYPT_NO_MITM", "ENCRYPT_WITH_MITM",
                 "LESC_ENCRYPT_WITH_MITM", "SIGNED_NO_MITM", "SIGNED_WITH_MITM"):  # fmt: skip
        mode = getattr(Attribute, name)
        make(service, read_perm=mode, write_perm=mode)


def test_properties_are_translated_to_and_from_the_air(link: Pair, service: Service) -> None:
    for bit in (READ, WRITE, NO_RESPONSE, NOTIFY, INDICATE, Characteristic.BROADCAST):
        make(service, 0x2A00 + bit, properties=bit)
    (found,) = link.outgoing.discover_remote_services((UUID(U128),))
    for characteristic in found.characteristics:
        assert characteristic.properties == characteristic.uuid.uuid16 - 0x2A00


def test_user_description(link: Pair, service: Service) -> None:
    described = make(service, user_description="Wörter", properties=READ)
    (local,) = described.descriptors
    assert (local.uuid, local.value) == (UUID(0x2901), "Wörter".encode())
    (remote,) = link.remote(described).descriptors
    assert (remote.uuid, remote.value) == (UUID(0x2901), "Wörter".encode())
    with raises(_bleio.BluetoothError, "Unknown gatt error: 0x0103"):
        remote.value = b"x"
    assert make(service, user_description="").descriptors == ()


def test_automatic_cccd_is_remote_only(link: Pair, service: Service) -> None:
    local = make(service, properties=NOTIFY)
    assert local.descriptors == ()
    (cccd,) = link.remote(local).descriptors
    assert (cccd.uuid, cccd.value) == (UUID(0x2902), b"\0\0")
    assert cccd.characteristic.uuid == local.uuid


# --- local values


def test_setting_checks_the_length(service: Service) -> None:
    fixed = make(service, max_length=2, fixed_length=True)
    with raises(ValueError, "Value length != required fixed length"):
        fixed.value = b"1"
    with raises(ValueError, "Value length != required fixed length"):
        fixed.value = b"123"
    variable = make(service, max_length=2)
    with raises(ValueError, "Value length > max_length"):
        variable.value = b"123"
    with pytest.raises(TypeError):
        variable.value = 1
    variable.value = b"12"
    assert (fixed.value, variable.value) == (b"\0\0", b"12")


def test_value_is_a_copy(service: Service) -> None:
    octets = bytearray(b"abc")
    characteristic = make(service)
    characteristic.value = octets
    octets[0] = 0
    characteristic.value.append(1)
    assert characteristic.value == b"abc"
    characteristic.value = "text"
    assert characteristic.value == b"text"


def test_set_cccd_on_a_local_one(service: Service) -> None:
    for properties in (0, NOTIFY):
        with raises(_bleio.RoleError, "Can't set CCCD on local Characteristic"):
            make(service, properties=properties).set_cccd(notify=True)


def test_deinit(link: Pair, service: Service) -> None:
    characteristic = make(service, properties=READ)
    link.remote(characteristic)
    characteristic.deinit()
    characteristic.deinit()
    for name in ("value", "uuid", "properties", "descriptors", "service"):
        with raises(ValueError, DEINITED):
            getattr(characteristic, name)
    with raises(ValueError, DEINITED):
        characteristic.value = b""
    assert service.characteristics == ()
    (found,) = link.outgoing.discover_remote_services((UUID(U128),))
    assert found.characteristics == ()


def test_read_only_members(service: Service) -> None:
    characteristic = make(service)
    for name in ("properties", "uuid", "descriptors", "service", "max_length"):
        with pytest.raises(AttributeError):
            setattr(characteristic, name, 0)


# --- remote reads and writes


# Whether more follows a full packet tells an empty part alone. Spec: Vol 3, Part F, 3.4.4.6.
EMPTY_PART = tshark_complains(MALFORMED, reason="it takes an empty Read Blob Response for cut")


@pytest.mark.parametrize(
    "size",
    [0, 1, 20, 22, 23, 246, 247, 248, 508, 509, 510, pytest.param(511, marks=EMPTY_PART), 512],
)
def test_reads_span_packets(link: Pair, service: Service, size: int) -> None:
    octets = bytes(i & 0xFF for i in range(size))
    local = make(service, properties=READ, max_length=512, initial_value=octets)
    value = link.remote(local).value
    assert type(value) is bytearray
    assert value == octets


def test_each_get_is_a_read(link: Pair, service: Service) -> None:
    local = make(service, properties=READ, initial_value=b"one")
    remote = link.remote(local)
    assert remote.value == b"one"
    local.value = b"two"
    assert remote.value == b"two"


@pytest.mark.parametrize("size", [0, 1, 20, 244, 247, 509, 510, 512])
@pytest.mark.parametrize("properties", [WRITE, WRITE | NO_RESPONSE], ids=["request", "both"])
def test_writes_of_any_size(link: Pair, service: Service, properties: int, size: int) -> None:
    local = make(service, properties=properties, max_length=512, initial_value=b"old longer value")
    octets = bytes(i & 0xFF for i in range(size))
    link.remote(local).value = octets
    until(lambda: local.value == octets)


def test_write_replaces_the_whole_value(link: Pair, service: Service) -> None:
    local = make(service, properties=WRITE, initial_value=b"long value")
    link.remote(local).value = b"x"
    assert local.value == b"x"


def test_write_commands_keep_their_order(link: Pair, service: Service) -> None:
    local = make(service, properties=NO_RESPONSE, max_length=20)
    buffer = _bleio.CharacteristicBuffer(local, buffer_size=512, timeout=DEADLINE_S)
    remote = link.remote(local)
    for i in range(100):
        remote.value = bytes([i])
    assert buffer.read(100) == bytes(range(100))


def test_over_long_write_command_without_write(link: Pair, service: Service) -> None:
    local = make(service, properties=NO_RESPONSE, max_length=512)
    remote = link.remote(local)
    room = link.outgoing.max_packet_length
    remote.value = bytes(room)
    with pytest.raises(_bleio.BluetoothError):
        remote.value = bytes(room + 1)
    until(lambda: len(local.value) == room)


@pytest.mark.parametrize(
    ("options", "action", "error", "message"),
    [
        (dict(properties=WRITE), "read", _bleio.BluetoothError, "Unknown gatt error: 0x0102"),
        (dict(properties=READ), "write", _bleio.BluetoothError, "Unknown gatt error: 0x0103"),
        (
            dict(properties=READ, read_perm=Attribute.NO_ACCESS),
            "read",
            _bleio.BluetoothError,
            "Unknown gatt error: 0x0102",
        ),
        (
            dict(properties=READ, read_perm=Attribute.ENCRYPT_NO_MITM),
            "read",
            _bleio.SecurityError,
            "Insufficient authentication",
        ),
        (
            dict(properties=WRITE, write_perm=Attribute.ENCRYPT_NO_MITM),
            "write",
            _bleio.SecurityError,
            "Insufficient authentication",
        ),
        (
            dict(properties=WRITE, max_length=2, fixed_length=True),
            "write",
            _bleio.BluetoothError,
            "Unknown gatt error: 0x010d",
        ),
        (
            dict(properties=WRITE, max_length=2),
            "write",
            _bleio.BluetoothError,
            "Unknown gatt error: 0x010d",
        ),
    ],
)
def test_refusals(
    link: Pair, service: Service, options: dict[str, Any], action: str, error: Any, message: str
) -> None:
    local = make(service, **options)
    before = local.value
    remote = link.remote(local)
    with raises(error, message):
        if action == "read":
            _ = remote.value
        else:
            remote.value = b"123"
    assert local.value == before


def test_without_properties_the_permissions_decide(link: Pair, service: Service) -> None:
    """Published libraries leave the properties out and read the value all the same."""
    remote = link.remote(make(service, initial_value=b"open"))
    assert remote.value == b"open"
    remote.value = b"written"
    assert remote.value == b"written"


def test_pairing_opens_encrypted_values(link: Pair, service: Service) -> None:
    local = make(
        service, properties=READ, read_perm=Attribute.ENCRYPT_NO_MITM, initial_value=b"secret"
    )
    remote = link.remote(local)
    with pytest.raises(_bleio.SecurityError):
        _ = remote.value
    link.outgoing.pair()
    assert remote.value == b"secret"


def test_lost_link(link: Pair, service: Service) -> None:
    local = make(service, properties=READ | WRITE | NOTIFY, initial_value=b"kept")
    remote = link.remote(local)
    link.incoming.disconnect()
    until(lambda: not link.outgoing.connected)
    with raises(_bleio.ConnectionError, "Not connected"):
        _ = remote.value
    with raises(_bleio.ConnectionError, "Not connected"):
        remote.value = b""
    with raises(_bleio.ConnectionError, "Not connected"):
        remote.set_cccd(notify=True)
    assert local.value == b"kept"
    local.value = b"set without a link"


# --- notifications and indications


def test_set_cccd(link: Pair, service: Service) -> None:
    local = make(service, properties=NOTIFY | INDICATE)
    remote = link.remote(local)
    (cccd,) = remote.descriptors
    for notify, indicate in ((True, False), (False, True), (True, True), (False, False)):
        remote.set_cccd(notify=notify, indicate=indicate)
        assert cccd.value == bytes([notify + 2 * indicate, 0])


def test_set_cccd_needs_one(link: Pair, service: Service) -> None:
    local = make(service, properties=READ)
    with raises(_bleio.BluetoothError, "No CCCD for this Characteristic"):
        link.remote(local).set_cccd(notify=True)


def test_subscribing_needs_the_read_permission(link: Pair, service: Service) -> None:
    local = make(service, properties=NOTIFY, read_perm=Attribute.ENCRYPT_NO_MITM)
    remote = link.remote(local)
    with raises(_bleio.SecurityError, "Insufficient authentication"):
        remote.set_cccd(notify=True)
    link.outgoing.pair()
    remote.set_cccd(notify=True)


@pytest.mark.parametrize("kind", ["notify", "indicate"])
def test_each_assignment_is_one_pdu_in_order(link: Pair, service: Service, kind: str) -> None:
    local = make(service, properties=NOTIFY | INDICATE)
    remote = link.remote(local)
    buffer = _bleio.CharacteristicBuffer(remote, buffer_size=512, timeout=DEADLINE_S)
    local.value = b"before"
    remote.set_cccd(**{kind: True})
    for i in range(50):
        local.value = bytes([i])
    assert buffer.read(50) == bytes(range(50))
    remote.set_cccd()
    local.value = b"after"
    assert remote.service.uuid == UUID(U128)
    assert buffer.in_waiting == 0


def test_payload_is_cut_on_air(link: Pair, service: Service) -> None:
    local = make(service, properties=NOTIFY, max_length=512)
    remote = link.remote(local)
    buffer = _bleio.CharacteristicBuffer(remote, buffer_size=1024, timeout=DEADLINE_S)
    remote.set_cccd(notify=True)
    local.value = bytes(512)
    until(lambda: buffer.in_waiting)
    assert buffer.in_waiting == min(512, link.incoming.max_packet_length)


def test_client_writes_are_not_notified(link: Pair, service: Service) -> None:
    local = make(service, properties=NOTIFY | WRITE)
    remote = link.remote(local)
    buffer = _bleio.CharacteristicBuffer(remote, timeout=DEADLINE_S)
    remote.set_cccd(notify=True)
    remote.value = b"written"
    local.value = b"set"
    assert buffer.read(3) == b"set"


def test_cccd_starts_at_zero_on_a_new_link(
    link: Pair, service: Service, central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    from support.pair import connect

    local = make(service, properties=NOTIFY)
    link.remote(local).set_cccd(notify=True)
    link.outgoing.disconnect()
    until(lambda: not peripheral.connected)
    (cccd,) = connect(central, peripheral).remote(local).descriptors
    assert cccd.value == b"\0\0"


def test_remote_defaults(link: Pair, service: Service) -> None:
    remote = link.remote(make(service, max_length=100, properties=READ))
    assert remote.max_length == 20
    assert remote.uuid.size == 16
