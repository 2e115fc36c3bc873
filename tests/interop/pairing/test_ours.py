"""Every pairing method between two of our adapters, as programs see it."""

from __future__ import annotations

import threading
from typing import Any

import _bleio
import pytest

from bleio.api import IoCapability, OobData, PairingDelegate, PairingMethod, SecuritySettings
from bleio.testing import World
from support.hci.lines import SEEDS, skew_all, stray_all
from support.pair import Pair, connect, raises, until
from support.pairing import (
    CENTRAL,
    GENERATIONS,
    PERIPHERAL,
    Courier,
    Desk,
    Person,
    modes_of,
    only_legacy,
    readable_modes,
)

pytestmark = pytest.mark.interop

D, YN, K, N, KD = IoCapability
WORKS, COMPARE, PASSKEY, OOB = PairingMethod
# Capabilities of central and peripheral: the method of LE Secure Connections and of LE legacy,
# and what each user does besides accepting. Spec: Vol 3, Part H, Table 2.8.
TABLE: dict[str, tuple[IoCapability, IoCapability, PairingMethod, PairingMethod]] = {
    "central types": (K, D, PASSKEY, PASSKEY),
    "central types what yes-no shows": (K, YN, PASSKEY, PASSKEY),
    "peripheral types": (D, K, PASSKEY, PASSKEY),
    "both type": (K, K, PASSKEY, PASSKEY),
    "both compare": (YN, YN, COMPARE, WORKS),
    "both can everything": (KD, KD, COMPARE, PASSKEY),
    "displays only": (D, D, WORKS, WORKS),
    "central without anything": (N, KD, WORKS, WORKS),
    "peripheral without anything": (KD, N, WORKS, WORKS),
}
DECLINED = (
    "Unspecified issue. The pairing request on the other device may have been declined or ignored."
)


LINES = [("plain", 0), *(("skewed", seed) for seed in SEEDS), *(("stray", seed) for seed in SEEDS)]


