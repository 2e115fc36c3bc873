"""Connections and what was discovered on them, on a link that the test plays."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.api import UUID, Characteristic, Connection, Descriptor
from bleio.core.codes import Properties
from bleio.errors import (
    AttError,
    BluetoothError,
    ConnectionError,
    LinkLost,
    PairingFailed,
    RoleError,
    SecurityError,
    TransactionTimeout,
)
from bleio.gatt.model import RemoteService
from support.api_bench import Bench, InThread, PlayedLink, raises, until

COMMAND, REQUEST = Properties.WRITE_WITHOUT_RESPONSE, Properties.WRITE
GONE = "Connection has been disconnected and can no longer be used. Create a new connection."


@pytest.fixture
def link(bench: Bench) -> PlayedLink:
    return bench.connect()


@pytest.fixture
def connection(bench: Bench, link: PlayedLink) -> Connection:
    return bench.connection(link)


# --- connection


def test_live_values(connection: Connection, link: PlayedLink) -> None:
    assert (connection.connected, connection.paired) == (True, False)
    assert (connection.connection_interval, connection.max_packet_length) == (50.0, 20)
    link.security.encrypted, link.mtu, link.interval_us = True, 100, 7_500
    assert (connection.paired, connection.connection_interval) == (True, 7.5)
    assert connection.max_packet_length == 97


def test_it_says_what_it_is(connection: Connection) -> None:
    assert repr(connection) == "<Connection as central to c1:a5:a4:a3:a2:a1 not encrypted>"


@pytest.mark.parametrize(
    ("ms", "us"), [(7.5, 7_500), (8.74, 7_500), (20, 20_000), (31.9, 31_250), (4000, 4_000_000)]
)
def test_interval_units(connection: Connection, link: PlayedLink, ms: float, us: int) -> None:
    connection.connection_interval = ms
    assert link.log == [("set_interval", us)]


@pytest.mark.parametrize("ms", [7.49, 0, -20, 4000.1, float("nan"), float("inf")])
def test_interval_out_of_range(connection: Connection, link: PlayedLink, ms: float) -> None:
    with raises(ValueError, "Invalid BLE parameter"):
        connection.connection_interval = ms
    assert link.log == []


@pytest.mark.parametrize("bond", [False, 0, None, ""])
def test_bond_false_comes_first(connection: Connection, bench: Bench, bond: Any) -> None:
    bench.drop(connection._link)
    with raises(NotImplementedError, "bond=False"):
        connection.pair(bond=bond)


@pytest.mark.parametrize("call", [lambda c: c.pair(), lambda c: c.pair(True)])
def test_pairing(connection: Connection, call: Any) -> None:
    call(connection)
    assert connection.paired


@pytest.mark.parametrize("error", [PairingFailed(5), LinkLost(0x08)])
def test_pairing_failures(connection: Connection, link: PlayedLink, error: Exception) -> None:
    link.failing["pair"] = error
    with pytest.raises(SecurityError, match=r"^Unspecified issue\. The pairing request"):
        connection.pair()


@pytest.mark.parametrize(
    "use",
    [
        lambda c: c.connection_interval,
        lambda c: setattr(c, "connection_interval", "no number"),
        lambda c: c.max_packet_length,
        lambda c: c.pair(),
        lambda c: c.discover_remote_services([1]),
    ],
)
def test_dead_for_good(bench: Bench, connection: Connection, use: Any) -> None:
    bench.drop(connection._link)
    with raises(ConnectionError, GONE):
        use(connection)
    assert (connection.connected, connection.paired) == (False, False)
    connection.disconnect()


def test_disconnect(connection: Connection, link: PlayedLink) -> None:
    connection.disconnect()
    connection.disconnect()
    assert link.log == [("disconnect",)]


# --- discovery


def test_whitelist_forms(connection: Connection, link: PlayedLink) -> None:
    link.services = [RemoteService(b"\x0f\x18", 1, 9)]
    (service,) = connection.discover_remote_services(UUID(n) for n in (0x180F, 0x1800))
    (again,) = connection.discover_remote_services(service_uuids_whitelist=None)
    assert link.log == [("discover", [b"\x0f\x18", b"\x00\x18"]), ("discover", None)]
    assert (service.uuid, service.remote, service.secondary) == (UUID(0x180F), True, False)
    assert service is not again


@pytest.mark.parametrize("whitelist", [[0x180F], [UUID(1), b"x"], "ab"])
def test_whitelist_items(connection: Connection, link: PlayedLink, whitelist: Any) -> None:
    with raises(TypeError, "non-UUID found in service_uuids_whitelist"):
        connection.discover_remote_services(whitelist)
    assert link.log == []


@pytest.mark.parametrize(
    ("inner", "public", "text"),
    [
        (LinkLost(0x08), ConnectionError, GONE),
        (TransactionTimeout("too slow"), TimeoutError, "too slow"),
        (AttError(0x05), SecurityError, "Insufficient authentication"),
    ],
)
def test_discovery_errors(
    connection: Connection, link: PlayedLink, inner: Exception, public: Any, text: str
) -> None:
    link.failing["discover"] = inner
    with raises(public, text):
        connection.discover_remote_services()


def test_remote_objects_refuse_what_is_local(bench: Bench, link: PlayedLink) -> None:
    remote = bench.remote(link, Properties.READ)
    with pytest.raises(RoleError):
        Characteristic.add_to_service(remote.service, UUID(1))
    with pytest.raises(RoleError):
        Descriptor.add_to_characteristic(remote, UUID(1))
    remote.service.deinit()


def test_bits_without_a_constant_are_left_out(bench: Bench, link: PlayedLink) -> None:
    assert bench.remote(link, Properties(0xC2)).properties == Characteristic.READ
    assert bench.remote(link, Properties(0x3F)).properties == 0x3F


# --- reading and writing


def test_each_get_reads(bench: Bench, link: PlayedLink) -> None:
    remote = bench.remote(link, Properties.READ)
    link.values = {3: b"abc", 5: b"d"}
    assert (remote.value, remote.value, remote.descriptors[1].value) == (b"abc", b"abc", b"d")
    assert link.log == [("read", 3), ("read", 3), ("read", 5)]
    assert remote.max_length == 20


@pytest.mark.parametrize(
    ("properties", "size", "how"),
    [
        (REQUEST, 20, "write"),
        (REQUEST, 21, "write"),
        (COMMAND, 20, "write_command"),
        (COMMAND | REQUEST, 20, "write_command"),
        (COMMAND | REQUEST, 21, "write"),
        (Properties.READ, 1, "write"),
    ],
)
def test_how_a_value_is_written(
    bench: Bench, link: PlayedLink, properties: Properties, size: int, how: str
) -> None:
    bench.remote(link, properties).value = bytearray(size)
    assert link.log == [(how, 3, bytes(size))]


def test_too_long_for_a_command(bench: Bench, link: PlayedLink) -> None:
    remote = bench.remote(link, COMMAND)
    with pytest.raises(BluetoothError, match="too long"):
        remote.value = bytes(21)
    assert link.log == []


def test_descriptors_are_written_with_response(bench: Bench, link: PlayedLink) -> None:
    bench.remote(link, COMMAND).descriptors[1].value = "text"
    assert link.log == [("write", 5, b"text")]


@pytest.mark.parametrize("value", [None, 5, [1]])
def test_a_value_must_be_a_buffer(bench: Bench, link: PlayedLink, value: Any) -> None:
    remote = bench.remote(link, COMMAND | REQUEST)
    for attribute in (remote, remote.descriptors[1]):
        with raises(TypeError, "object with buffer protocol required"):
            attribute.value = value


@pytest.mark.parametrize(
    ("inner", "public", "text"),
    [
        (AttError(0x05), SecurityError, "Insufficient authentication"),
        (AttError(0x0F), SecurityError, "Insufficient encryption"),
        (AttError(0x02), BluetoothError, "Unknown gatt error: 0x0102"),
        (AttError(0x80), BluetoothError, "Unknown gatt error: 0x0180"),
        (LinkLost(0x13), ConnectionError, "Not connected"),
        (TransactionTimeout("silence"), TimeoutError, "silence"),
    ],
)
@pytest.mark.parametrize("operation", ["read", "write"])
def test_errors(
    bench: Bench, link: PlayedLink, operation: str, inner: Exception, public: Any, text: str
) -> None:
    remote = bench.remote(link, Properties.READ | REQUEST)
    link.failing[operation] = inner
    with raises(public, text):
        _ = remote.value if operation == "read" else setattr(remote, "value", b"x")


def test_a_lost_link_wakes_a_read(bench: Bench, link: PlayedLink) -> None:
    remote = bench.remote(link, Properties.READ)
    bench.hold(link)
    reading = InThread(lambda: remote.value)
    until(lambda: link.waiting)
    bench.drop(link)
    with raises(ConnectionError, "Not connected"):
        reading.join()


# --- set_cccd


@pytest.mark.parametrize(
    ("options", "octets"),
    [
        (dict(), b"\0\0"),
        (dict(notify=1), b"\1\0"),
        (dict(indicate="yes"), b"\2\0"),
        (dict(notify=True, indicate=True), b"\3\0"),
    ],
)
def test_set_cccd(bench: Bench, link: PlayedLink, options: Any, octets: bytes) -> None:
    bench.remote(link, Properties.NOTIFY).set_cccd(**options)
    assert link.log == [("write", 4, octets)]


def test_set_cccd_checks_the_cccd_before_the_link(bench: Bench, link: PlayedLink) -> None:
    without = bench.remote(link, Properties.NOTIFY, cccd=False)
    with_one = bench.remote(link, Properties.NOTIFY)
    bench.drop(link)
    with raises(BluetoothError, "No CCCD for this Characteristic"):
        without.set_cccd(notify=True)
    with raises(ConnectionError, "Not connected"):
        with_one.set_cccd(notify=True)


def test_deinit_makes_it_unusable(bench: Bench, link: PlayedLink) -> None:
    remote = bench.remote(link, Properties.READ)
    remote.deinit()
    remote.deinit()
    with pytest.raises(ValueError, match="deinitialized"):
        _ = remote.value
    assert link.log == []
