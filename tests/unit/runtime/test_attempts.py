"""What was tried, told from the call that failed."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.backends.base import Backend, Link
from bleio.core.address import DeviceAddress
from bleio.core.codes import Properties
from bleio.gatt.model import (
    LocalCharacteristic,
    RemoteCharacteristic,
    RemoteDescriptor,
)
from bleio.gatt.server import LocalServer
from bleio.runtime import attempts, session
from bleio.runtime.gap import Gap
from bleio.runtime.life import Life

PEER = DeviceAddress(bytes.fromhex("0102030405c0"), random=True)
LEVEL = RemoteCharacteristic(bytes.fromhex("192a"), Properties.READ, 0x11, 0x12)
USER = RemoteDescriptor(bytes.fromhex("0129"), 0x14)
UART = RemoteCharacteristic(bytes(range(16)), Properties.WRITE, 0x20, 0)

BATTERY = "characteristic Battery Level (0x2a19)"
DESCRIPTION = "descriptor Characteristic User Description (0x2901)"


class FakeLink:
    """Has the names of `Link`'s methods."""

    peer = PEER


def method(name: str) -> Any:
    def called(self: Any) -> None: ...

    called.__name__ = name
    return called.__get__(FakeLink())


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("read", (LEVEL,), f"reading {BATTERY} at handle 0x0012"),
        (
            "read",
            (USER,),
            f"reading {DESCRIPTION} at handle 0x0014",
        ),
        (
            "write",
            (LEVEL, b"abc"),
            f"writing 3 octets to {BATTERY} at handle 0x0012",
        ),
        (
            "write_command",
            (UART, b"abc", True),
            "writing 3 octets to characteristic 0f0e0d0c-0b0a-0908-0706-050403020100"
            " without response",
        ),
        (
            "subscribe",
            (LEVEL, True, False),
            f"subscribing to {BATTERY} at handle",
        ),
        (
            "subscribe",
            (LEVEL, False, False),
            f"unsubscribing from {BATTERY}",
        ),
        ("pair", (), "pairing"),
        ("discover", (None,), "discovering all services"),
        (
            "discover",
            ([bytes.fromhex("0f18")],),
            "discovering the services Battery Service (0x180f)",
        ),
        ("set_interval", (7500,), "asking for a connection interval of 7.5 ms"),
    ],
)
def test_what_is_done_with_a_link(name: str, args: tuple[Any, ...], words: str) -> None:
    told, peer = attempts.words_of(method(name), args)
    assert told.startswith(words)
    assert peer == f"{'with' if name == 'pair' else 'of'} {PEER}"


def test_what_is_done_through_the_life_of_an_adapter() -> None:
    use, connect = Life.use, Gap._connect
    assert attempts.words_of(use, ((), connect, PEER, 4.0))[0] == f"connecting to {PEER} within 4 s"
    assert attempts.words_of(use, ((), connect, PEER, 0)) == (f"connecting to {PEER}", "")
    assert attempts.words_of(use, ((), Gap._start_scan, 1, 2, 3)) == ("starting a scan", "")


def test_what_has_no_words() -> None:
    assert attempts.words_of(len, ("abc",)) == ("", "")


def test_a_local_value_is_told_without_a_handle_it_has_not_got() -> None:
    local = LocalCharacteristic(bytes.fromhex("192a"), Properties.READ)
    assert f"local {BATTERY} and" in attempts.words_of(Backend.publish, (local, b""))[0]


def test_every_row_is_the_name_of_something_that_is_called() -> None:
    places = (Link, Backend, Gap, Life, LocalServer, session.Session, session)
    for name in (*attempts._WORDS, *attempts._THROUGH):
        assert any(callable(getattr(place, name, None)) for place in places), name
