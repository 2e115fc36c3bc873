"""Robust caching: what a client that missed a change may do (Vol 3, Part G, 2.5.2.1)."""

from __future__ import annotations

import pytest

from bleio.core.codes import Properties
from support.bearers import Wired, add_characteristic, add_service

ENABLE = "12 0b 00 01"  # robust caching in Client Supported Features


@pytest.fixture
def wired() -> Wired:
    wired = Wired()
    service = add_service(wired.server, 0x1810)
    add_characteristic(wired.server, service, 0x2A37, Properties(0x1E), value=b"v")
    return wired


def unaware(wired: Wired) -> Wired:
    assert wired.ask(ENABLE) == "13"
    add_service(wired.server, 0x1811)
    return wired


BY_HANDLE = {
    "0a 12 00": "0b 76",
    "0c 12 00 00 00": "0d 76",
    "0e 12 00 12 00": "0f 76 76",
    "20 12 00 12 00": "21 01 00 76 01 00 76",
    "12 12 00 77": "13",
    "16 12 00 00 00 77": "17 12 00 00 00 77",
}


@pytest.mark.parametrize("pdu", BY_HANDLE)
def test_one_out_of_sync_then_aware(wired: Wired, pdu: str) -> None:
    unaware(wired)
    assert wired.ask(pdu) == f"01 {pdu[:2]} 00 00 12"
    assert wired.ask(pdu) == BY_HANDLE[pdu]


@pytest.mark.parametrize("pdu", BY_HANDLE)
def test_without_robust_caching_nothing_is_refused(wired: Wired, pdu: str) -> None:
    add_service(wired.server, 0x1811)
    assert wired.ask(pdu) == BY_HANDLE[pdu]


def test_discovery_stays_open_and_does_not_make_aware(wired: Wired) -> None:
    unaware(wired)
    for pdu in ("10 01 00 ff ff 00 28", "08 01 00 ff ff 03 28", "04 01 00 ff ff", "02 17 00"):
        assert wired.ask(pdu)[:2] != "01"
    assert wired.ask("0a 12 00") == "01 0a 00 00 12"


def test_reading_the_hash_makes_aware_with_the_next_request(wired: Wired) -> None:
    unaware(wired)
    assert wired.ask("08 01 00 ff ff 2a 2b")[:2] == "09"
    wired.bearer.teller.notify(0x12, b"n")
    assert wired.bearer.counters.suppressed_values == 1
    assert wired.ask("0a 12 00") == "0b 76"
    wired.bearer.teller.notify(0x12, b"n")
    assert wired.take() == "1b 12 00 6e"


def test_commands_of_an_unaware_client_are_ignored(wired: Wired) -> None:
    unaware(wired)
    wired.feed("52 12 00 77", "52 12 00 77")
    assert wired.ask("0a 12 00") == "01 0a 00 00 12"
    wired.feed("52 12 00 77")  # a command does not show that it has understood
    assert wired.bearer.counters.refused_commands == 3
    assert wired.ask("0a 12 00") == "0b 76"


def test_values_are_withheld_until_service_changed_is_confirmed(wired: Wired) -> None:
    wired.feed("12 09 00 02 00")
    unaware(wired)
    assert wired.take() == "1d 08 00 14 00 14 00"
    done: list[Exception | None] = []
    wired.bearer.teller.notify(0x12, b"n")
    wired.bearer.teller.indicate(0x12, b"i", done.append)
    assert done == [None] and wired.sent == []
    assert wired.bearer.counters.suppressed_values == 2
    wired.feed("1e")
    wired.bearer.teller.notify(0x12, b"n")
    assert wired.take() == "1b 12 00 6e"
    assert wired.ask("0a 12 00") == "0b 76"


def test_a_change_during_confirmation_keeps_it_unaware(wired: Wired) -> None:
    wired.feed("12 09 00 02 00")
    unaware(wired)
    add_service(wired.server, 0x1812)
    wired.feed("1e")  # confirms the first change only
    wired.bearer.teller.notify(0x12, b"n")
    assert wired.bearer.counters.suppressed_values == 1
    wired.feed("1e")
    wired.bearer.teller.notify(0x12, b"n")
    assert wired.bearer.counters.suppressed_values == 1


def test_client_features() -> None:
    wired = Wired()
    assert wired.ask("0a 0b 00") == "0b 00"
    assert wired.ask("12 0b 00") == "01 12 0b 00 0d"
    assert wired.ask("12 0b 00 05") == "13"
    assert wired.ask("12 0b 00 04") == "01 12 0b 00 13"  # none can be taken back
    assert wired.ask("12 0b 00 ff 01") == "13"  # bits of later versions are ignored
    assert wired.ask("0a 0b 00") == "0b 07"
    assert wired.ask("12 0b 00" + "ff" * 9) == "01 12 0b 00 0d"
    assert Wired(wired.server).ask("0a 0b 00") == "0b 00"  # each client has its own
