"""Catalogue 3.2, 4.1, 4.3 and section 2: Adapter; scanning has a file of its own."""

from __future__ import annotations

import builtins
import time
from typing import Any

import _bleio
import pytest

from support.pair import DEADLINE_S, Pair, connect, current, raises, until

NAME_DATA = b"\x02\x01\x06"
NOWHERE = _bleio.Address(bytes.fromhex("0102030405c0"), 1)


# --- module level


def test_no_second_adapter_without_arguments() -> None:
    with raises(NotImplementedError, "Cannot create a new Adapter; use _bleio.adapter;"):
        _bleio.Adapter()


def test_set_adapter_rebinds_and_takes_none(central: _bleio.Adapter) -> None:
    before = _bleio.adapter
    with current(central):
        assert _bleio.adapter is central
        _bleio.set_adapter(None)
        assert _bleio.adapter is None
    assert _bleio.adapter is before
    with raises(TypeError, "adapter must be of type Adapter or None, not int"):
        _bleio.set_adapter(5)


def test_adapter_is_truthy_without_opening() -> None:
    assert _bleio.adapter


# --- enabled


def test_enabled_toggles(peripheral: _bleio.Adapter) -> None:
    assert peripheral.enabled is True
    peripheral.start_advertising(NAME_DATA)
    peripheral.enabled = True
    assert peripheral.advertising is True
    peripheral.enabled = 0
    assert peripheral.enabled is False
    assert (peripheral.advertising, peripheral.connected, peripheral.connections) == (
        False,
        False,
        (),
    )
    peripheral.enabled = "yes"
    assert peripheral.enabled is True
    assert peripheral.advertising is False


@pytest.mark.parametrize(
    "operation",
    [
        lambda a: a.start_advertising(NAME_DATA),
        lambda a: a.start_scan(),
        lambda a: a.connect(NOWHERE, timeout=1),
    ],
    ids=["advertise", "scan", "connect"],
)
def test_operations_while_disabled(central: _bleio.Adapter, operation: Any) -> None:
    central.enabled = False
    with raises(_bleio.BluetoothError, "Adapter not enabled"):
        operation(central)


def test_disabling_disconnects_all(
    link: Pair, central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    central.enabled = False
    assert not link.outgoing.connected
    until(lambda: not link.incoming.connected)
    assert peripheral.connections == ()


# --- address and name


def test_address_is_static_random_and_settable(peripheral: _bleio.Adapter) -> None:
    address = peripheral.address
    assert isinstance(address, _bleio.Address)
    assert address.type == _bleio.Address.RANDOM_STATIC
    assert address.address_bytes[5] >> 6 == 0b11
    other = _bleio.Address(bytes.fromhex("0102030405c6"), _bleio.Address.RANDOM_STATIC)
    peripheral.address = other
    assert peripheral.address == other


@pytest.mark.parametrize(
    "address",
    [
        _bleio.Address(bytes.fromhex("0102030405c6"), _bleio.Address.PUBLIC),
        _bleio.Address(bytes.fromhex("010203040546"), 2),
        _bleio.Address(bytes.fromhex("010203040506"), 1),
        _bleio.Address(bytes.fromhex("0000000000c0"), 1),
        _bleio.Address(bytes.fromhex("ffffffffffff"), 1),
    ],
    ids=["public", "resolvable", "static bits missing", "all zeros", "all ones"],
)
def test_other_addresses_are_refused(peripheral: _bleio.Adapter, address: Any) -> None:
    before = peripheral.address
    with raises(_bleio.BluetoothError, "Could not set address"):
        peripheral.address = address
    assert peripheral.address == before


def test_address_must_be_an_address(peripheral: _bleio.Adapter) -> None:
    with pytest.raises(TypeError):
        peripheral.address = b"123456"


def test_default_name(peripheral: _bleio.Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = peripheral.address.address_bytes[1::-1].hex()
    assert peripheral.name == "CIRCUITPY" + digits
    monkeypatch.setenv("CIRCUITPY_BLE_NAME", "from settings")
    assert _bleio.Adapter("virtual").name == "from settings"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("radio", "radio"),
        ("", ""),
        ("x" * 31, "x" * 31),
        ("x" * 40, "x" * 31),
        ("ä" * 20, "ä" * 15),
        ("xä" * 14, "xä" * 10 + "x"),
    ],
)
def test_name_is_cut_at_31_octets(peripheral: _bleio.Adapter, given: str, kept: str) -> None:
    peripheral.name = given
    assert peripheral.name == kept


def test_name_must_be_text(peripheral: _bleio.Adapter) -> None:
    with pytest.raises(TypeError):
        peripheral.name = b"bytes"


