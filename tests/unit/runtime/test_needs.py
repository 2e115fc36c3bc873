"""What a backend cannot do is refused with a sentence; nothing that was asked for is ignored."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bleio.api import Connection
from bleio.backends.base import AdvertisingParameters, ScanParameters
from bleio.backends.capabilities import EVERYTHING, SETTINGS, Capability
from bleio.core.address import DeviceAddress
from bleio.core.advertising import Prefixes
from bleio.core.codes import SecurityMode
from bleio.core.pairing import PairingMethod, SecuritySettings
from bleio.gatt.model import LocalCharacteristic, LocalService, Properties
from bleio.runtime.scan_buffer import ScanBuffer
from bleio.runtime.session import Session
from support.fake_backend import PEER, FakeBackend
from unit.runtime.conftest import Played

OTHER = DeviceAddress(bytes.fromhex("a102030405c6"), random=True)
FLAGS = b"\x02\x01\x06"
Ask = Callable[["Bench"], Any]


class Bench:
    """A session on a backend that lacks some capabilities, from the start or once it is open."""

    def __init__(self) -> None:
        self.lacks: set[Capability] = set()
        self.lacks_when_open: set[Capability] = set()
        self.backends: list[FakeBackend] = []
        self.session = Session(self._make, Connection._create)

    def _make(self, former: DeviceAddress | None) -> FakeBackend:
        bench = self

        class Limited(FakeBackend):
            name = "os"
            capabilities = EVERYTHING - bench.lacks

            async def open(self, *args: Any) -> None:
                await super().open(*args)
                self.capabilities -= bench.lacks_when_open

        self.backends.append(Limited(former))
        return self.backends[-1]

    def connection(self) -> Connection:
        connection = self.session.engine.finish(self.session.gap.connect, PEER, 0)
        assert isinstance(connection, Connection)
        return connection


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.session.engine.finish(bench.session.set_enabled, False)


def advertise(data: bytes = FLAGS, **wishes: Any) -> Ask:
    parameters = AdvertisingParameters(data, **wishes)
    return lambda bench: bench.session.engine.finish(
        bench.session.gap.start_advertising, parameters, 0
    )


def scan(**wishes: Any) -> Ask:
    def ask(bench: Bench) -> None:
        buffer = ScanBuffer(
            bench.session.engine.clock, 512, Prefixes(b""), -80, bench.session.counted
        )
        bench.session.engine.finish(
            bench.session.gap.start_scan, ScanParameters(**wishes), 0, buffer
        )

    return ask


def set_interval(bench: Bench) -> None:
    bench.connection().connection_interval = 50


ASKED: list[tuple[Capability, Ask]] = [
    (Capability.PERIPHERAL, advertise()),
    (Capability.RAW_ADVERTISING, advertise(b"\x05\x09cut")),
    (Capability.RAW_ADVERTISING, advertise(scan_response=b"\x05\x09cut")),
    (Capability.NON_CONNECTABLE_ADVERTISING, advertise(connectable=False)),
    (Capability.DIRECTED_ADVERTISING, advertise(b"", directed_to=PEER)),
    (Capability.ANONYMOUS_ADVERTISING, advertise(anonymous=True)),
    (Capability.ADVERTISING_INTERVAL, advertise(interval_us=20_000)),
    (Capability.PASSIVE_SCANNING, scan(active=False)),
    (Capability.SCAN_TIMING, scan(interval_us=200_000)),
    (Capability.SCAN_TIMING, scan(window_us=50_000)),
    (Capability.OWN_ADDRESS, lambda bench: bench.session.engine.finish(bench.session.address)),
    (
        Capability.SETTABLE_ADDRESS,
        lambda bench: bench.session.engine.finish(bench.session.set_address, OTHER),
    ),
    (Capability.OUT_OF_BAND, lambda bench: bench.session.engine.finish(bench.session.local_oob)),
    (
        Capability.ERASABLE_BONDS,
        lambda bench: bench.session.engine.finish(bench.session.erase_bonds),
    ),
    (Capability.CONNECTION_INTERVAL, lambda bench: bench.connection().connection_interval),
    (Capability.CONNECTION_INTERVAL, set_interval),
    (Capability.PAIRING, lambda bench: bench.connection().pair()),
]


def refusal(capability: Capability) -> Any:
    sentence = capability.refusal("os")
    return pytest.raises(NotImplementedError, match=f"^{re.escape(sentence)}$")


def test_an_address_that_is_not_told_is_refused_while_off_as_well(bench: Bench) -> None:
    bench.lacks_when_open = {Capability.OWN_ADDRESS}
    bench.session.engine.finish(bench.session.set_enabled, False)
    for _ in range(2):
        with refusal(Capability.OWN_ADDRESS):
            _ = bench.session.engine.finish(bench.session.address)
    assert bench.session.life.backend is None


@pytest.mark.parametrize(("capability", "ask"), ASKED)
def test_what_it_cannot_do_is_refused(bench: Bench, capability: Capability, ask: Ask) -> None:
    bench.lacks_when_open = {capability}
    with refusal(capability):
        ask(bench)
    assert set(bench.backends[0].log) <= {"open", "connect"}
    assert not bench.session.gap.advertising


def test_defaults_need_nothing_but_advertising(bench: Bench) -> None:
    bench.lacks = set(EVERYTHING - {Capability.PERIPHERAL})
    advertise()(bench)
    scan()(bench)
    connection = bench.connection()
    assert connection.max_packet_length == 20
    connection.disconnect()


def test_who_is_paired_already_needs_no_pairing(bench: Bench) -> None:
    bench.lacks = {Capability.PAIRING}
    connection = bench.connection()
    connection._link.security.encrypted = True
    connection.pair()


# --- settings

CHANGED: dict[str, Any] = {
    "secure_connections_only": True,
    "min_key_octets": 7,
    "method": PairingMethod.PASSKEY_ENTRY,
    "debug_keys": True,
    "private_address": True,
    "rotation_s": 60,
    "fail_closed": False,
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_setting_that_it_would_ignore_is_refused(bench: Bench, name: str) -> None:
    settings = SecuritySettings(**{name: CHANGED[name]})
    bench.lacks = {SETTINGS[name]}
    bench.session.engine.finish(bench.session.erase_bonds)
    with refusal(SETTINGS[name]):
        bench.session.set_security(settings)
    assert bench.session.policy.settings == SecuritySettings()
    bench.session.engine.finish(bench.session.set_enabled, False)
    bench.session.set_security(settings)  # there is nothing yet that could ignore it
    with refusal(SETTINGS[name]):
        bench.session.engine.finish(bench.session.set_enabled, True)
    assert not bench.session.life.enabled
    assert bench.backends[-1].log == []


def test_every_setting_is_tried() -> None:
    assert set(CHANGED) == set(SETTINGS)


def test_a_setting_that_it_turns_out_to_ignore_is_refused_too(bench: Bench) -> None:
    bench.lacks_when_open = {Capability.PRIVATE_ADDRESS}
    bench.session.set_security(SecuritySettings(private_address=True))
    with refusal(Capability.PRIVATE_ADDRESS):
        bench.session.engine.finish(bench.session.erase_bonds)
    assert bench.backends[0].log == ["open", "close"]
    bench.session.set_security(SecuritySettings())
    bench.session.engine.finish(bench.session.erase_bonds)


UNKEPT = [Capability.FAIL_CLOSED.refusal("os")]


def of_level(level: int, caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == level]


def test_a_default_that_it_cannot_honour_is_warned_of_when_it_matters(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.lacks = {Capability.FAIL_CLOSED, Capability.DEBUG_KEYS}
    with caplog.at_level(logging.INFO, "bleio"):
        bench.session.engine.finish(bench.session.erase_bonds)
        assert of_level(logging.INFO, caplog) == UNKEPT
        assert of_level(logging.WARNING, caplog) == []
        bench.session.security_matters()
        bench.session.security_matters()
    assert of_level(logging.WARNING, caplog) == UNKEPT


def test_it_matters_to_a_delegate_and_to_values_that_ask_for_security(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.lacks = {Capability.FAIL_CLOSED}
    bench.session.set_pairing_delegate(Played(print))
    bench.session.engine.finish(bench.session.erase_bonds)
    assert of_level(logging.WARNING, caplog) == UNKEPT
    bench.session.set_pairing_delegate(None)
    bench.session.engine.finish(bench.session.set_enabled, False)
    service = LocalService(b"\x0d\x18")
    bench.session.server.add_service(service)
    assert not bench.session.server.asks_for_security
    secret = LocalCharacteristic(
        b"\x37\x2a", Properties.READ, read_perm=SecurityMode.ENCRYPT_NO_MITM
    )
    bench.session.server.add_characteristic(service, secret)
    bench.session.engine.finish(bench.session.set_enabled, True)
    assert of_level(logging.WARNING, caplog) == UNKEPT * 2


# --- the delegate


def test_a_delegate_that_it_would_not_ask_is_refused(bench: Bench) -> None:
    bench.lacks = {Capability.PAIRING_DELEGATE}
    bench.session.engine.finish(bench.session.erase_bonds)
    with refusal(Capability.PAIRING_DELEGATE):
        bench.session.set_pairing_delegate(Played(print))
    assert bench.session.policy.delegate is None
    bench.session.set_pairing_delegate(None)
    bench.session.engine.finish(bench.session.set_enabled, False)
    bench.session.set_pairing_delegate(Played(print))
    with refusal(Capability.PAIRING_DELEGATE):
        bench.session.engine.finish(bench.session.set_enabled, True)
    bench.session.set_pairing_delegate(None)
    bench.session.engine.finish(bench.session.set_enabled, True)


def test_out_of_band_data_that_it_would_not_ask_for_is_refused(bench: Bench) -> None:
    bench.lacks = {Capability.OUT_OF_BAND}
    bench.session.engine.finish(bench.session.erase_bonds)
    with refusal(Capability.OUT_OF_BAND):
        bench.session.set_pairing_delegate(Played(print))
    delegate = Played(print)
    delegate.has_oob = False
    bench.session.set_pairing_delegate(delegate)
