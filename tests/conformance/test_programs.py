"""A program on two systems that are unlike HCI: what works there, and what is refused."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from bleio import api as _bleio
from bleio.api.adapter import use_adapter
from bleio.core.pairing import SecuritySettings
from support.little.air import LittleAir
from support.little.backend import LittleBackend
from support.little.link import MTU
from support.patience import PATIENCE_S

SERVICE, VALUE = _bleio.UUID(0xA000), _bleio.UUID(0xA001)
FLAGS = b"\x02\x01\x06"


def make_adapter(air: LittleAir) -> _bleio.Adapter:
    adapter = _bleio.Adapter.__new__(_bleio.Adapter)
    adapter._set_up(lambda former: LittleBackend(air), "little")
    return adapter


def until(condition: Callable[[], object]) -> Any:
    end_s = time.monotonic() + PATIENCE_S
    while not (result := condition()):
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.001)
    return result


class Ends:
    """A peripheral with one characteristic, and a central that has found it."""

    def __init__(self) -> None:
        air = LittleAir()
        self.central, self.peripheral = make_adapter(air), make_adapter(air)
        with use_adapter(self.peripheral):
            self.local = _bleio.Characteristic.add_to_service(
                _bleio.Service(SERVICE),
                VALUE,
                properties=_bleio.Characteristic.READ
                | _bleio.Characteristic.WRITE
                | _bleio.Characteristic.NOTIFY,
                max_length=100,
            )
        self.peripheral.start_advertising(FLAGS)
        with suppress(StopIteration):
            entry = next(iter(self.central.start_scan(timeout=PATIENCE_S)))
        self.central.stop_scan()
        assert entry.advertisement_bytes == FLAGS
        self.connection = self.central.connect(entry.address, timeout=PATIENCE_S)
        (service,) = self.connection.discover_remote_services([SERVICE])
        (self.remote,) = service.characteristics

    def close(self) -> None:
        for adapter in (self.central, self.peripheral):
            adapter.enabled = False


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.close()


def test_values(ends: Ends) -> None:
    ends.local.value = b"local"
    assert ends.remote.value == b"local"
    ends.remote.value = b"remote"
    assert ends.local.value == b"remote"
    assert ends.connection.max_packet_length == MTU - 3


def test_a_packet_buffer_serves_all_clients_as_one(ends: Ends) -> None:
    server = _bleio.PacketBuffer(ends.local, buffer_size=4)
    assert server.write(b"to nobody") == 0
    client = _bleio.PacketBuffer(ends.remote, buffer_size=4, max_packet_size=100)
    packet = bytearray(200)
    assert until(lambda: server.write(b"pong")) == 4
    assert until(lambda: client.readinto(packet)) == 4
    assert packet[:4] == b"pong"
    assert client.write(b"ping!") == 5
    assert until(lambda: server.readinto(packet)) == 5
    assert packet[:5] == b"ping!"
    ends.connection.disconnect()
    until(lambda: not ends.peripheral.connected)
    assert server.write(b"to nobody") == 0


def test_a_buffer_that_comes_late_finds_them(ends: Ends) -> None:
    ends.remote.set_cccd(notify=True)
    server = _bleio.PacketBuffer(ends.local, buffer_size=4)
    assert server.outgoing_packet_length == 100
    assert server.write(b"x") == 1


@pytest.mark.parametrize(
    ("ask", "limit"),
    [
        (
            lambda ends: setattr(ends.central, "address", _bleio.Address(b"\1\2\3\4\5\xc6", 1)),
            "take an address that the program chooses",
        ),
        (lambda ends: ends.connection.pair(), "pair when the program asks for it"),
        (
            lambda ends: ends.connection.connection_interval,
            "tell or change a connection interval",
        ),
        (
            lambda ends: ends.central.start_advertising(FLAGS, connectable=False),
            "advertise without letting others connect",
        ),
        (
            lambda ends: ends.central.start_scan(active=False),
            "scan without asking for scan responses",
        ),
        (
            lambda ends: setattr(ends.central, "security", SecuritySettings(min_key_octets=7)),
            "demand a length of encryption keys (min_key_octets)",
        ),
        (
            lambda ends: ends.central.erase_bonding(),
            "forget its bonds when the program asks for it",
        ),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_way_out(
    ends: Ends, ask: Callable[[Ends], Any], limit: str
) -> None:
    with pytest.raises(
        NotImplementedError,
        match=rf'^little\d cannot {re.escape(limit)}; "hci:usb:0" can, with a Bluetooth dongle',
    ):
        ask(ends)


def test_a_permission_that_it_cannot_keep_is_refused(ends: Ends) -> None:
    with use_adapter(ends.peripheral):
        service = _bleio.Service(_bleio.UUID(0xA002))
    with pytest.raises(NotImplementedError, match="does not authenticate"):
        _bleio.Characteristic.add_to_service(
            service, VALUE, read_perm=_bleio.Attribute.ENCRYPT_WITH_MITM
        )
    assert service.characteristics == ()


def test_defaults_that_it_does_not_keep_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "bleio"):
        Ends().close()
    told = "\n".join(caplog.messages)
    assert "(min_key_octets)" in told
    assert "(fail_closed)" in told
