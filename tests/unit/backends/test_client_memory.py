"""What is remembered of a bonded client: when it is saved and what comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bleio.backends.hci.bonds.client_memory import SAVE_AFTER_S, ClientMemory
from bleio.backends.hci.bonds.store import Bond, ClientState, MemoryBondStore
from bleio.core.address import DeviceAddress
from bleio.core.codes import Properties
from bleio.core.security import LinkSecurity
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable
from support.bearers import Wired, add_characteristic, add_service, published

PEER = DeviceAddress(b"\1\2\3\4\5\xc6", random=True)
SERVICE_CHANGED = "02 00"  # its CCCD is at 0x0009
ALL_CHANGED = "1d 08 00 01 00 ff ff"
ROBUST = "12 0b 00 01"


class CountedStore(MemoryBondStore):
    """A store that knows how often it was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0

    def save(self, bond: Bond, central: bool) -> None:
        super().save(bond, central)
        self.written += 1


class Client:
    """One link of the client; the next link is another one of these."""

    def __init__(self, server: LocalServer, bonds: CountedStore) -> None:
        self.wired = Wired(server, LinkSecurity(encrypted=True))
        self.bonds = bonds
        self.memory = ClientMemory(
            self.wired.bearer, AttributeTable.of(server), bonds, False, self.wired.timers.call_later
        )
        self.wired.link.configured = self.memory.changed
        self.ask = self.wired.ask

    def secured(self) -> Client:
        bond = self.bonds.find(PEER, False)
        assert bond is not None
        self.memory.secured(bond)
        return self

    def left(self) -> None:
        self.memory.close()
        self.wired.bearer.closed(0x13)

    @property
    def stored(self) -> ClientState:
        bond = self.bonds.find(PEER, False)
        assert bond is not None
        return bond.client


@pytest.fixture
def server() -> LocalServer:
    server = published("Test")
    service = add_service(server, 0x1810)
    for uuid in (0x2A37, 0x2A38):
        add_characteristic(server, service, uuid, Properties(0x3A), value=b"v")
    return server


@pytest.fixture
def bonds() -> CountedStore:
    bonds = CountedStore()
    bonds.save(Bond(PEER, bytes(16)), central=False)
    bonds.written = 0
    return bonds


@pytest.fixture
def client(server: LocalServer, bonds: CountedStore) -> Client:
    return Client(server, bonds).secured()


def cccds(server: LocalServer) -> list[int]:
    return [each.cccd_handle for each in server.services[0].characteristics]


def subscribe(client: Client, handle: int, bits: int = 1) -> None:
    assert client.ask(f"12 {handle:02x} 00 {bits:02x} 00") == "13"


def again(client: Client) -> Client:
    """The client goes and comes back."""
    client.left()
    return Client(client.wired.server, client.bonds)


def test_subscriptions_come_back_with_encryption(client: Client, server: LocalServer) -> None:
    first, second = cccds(server)
    subscribe(client, first)
    subscribe(client, second, 2)
    back = again(client)
    assert back.wired.bearer.subscriptions() == {}
    back.secured()
    assert back.wired.bearer.subscriptions() == {first: 1, second: 2}
    back.wired.bearer.teller.notify(server.services[0].characteristics[0].handle, b"n")
    assert back.wired.take()[:2] == "1b"


def test_they_are_saved_soon_and_together(client: Client, server: LocalServer) -> None:
    client.wired.timers.advance(SAVE_AFTER_S)  # that of the new bond
    before = client.bonds.written
    for handle in cccds(server):
        subscribe(client, handle)
    assert client.bonds.written == before
    client.wired.timers.advance(SAVE_AFTER_S)
    assert client.bonds.written == before + 1
    assert client.stored.cccds == tuple((handle, 1) for handle in cccds(server))
    assert client.stored.database_hash == AttributeTable.of(server).database_hash()


def test_a_client_that_never_rests_costs_two_writings_a_second(
    client: Client, server: LocalServer
) -> None:
    (handle, _), start = cccds(server), client.bonds.written
    for number in range(1000):
        subscribe(client, handle, number % 2)
        client.wired.timers.advance(0.01)
    assert client.bonds.written - start <= 2 * 10 + 1


def test_what_did_not_change_is_not_written(client: Client) -> None:
    client.left()
    count = client.bonds.written
    for _ in range(3):
        Client(client.wired.server, client.bonds).secured().left()
    assert client.bonds.written == count


def test_the_end_of_the_link_is_no_unsubscription(client: Client, server: LocalServer) -> None:
    subscribe(client, cccds(server)[0])
    client.left()
    client.wired.timers.advance(60)
    assert client.stored.cccds == ((cccds(server)[0], 1),)


def test_unsubscribing_is_remembered(client: Client, server: LocalServer) -> None:
    (handle, _) = cccds(server)
    subscribe(client, handle)
    back = again(client).secured()
    subscribe(back, handle, 0)
    assert again(back).secured().wired.bearer.subscriptions() == {}


def test_nothing_of_a_client_without_a_bond(server: LocalServer, bonds: CountedStore) -> None:
    stranger = Client(server, bonds)
    subscribe(stranger, cccds(server)[0])
    stranger.wired.timers.advance(60)
    stranger.left()
    assert bonds.written == 0