@pytest.mark.parametrize("name", ["desk lamp", "n" * 31])
def test_name_is_the_gap_device_name(link: Pair, peripheral: _bleio.Adapter, name: str) -> None:
    peripheral.name = name
    (gap,) = link.outgoing.discover_remote_services((_bleio.UUID(0x1800),))
    (device_name,) = (c for c in gap.characteristics if c.uuid == _bleio.UUID(0x2A00))
    (appearance,) = (c for c in gap.characteristics if c.uuid == _bleio.UUID(0x2A01))
    assert device_name.value == name.encode()
    assert device_name.properties == _bleio.Characteristic.READ
    assert appearance.value == b"\0\0"
    (gatt,) = link.outgoing.discover_remote_services((_bleio.UUID(0x1801),))
    assert _bleio.UUID(0x2A05) in [c.uuid for c in gatt.characteristics]


# --- advertising


ADVERTISING_ERRORS = [
    (dict(data=None), TypeError, "object with buffer protocol required"),
    (dict(data=b"", scan_response=3), TypeError, "object with buffer protocol required"),
    (dict(data=b"", interval="1"), TypeError, None),
    (dict(data=b"", interval=0.019), ValueError, "interval must be in range 0.02-10.24"),
    (dict(data=b"", interval=10.25), ValueError, "interval must be in range 0.02-10.24"),
    (dict(data=b"", timeout=-1), ValueError, "timeout must be >= 0"),
    (dict(data=b"", timeout=1.5), TypeError, None),
    (
        dict(data=bytes(32), scan_response=b"x"),
        _bleio.BluetoothError,
        "Cannot have scan responses for extended, connectable advertisements.",
    ),
    (
        dict(data=b"", connectable=False, directed_to=NOWHERE),
        _bleio.BluetoothError,
        "Only connectable advertisements can be directed",
    ),
    (dict(data=b"", directed_to=b"123456"), TypeError, None),
    (dict(data=bytes(239)), ValueError, "Data too large for advertisement packet"),
    (
        dict(data=bytes(256), connectable=False),
        ValueError,
        "Data too large for advertisement packet",
    ),
    (
        dict(data=b"", scan_response=bytes(32), connectable=False),
        ValueError,
        "Data too large for advertisement packet",
    ),
    (
        dict(data=bytes(32), scan_response=b"x", connectable=False),
        _bleio.BluetoothError,
        "Extended advertisements with scan response not supported.",
    ),
    (
        dict(data=b"x", directed_to=NOWHERE),
        _bleio.BluetoothError,
        "Data not supported with directed advertising",
    ),
    (
        dict(data=b"", timeout=181),
        _bleio.BluetoothError,
        "Timeout is too long: Maximum timeout length is 180 seconds",
    ),
]


@pytest.mark.parametrize(("arguments", "error", "message"), ADVERTISING_ERRORS)
def test_advertising_errors(
    peripheral: _bleio.Adapter, arguments: dict[str, Any], error: Any, message: str | None
) -> None:
    with raises(error, message):
        peripheral.start_advertising(**arguments)
    assert peripheral.advertising is False


def test_advertising_starts_and_stops(peripheral: _bleio.Adapter) -> None:
    assert peripheral.advertising is False
    assert peripheral.start_advertising(NAME_DATA) is None
    assert peripheral.advertising is True
    with raises(_bleio.BluetoothError, "Already advertising."):
        peripheral.start_advertising(NAME_DATA)
    peripheral.stop_advertising()
    assert peripheral.advertising is False
    peripheral.stop_advertising()


def test_text_is_a_buffer(peripheral: _bleio.Adapter) -> None:
    peripheral.start_advertising("\x02\x01\x06", scan_response="")
    assert peripheral.advertising


def test_advertising_expires(peripheral: _bleio.Adapter) -> None:
    start = time.monotonic()
    peripheral.start_advertising(NAME_DATA, timeout=1)
    until(lambda: not peripheral.advertising)
    assert 0.9 < time.monotonic() - start < DEADLINE_S
    peripheral.start_advertising(NAME_DATA)


