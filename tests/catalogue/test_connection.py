"""Catalogue 3.7, 4.7 and 4.9: Connection."""

from __future__ import annotations

from typing import Any

import _bleio
import pytest

from support.pair import Pair, raises, until

GONE = "Connection has been disconnected and can no longer be used. Create a new connection."


def test_fresh_link(link: Pair) -> None:
    for connection in link:
        assert connection.connected is True
        assert connection.paired is False
        assert isinstance(connection.connection_interval, float)
        assert 15 <= connection.connection_interval <= 300
        assert connection.max_packet_length > 20
    assert link.outgoing.max_packet_length == link.incoming.max_packet_length


def test_hash_and_equality_are_by_identity(link: Pair) -> None:
    assert len({link.outgoing: 1, link.incoming: 2}) == 2
    assert link.outgoing != link.incoming


def test_disconnect(link: Pair) -> None:
    assert link.outgoing.disconnect() is None
    until(lambda: not link.outgoing.connected)
    until(lambda: not link.incoming.connected)
    link.outgoing.disconnect()
    link.incoming.disconnect()
    assert (link.outgoing.connected, link.outgoing.paired) == (False, False)


@pytest.mark.parametrize(
    "use",
    [
        lambda c: c.connection_interval,
        lambda c: setattr(c, "connection_interval", 20),
        lambda c: c.max_packet_length,
        lambda c: c.pair(),
        lambda c: c.discover_remote_services(),
    ],
    ids=["interval", "set interval", "max_packet_length", "pair", "discover"],
)
def test_dead_for_good(link: Pair, use: Any) -> None:
    link.incoming.disconnect()
    until(lambda: not link.outgoing.connected)
    with raises(_bleio.ConnectionError, GONE):
        use(link.outgoing)


@pytest.mark.parametrize("side", ["outgoing", "incoming"])
def test_interval_is_floored_to_units(link: Pair, side: str) -> None:
    connection = getattr(link, side)
    connection.connection_interval = 31.9
    until(lambda: link.outgoing.connection_interval == 31.25)
    until(lambda: link.incoming.connection_interval == 31.25)


@pytest.mark.parametrize("interval", [7.4, 0, -1, 4001])
def test_interval_out_of_range(link: Pair, interval: float) -> None:
    before = link.outgoing.connection_interval
    with raises(ValueError, "Invalid BLE parameter"):
        link.outgoing.connection_interval = interval
    assert link.outgoing.connection_interval == before


def test_interval_must_be_a_number(link: Pair) -> None:
    with pytest.raises(TypeError):
        link.outgoing.connection_interval = "20"


@pytest.mark.parametrize("side", ["outgoing", "incoming"])
def test_pair_from_either_end(link: Pair, side: str) -> None:
    assert getattr(link, side).pair() is None
    assert getattr(link, side).paired is True
    until(lambda: link.outgoing.paired and link.incoming.paired)
    getattr(link, side).pair()  # already encrypted: returns at once


def test_pair_forms(link: Pair) -> None:
    with raises(NotImplementedError, "bond=False"):
        link.outgoing.pair(bond=False)
    with raises(NotImplementedError, "bond=False"):
        link.outgoing.pair(False)
    link.outgoing.pair(True)
    assert link.outgoing.paired


def test_bond_false_is_checked_before_the_link(link: Pair) -> None:
    link.outgoing.disconnect()
    until(lambda: not link.outgoing.connected)
    with raises(NotImplementedError, "bond=False"):
        link.outgoing.pair(bond=False)


def test_reconnecting_encrypts_with_stored_keys(
    link: Pair, central: _bleio.Adapter, peripheral: _bleio.Adapter
) -> None:
    from support.pair import connect

    link.outgoing.pair()
    until(lambda: link.incoming.paired)
    link.outgoing.disconnect()
    until(lambda: not peripheral.connected and not central.connected)
    again = connect(central, peripheral)
    again.outgoing.pair()
    assert again.outgoing.paired


def test_read_only(link: Pair) -> None:
    for name in ("connected", "paired", "max_packet_length"):
        with pytest.raises(AttributeError):
            setattr(link.outgoing, name, 1)