def test_nothing_after_the_bond_was_erased(client: Client, server: LocalServer) -> None:
    client.bonds.erase()
    subscribe(client, cccds(server)[0])
    client.left()
    assert client.bonds.all() == []


def test_what_was_configured_before_encryption_stays(client: Client, server: LocalServer) -> None:
    first, second = cccds(server)
    subscribe(client, first)
    subscribe(client, second)
    back = again(client)
    subscribe(back, first, 2)
    back.secured()
    assert back.wired.bearer.subscriptions() == {first: 2, second: 1}
    back.left()
    assert back.stored.cccds == ((first, 2), (second, 1))


def test_encrypted_again_on_one_link_nothing_is_restored(
    client: Client, server: LocalServer
) -> None:
    (handle, _) = cccds(server)
    subscribe(client, handle)
    back = again(client).secured()
    subscribe(back, handle, 0)
    back.secured()  # the store still has what it was
    assert back.wired.bearer.subscriptions() == {}


def test_a_new_bond_on_one_link_takes_what_is_configured(
    client: Client, server: LocalServer
) -> None:
    (handle, _) = cccds(server)
    subscribe(client, handle)
    client.bonds.save(Bond(PEER, b"\1" * 16), central=False)
    client.secured()
    client.left()
    bond = client.bonds.find(PEER, False)
    assert bond is not None
    assert bond.ltk == b"\1" * 16
    assert bond.client.cccds == ((handle, 1),)


def test_other_parts_of_the_bond_are_left_alone(client: Client, server: LocalServer) -> None:
    """They may have changed since the link was secured."""
    subscribe(client, cccds(server)[0])
    client.bonds.save(replace(Bond(PEER, bytes(16)), ediv=7), central=False)
    client.left()
    bond = client.bonds.find(PEER, False)
    assert bond is not None
    assert bond.ediv == 7
    assert bond.client.cccds


# Changes of the table


def test_a_change_while_it_was_away_is_indicated(client: Client, server: LocalServer) -> None:
    subscribe(client, cccds(server)[0])
    subscribe(client, 9, 2)
    client.left()
    add_service(server, 0x1811)
    back = Client(server, client.bonds).secured()
    assert back.wired.take() == ALL_CHANGED
    assert back.wired.bearer.subscriptions() == {9: 2}
    back.wired.feed("1e")
    back.left()
    assert back.stored == ClientState(((9, 2),), AttributeTable.of(server).database_hash())
    Client(server, client.bonds).secured()
    assert not back.wired.sent


def test_what_was_not_confirmed_is_indicated_again(client: Client, server: LocalServer) -> None:
    subscribe(client, 9, 2)
    client.left()
    add_service(server, 0x1811)
    back = Client(server, client.bonds).secured()
    back = again(back).secured()  # gone before it could confirm
    assert back.wired.take() == ALL_CHANGED
    back.wired.feed("1e")
    back = again(back).secured()
    assert not back.wired.sent


def test_a_change_under_way_when_the_link_ends(client: Client, server: LocalServer) -> None:
    subscribe(client, 9, 2)
    client.wired.timers.advance(60)
    add_service(server, 0x1811)
    assert client.wired.take()[:8] == "1d 08 00"
    back = again(client).secured()
    assert back.wired.take() == ALL_CHANGED


def test_one_that_did_not_want_to_know_keeps_what_it_subscribed_to_since(
    client: Client, server: LocalServer
) -> None:
    add_service(server, 0x1811)
    subscribe(client, cccds(server)[0])
    subscribe(client, 9, 2)  # from here on it wants to
    back = again(client).secured()
    assert back.wired.bearer.subscriptions() == {cccds(server)[0]: 1, 9: 2}
    assert not back.wired.sent


def test_the_same_table_again_is_no_change(client: Client, server: LocalServer) -> None:
    subscribe(client, 9, 2)
    client.left()
    server.remove_service(add_service(server, 0x1811))
    back = Client(server, client.bonds).secured()
    assert not back.wired.sent
    assert back.wired.bearer.awareness.knows_table


# Robust caching; Spec: Vol 3, Part G, 2.5.2.1


def test_features_come_back_and_a_change_makes_unaware(client: Client, server: LocalServer) -> None:
    assert client.ask(ROBUST) == "13"
    back = again(client).secured()
    assert back.ask("0a 0b 00") == "0b 01"
    back.left()
    add_service(server, 0x1811)
    back = Client(server, client.bonds).secured()
    assert back.wired.bearer.awareness.features == 1
    assert back.ask("0a 0b 00") == "01 0a 00 00 12"
    assert back.ask("0a 0b 00") == "0b 01"
    back = again(back).secured()
    assert back.ask("0a 0b 00") == "0b 01"  # aware for good


def test_unaware_it_comes_back_unaware(client: Client, server: LocalServer) -> None:
    assert client.ask(ROBUST) == "13"
    add_service(server, 0x1811)
    back = again(client).secured()
    assert back.ask("0a 0b 00") == "01 0a 00 00 12"
    back = again(back).secured()  # told, but it asked for nothing since
    assert back.ask("0a 0b 00") == "01 0a 00 00 12"