@pytest.fixture(params=LINES, ids="{0[0]}-{0[1]}".format, autouse=True)
def line(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is between both controllers and their hosts: one pipe, two of which either may be late,
    or a line of octets on which strays are."""
    kind, seed = request.param
    if kind == "skewed":
        skew_all(monkeypatch, seed)
    elif kind == "stray":
        stray_all(monkeypatch, seed)


@pytest.fixture(params=GENERATIONS)
def secure_connections(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "legacy":
        only_legacy(monkeypatch)
    return request.param != "legacy"


@pytest.fixture
def people(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> Any:
    """Put people at both adapters. Returns: what does it, given their capabilities."""

    def sit_down(one: IoCapability, other: IoCapability, **both: Any) -> tuple[Person, Person]:
        desk = Desk()
        persons = Person(desk, CENTRAL, one, **both), Person(desk, PERIPHERAL, other, **both)
        central.pairing_delegate, peripheral.pairing_delegate = persons
        return persons

    return sit_down


def pair(link: Pair, asking: str) -> None:
    (link.outgoing if asking == CENTRAL else link.incoming).pair()


def check_paired(
    link: Pair, persons: tuple[Person, Person], method: PairingMethod, secure_connections: bool
) -> None:
    assert [person.wait_for_end() for person in persons] == [None, None]
    until(lambda: link.outgoing.paired and link.incoming.paired)
    assert readable_modes(link.outgoing) == modes_of(method, secure_connections)
    for person in persons:
        assert {request for _, request in person.asked} == {person.asked[0][1]}
        request = person.asked[0][1]
        assert person.calls()[0] == "accept"
        assert request.method is method
        assert request.secure_connections is secure_connections
        assert request.is_central is (person.side == CENTRAL)


@pytest.mark.parametrize("asking", [CENTRAL, PERIPHERAL])
@pytest.mark.parametrize("case", TABLE)
def test_method_by_capabilities(
    central: Any, peripheral: Any, people: Any, secure_connections: bool, case: str, asking: str
) -> None:
    one, other, with_sc, with_legacy = TABLE[case]
    persons = people(one, other, passkey=12345 if case == "both type" else None)
    link = connect(central, peripheral)
    pair(link, asking)
    check_paired(link, persons, with_sc if secure_connections else with_legacy, secure_connections)
    peers = [{request.peer for _, request in person.asked} for person in persons]
    assert peers == [{peripheral.address}, {central.address}]


@pytest.mark.parametrize("delegate", ["none", "default"])
def test_just_works_without_a_delegate_of_ones_own(
    central: Any, peripheral: Any, people: Any, secure_connections: bool, delegate: str
) -> None:
    if delegate == "default":
        central.pairing_delegate = peripheral.pairing_delegate = PairingDelegate()
    link = connect(central, peripheral)
    link.outgoing.pair()
    assert link.outgoing.paired and link.incoming.paired
    assert readable_modes(link.outgoing) == {"ENCRYPT_NO_MITM"}


@pytest.mark.parametrize("asking", [CENTRAL, PERIPHERAL])
@pytest.mark.parametrize("got_by", ["both", CENTRAL, PERIPHERAL])
def test_out_of_band(
    central: Any, peripheral: Any, secure_connections: bool, got_by: str, asking: str
) -> None:
    mine, other = central.local_oob(), peripheral.local_oob()
    # One temporary key, that of the central, has come to both; LE legacy needs it on both sides.
    key = OobData(temporary_key=mine.temporary_key)
    persons: list[Person] = []
    for side, adapter, data in ((CENTRAL, central, other), (PERIPHERAL, peripheral, mine)):
        kind = Courier if not secure_connections or got_by in (side, "both") else Person
        more = {"data": data if secure_connections else key} if kind is Courier else {}
        persons.append(kind(Desk(), side, N, **more))
        adapter.pairing_delegate = persons[-1]
    link = connect(central, peripheral)
    pair(link, asking)
    check_paired(link, (persons[0], persons[1]), OOB, secure_connections)
    for person, peer in zip(persons, (peripheral, central), strict=True):
        if isinstance(person, Courier):
            assert set(person.peers) == {peer.address}


def test_wrong_out_of_band_data_fails(
    central: Any, peripheral: Any, secure_connections: bool
) -> None:
    wrong = OobData(b"\x01" * 16, b"\x02" * 16, b"\x03" * 16)
    right = peripheral.local_oob()
    persons = (
        Courier(Desk(), CENTRAL, N, data=right),
        Courier(Desk(), PERIPHERAL, N, data=wrong),
    )
    central.pairing_delegate, peripheral.pairing_delegate = persons
    link = connect(central, peripheral)
    check_refused(link, persons, CENTRAL)


def check_refused(link: Pair, persons: tuple[Person, Person], asking: str) -> None:
    with raises(_bleio.SecurityError, DECLINED):
        pair(link, asking)
    for person in persons:
        assert person.wait_for_end()
    assert link.outgoing.connected and link.incoming.connected
    assert not link.outgoing.paired
    assert not link.incoming.paired
    assert readable_modes(link.outgoing) == set()


@pytest.mark.parametrize("asking", [CENTRAL, PERIPHERAL])
@pytest.mark.parametrize("who", [CENTRAL, PERIPHERAL])
def test_a_delegate_that_does_not_accept(
    central: Any, peripheral: Any, people: Any, secure_connections: bool, who: str, asking: str
) -> None:
    persons = people(N, N)
    refusing = persons[0] if who == CENTRAL else persons[1]
    refusing.accepts = False
    link = connect(central, peripheral)
    with raises(_bleio.SecurityError, DECLINED):
        pair(link, asking)
    assert refusing.wait_for_end()
    assert refusing.calls() == ["accept", "ended"]
    assert not link.outgoing.paired and not link.incoming.paired
    assert readable_modes(link.outgoing) == set()


@pytest.mark.parametrize("asking", [CENTRAL, PERIPHERAL])
@pytest.mark.parametrize("case", ["central types", "peripheral types", "both type"])
def test_a_wrong_passkey(
    central: Any, peripheral: Any, people: Any, secure_connections: bool, case: str, asking: str
) -> None:
    persons = people(*TABLE[case][:2], errs=True)
    if case == "both type":
        persons[0].passkey, persons[1].passkey = 1, 2
    link = connect(central, peripheral)
    check_refused(link, persons, asking)
    assert [person.method() for person in persons] == [PASSKEY, PASSKEY]


@pytest.mark.parametrize("who", [CENTRAL, PERIPHERAL])
def test_numbers_that_are_said_to_differ(
    central: Any, peripheral: Any, people: Any, who: str
) -> None:
    persons = people(YN, YN)
    persons[0 if who == CENTRAL else 1].errs = True
    link = connect(central, peripheral)
    check_refused(link, persons, CENTRAL)
    assert [person.method() for person in persons] == [COMPARE, COMPARE]


def test_a_passkey_that_is_not_given(
    central: Any, peripheral: Any, people: Any, secure_connections: bool
) -> None:
    class Silent(Person):
        def enter_passkey(self, request: Any) -> None:
            return None

    shows = people(D, D)[0]
    peripheral.pairing_delegate = silent = Silent(shows.desk, PERIPHERAL, K)
    check_refused(connect(central, peripheral), (shows, silent), CENTRAL)


@pytest.mark.parametrize("failing", ["accept", "display_passkey", "enter_passkey"])
def test_a_delegate_that_fails_refuses_and_its_exception_is_shown(
    central: Any,
    peripheral: Any,
    people: Any,
    secure_connections: bool,
    failing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: shown.append(str(args.exc_value)))

    def fail(*args: Any) -> None:
        raise OSError("the display is broken")

    persons = people(D, K)
    setattr(persons[failing == "enter_passkey"], failing, fail)
    link = connect(central, peripheral)
    with raises(_bleio.SecurityError, DECLINED):
        link.outgoing.pair()
    assert shown == ["the display is broken"]
    assert not link.outgoing.paired


@pytest.mark.parametrize("pins", [CENTRAL, PERIPHERAL])
def test_a_pinned_method_refuses_any_other(
    central: Any, peripheral: Any, people: Any, pins: str
) -> None:
    people(N, KD)
    adapter = central if pins == CENTRAL else peripheral
    adapter.security = SecuritySettings(method=PASSKEY)
    link = connect(central, peripheral)
    with raises(_bleio.SecurityError, DECLINED):
        link.outgoing.pair()
    assert not link.outgoing.paired and not link.incoming.paired


def test_a_pinned_method_is_used(central: Any, peripheral: Any, people: Any) -> None:
    persons = people(K, D)
    central.security = peripheral.security = SecuritySettings(method=PASSKEY)
    link = connect(central, peripheral)
    link.outgoing.pair()
    check_paired(link, persons, PASSKEY, True)


@pytest.mark.parametrize("demanding", [CENTRAL, PERIPHERAL])
def test_secure_connections_only_refuses_legacy_pairing(
    central: Any,
    peripheral: Any,
    people: Any,
    demanding: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only_legacy(monkeypatch)
    persons = people(K, D)
    adapter = central if demanding == CENTRAL else peripheral
    adapter.security = SecuritySettings(secure_connections_only=True)
    link = connect(central, peripheral)
    with raises(_bleio.SecurityError, DECLINED):
        link.outgoing.pair()
    assert not link.outgoing.paired and not link.incoming.paired
    assert all("enter" not in person.calls() for person in persons)


def test_after_a_mistake_one_may_try_again(central: Any, peripheral: Any, people: Any) -> None:
    persons = people(K, D, errs=True)
    link = connect(central, peripheral)
    check_refused(link, persons, CENTRAL)
    persons = people(K, D)
    link.outgoing.pair()
    check_paired(link, persons, PASSKEY, True)


def test_an_answer_may_use_the_adapter_and_must_not_pair(
    central: Any, peripheral: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: shown.append(str(args.exc_value)))

    class Busy(Person):
        def accept(self, request: Any) -> bool:
            super().accept(request)
            assert _bleio.adapter is peripheral
            (connection,) = _bleio.adapter.connections
            assert [service.remote for service in connection.discover_remote_services()]
            connection.pair()
            return True

    peripheral.pairing_delegate = person = Busy(Desk(), PERIPHERAL, N)
    link = connect(central, peripheral)
    with raises(_bleio.SecurityError, DECLINED):
        link.outgoing.pair()
    assert shown == ["pair() would wait for the pairing that waits for this delegate"]
    assert person.wait_for_end()


def test_an_answer_after_the_link_is_dropped(
    world: World, central: Any, peripheral: Any, people: Any
) -> None:
    asked, refused, may_answer = [], [], []

    class Slow(Person):
        def accept(self, request: Any) -> bool:
            asked.append(request)
            until(lambda: may_answer)
            return True

    def ask() -> None:
        with raises(_bleio.SecurityError, DECLINED):
            link.outgoing.pair()
        refused.append(True)

    peripheral.pairing_delegate = slow = Slow(Desk(), PERIPHERAL, N)
    link = connect(central, peripheral)
    world.clock.start_thread(ask, "asks")
    until(lambda: asked)
    link.incoming.disconnect()
    until(lambda: refused)
    assert slow.wait_for_end()
    assert world.clock.alive() == ["bleio-pairing"]
    may_answer.append(True)
    until(lambda: not world.clock.alive())
    again = connect(central, peripheral)
    peripheral.pairing_delegate = None
    again.outgoing.pair()
    assert again.outgoing.paired