def test_a_connection_ends_connectable_advertising(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    link = connect(central, peripheral)
    assert peripheral.advertising is False
    link.outgoing.disconnect()
    until(lambda: not link.incoming.connected)
    assert peripheral.advertising is False


def test_advertising_is_off_no_later_than_connected_is_on(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    import threading

    peripheral.start_advertising(NAME_DATA, interval=0.02)
    connecting = threading.Thread(
        target=central.connect, args=(peripheral.address,), kwargs={"timeout": 5}
    )
    connecting.start()
    while not peripheral.connected:
        pass  # a program that spins must see the change
    assert peripheral.advertising is False
    connecting.join(DEADLINE_S)


def test_non_connectable_advertising_survives_a_connection(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    central.start_advertising(NAME_DATA, connectable=False)
    connect(central, peripheral)
    assert central.advertising is True


def test_connectable_advertising_survives_an_outgoing_connection(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    central.start_advertising(NAME_DATA)
    connect(central, peripheral)
    assert central.advertising is True


def test_extended_connectable_advertising_connects(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    peripheral.start_advertising(bytes([37, 0xFF]) + bytes(36), interval=0.02)
    assert central.connect(peripheral.address, timeout=DEADLINE_S).connected


@pytest.mark.parametrize("interval", [0.02, 5.0], ids=["high duty cycle", "low duty cycle"])
def test_directed_advertising_takes_only_its_target(
    central: _bleio.Adapter, peripheral: _bleio.Adapter, interval: float
) -> None:
    stranger = _bleio.Adapter("virtual")
    _ = stranger.enabled, stranger.address
    peripheral.start_advertising(b"", directed_to=central.address, interval=interval)
    if interval == 5.0:
        with raises(_bleio.BluetoothError, "Failed to connect: timeout"):
            stranger.connect(peripheral.address, timeout=0.5)
    connection = central.connect(peripheral.address, timeout=DEADLINE_S)
    assert connection.connected
    stranger.enabled = False


def test_high_duty_cycle_directed_advertising_ends_by_itself(
    central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    peripheral.start_advertising(b"", directed_to=central.address, interval=0.02)
    assert peripheral.advertising
    until(lambda: not peripheral.advertising)


# --- connecting


def test_connect_arguments(central: _bleio.Adapter) -> None:
    with pytest.raises(TypeError):
        central.connect(NOWHERE)
    with pytest.raises(TypeError):
        central.connect(NOWHERE, 1)
    with pytest.raises(TypeError):
        central.connect(b"123456", timeout=1)
    with pytest.raises(TypeError):
        central.connect(NOWHERE, timeout="1")
    with raises(ValueError, "timeout must be >= 0"):
        central.connect(NOWHERE, timeout=-1)


def test_connect_times_out(central: _bleio.Adapter) -> None:
    with raises(_bleio.BluetoothError, "Failed to connect: timeout") as caught:
        central.connect(NOWHERE, timeout=0.3)
    assert not isinstance(caught.value, TimeoutError)
    assert central.connections == ()


def test_connect_without_limit(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    peripheral.start_advertising(NAME_DATA, interval=0.02)
    assert central.connect(peripheral.address, timeout=0).connected


def test_connect_ends_a_running_scan(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    peripheral.start_advertising(NAME_DATA, interval=0.02)
    results = central.start_scan()
    next(results)
    central.connect(peripheral.address, timeout=DEADLINE_S)
    for _ in results:
        pass  # ends by itself
    central.start_scan()  # a finished scan needs no stop_scan
    central.stop_scan()


def test_connections_are_stable_objects(
    link: Pair, central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    assert type(central.connections) is tuple
    assert central.connections == (link.outgoing,)
    assert central.connections[0] is link.outgoing
    assert peripheral.connections[0] is link.incoming
    assert (central.connected, peripheral.connected) == (True, True)
    link.outgoing.disconnect()
    until(lambda: not peripheral.connected)
    until(lambda: not central.connected)
    assert (central.connections, peripheral.connections) == ((), ())
    again = connect(central, peripheral)
    assert again.outgoing is not link.outgoing


def test_five_links(peripheral: _bleio.Adapter) -> None:
    centrals = [_bleio.Adapter("virtual") for _ in range(5)]
    links = [connect(each, peripheral) for each in centrals]
    assert len(peripheral.connections) == 5
    assert all(link.outgoing.connected for link in links)
    for each in centrals:
        each.enabled = False


def test_erase_bonding_any_time(central: _bleio.Adapter, link: Pair) -> None:
    assert central.erase_bonding() is None
    link.outgoing.pair()
    assert link.outgoing.paired
    central.erase_bonding()
    assert link.outgoing.paired is False
    assert link.outgoing.connected


def test_erase_bonding_while_disabled(
    central: _bleio.Adapter, peripheral: _bleio.Adapter, link: Pair
) -> None:
    link.outgoing.pair()
    central.enabled = False
    central.erase_bonding()
    assert central.enabled is False
    central.enabled = True
    again = connect(central, peripheral)
    assert again.outgoing.paired is False


def test_read_only_properties(central: _bleio.Adapter) -> None:
    for name in ("advertising", "connected", "connections"):
        with pytest.raises(AttributeError):
            setattr(central, name, None)


def test_connection_error_can_be_caught_as_the_builtin(link: Pair) -> None:
    link.outgoing.disconnect()
    until(lambda: not link.outgoing.connected)
    with pytest.raises(builtins.ConnectionError):
        link.outgoing.discover_remote_services()
