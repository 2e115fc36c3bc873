"""Every pairing method against bumble's own host, in both roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import _bleio
import pytest
from bumble.pairing import PairingConfig
from bumble.smp import OobSharedData

from bleio.api import IoCapability, OobData, PairingMethod, SecuritySettings
from support.api_bench import InThread
from support.bumble_host import ADDRESS, BumbleHost, BumblePerson
from support.pair import DEADLINE_S, current, raises, until
from support.pairing import (
    CENTRAL,
    PERIPHERAL,
    Courier,
    Desk,
    Person,
    modes_of,
    readable_modes,
    serve_all_modes,
)

pytestmark = [
    pytest.mark.interop,
    # bumble's host calls a function of its own that some of its versions advise against.
    pytest.mark.filterwarnings("ignore:Use utils.AsyncRunner.spawn:DeprecationWarning"),
]

D, YN, K, N, KD = IoCapability
WORKS, COMPARE, PASSKEY, OOB = PairingMethod
# Our capability, bumble's: the method of LE Secure Connections, and of LE legacy where bumble is
# the central and where we are. Spec: Vol 3, Part H, Table 2.8.
TABLE = {
    "we type": (K, D, PASSKEY, PASSKEY),
    "bumble types": (D, K, PASSKEY, PASSKEY),
    "both type": (K, K, PASSKEY, PASSKEY),
    "both compare": (YN, YN, COMPARE, WORKS),
    "both can everything": (KD, KD, COMPARE, PASSKEY),
    "we have nothing": (N, KD, WORKS, WORKS),
    "bumble has nothing": (KD, N, WORKS, WORKS),
}
DECLINED = (
    "Unspecified issue. The pairing request on the other device may have been declined or ignored."
)
BUMBLE = _bleio.Address(bytes.fromhex(ADDRESS.replace(":", ""))[::-1], 1)


class Meeting:
    """A link between an adapter of ours and bumble's host, and the two people at it."""

    def __init__(self, host: BumbleHost, adapter: _bleio.Adapter, role: str) -> None:
        self.host, self.adapter, self.role = host, adapter, role
        self.desk = Desk()
        self.their_role = CENTRAL if role == PERIPHERAL else PERIPHERAL
        self.person: Person

    def sit_down(
        self, our: IoCapability, their: IoCapability, secure_connections: bool, **both: Any
    ) -> None:
        self.person = Person(self.desk, self.role, our, **both)
        self.adapter.pairing_delegate = self.person
        bumble = BumblePerson(self.desk, self.their_role, their, **both)
        self.host.pairs_like(bumble, secure_connections=secure_connections)

    def connect(self) -> None:
        if self.role == PERIPHERAL:
            self.adapter.start_advertising(b"\x02\x01\x06", interval=0.02)
            self.theirs = self.host.connect(self.adapter.address)
            until(lambda: self.adapter.connections)
            (self.ours,) = self.adapter.connections
        else:
            self.host.advertise()
            self.ours = self.adapter.connect(BUMBLE, timeout=DEADLINE_S)
            until(lambda: self.host.device.connections)
            self.theirs = self.host.connection()

    def pair(self, asking: str) -> None:
        """Pair, asked for by us or by bumble. Raises: what the asking one sees."""
        if asking == "ours":
            if self.role == PERIPHERAL:
                self.host.answer_security_requests(self.theirs)
            self.ours.pair()
        elif self.role == PERIPHERAL:
            self.host.pair(self.theirs)
        else:
            self.host.request_pairing(self.theirs)

    def check_paired(self, method: PairingMethod, secure_connections: bool) -> None:
        assert self.person.wait_for_end() is None
        until(lambda: self.ours.paired and self.theirs.is_encrypted)
        security = self.ours._link.security
        assert security.secure_connections is secure_connections
        assert security.authenticated is (method is not WORKS)
        modes = modes_of(method, secure_connections)
        if self.role == PERIPHERAL:
            assert self.host.readable_modes(self.theirs) == modes
        else:
            # bumble's server takes every pairing for authenticated, and knows no third mode.
            assert readable_modes(self.ours) >= modes - {"LESC_ENCRYPT_WITH_MITM"}
        (request,) = {request for _, request in self.person.asked}
        assert self.person.calls()[0] == "accept"
        assert request.method is method
        assert request.peer == BUMBLE
        assert request.secure_connections is secure_connections
        assert request.is_central is (self.role == CENTRAL)

    def check_refused(self, asking: str) -> None:
        if asking == "ours":
            with raises(_bleio.SecurityError, DECLINED):
                self.pair(asking)
        elif self.role == PERIPHERAL:
            with pytest.raises(Exception, match=r"(?i)SMP|fail|pairing|reject|reason"):
                self.pair(asking)
        else:
            self.pair(asking)
        assert self.person.wait_for_end()
        assert self.ours.connected
        assert not self.ours.paired
        assert not self.theirs.is_encrypted


@pytest.fixture
def host() -> Iterator[BumbleHost]:
    host = BumbleHost()
    host.serve()
    yield host
    host.close()


@pytest.fixture(params=[CENTRAL, PERIPHERAL], ids=["we are central", "we are peripheral"])
def meeting(request: pytest.FixtureRequest, host: BumbleHost) -> Iterator[Meeting]:
    adapter = _bleio.Adapter(host.adapter)
    with current(adapter):
        serve_all_modes()
    yield Meeting(host, adapter, request.param)
    adapter.enabled = False


@pytest.fixture(params=["SC", "legacy"])
def secure_connections(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "SC")


@pytest.mark.parametrize("case", TABLE)
def test_method_by_capabilities(meeting: Meeting, secure_connections: bool, case: str) -> None:
    our, their, with_sc, with_legacy = TABLE[case]
    passkey = 987654 if case == "both type" else None
    meeting.sit_down(our, their, secure_connections, passkey=passkey)
    meeting.connect()
    meeting.pair("ours" if meeting.role == CENTRAL else "bumble")
    meeting.check_paired(with_sc if secure_connections else with_legacy, secure_connections)


@pytest.mark.parametrize("case", ["we type", "both compare"])
def test_the_peripheral_asks(meeting: Meeting, secure_connections: bool, case: str) -> None:
    our, their, with_sc, with_legacy = TABLE[case]
    meeting.sit_down(our, their, secure_connections)
    meeting.connect()
    meeting.pair("bumble" if meeting.role == CENTRAL else "ours")
    meeting.check_paired(with_sc if secure_connections else with_legacy, secure_connections)


@pytest.mark.parametrize("got_by", ["both", "ours", "bumble"])
def test_out_of_band_with_secure_connections(meeting: Meeting, got_by: str) -> None:
    shared = meeting.host.oob.share()
    theirs = OobData(confirm=shared.c, random=shared.r)
    ours = meeting.adapter.local_oob()
    received = OobSharedData(ours.confirm, ours.random) if got_by != "ours" else None
    if got_by != "bumble":
        meeting.person = Courier(meeting.desk, meeting.role, N, data=theirs)
    else:
        meeting.person = Person(meeting.desk, meeting.role, N)
    meeting.adapter.pairing_delegate = meeting.person
    meeting.host.pairs_like(
        BumblePerson(meeting.desk, meeting.their_role, N),
        secure_connections=True,
        oob=PairingConfig.OobConfig(meeting.host.oob, received, None),
    )
    meeting.connect()
    meeting.pair("ours" if meeting.role == CENTRAL else "bumble")
    meeting.check_paired(OOB, True)


@pytest.mark.parametrize("whose", ["ours", "bumble"])
def test_out_of_band_with_legacy_pairing(meeting: Meeting, whose: str) -> None:
    key = meeting.adapter.local_oob().temporary_key if whose == "ours" else bytes(range(16))
    data = OobData(temporary_key=key)
    meeting.adapter.pairing_delegate = meeting.person = Courier(
        meeting.desk, meeting.role, N, data=data
    )
    meeting.host.pairs_like(
        BumblePerson(meeting.desk, meeting.their_role, N),
        secure_connections=False,
        temporary_key=key,
    )
    meeting.connect()
    meeting.pair("ours" if meeting.role == CENTRAL else "bumble")
    meeting.check_paired(OOB, False)


@pytest.mark.parametrize("generation", ["SC", "legacy"])
def test_wrong_out_of_band_data(meeting: Meeting, generation: str) -> None:
    wrong = OobData(b"\x01" * 16, b"\x02" * 16, b"\x03" * 16)
    meeting.adapter.pairing_delegate = meeting.person = Courier(
        meeting.desk, meeting.role, N, data=wrong
    )
    is_sc = generation == "SC"
    ours = meeting.adapter.local_oob()
    meeting.host.pairs_like(
        BumblePerson(meeting.desk, meeting.their_role, N),
        secure_connections=is_sc,
        temporary_key=None if is_sc else bytes(16),
        oob=PairingConfig.OobConfig(
            meeting.host.oob, OobSharedData(ours.confirm, ours.random), None
        ),
    )
    meeting.connect()
    meeting.check_refused("ours" if meeting.role == CENTRAL else "bumble")


@pytest.mark.parametrize("case", ["we type", "bumble types", "both type"])
def test_a_wrong_passkey(meeting: Meeting, secure_connections: bool, case: str) -> None:
    our, their, _, _ = TABLE[case]
    meeting.sit_down(our, their, secure_connections, errs=True)
    if case == "both type":
        meeting.person.passkey = 1
        meeting.desk.show(meeting.role, 2)
    meeting.connect()
    meeting.check_refused("ours" if meeting.role == CENTRAL else "bumble")


@pytest.mark.parametrize("who", ["ours", "bumble"])
def test_numbers_that_are_said_to_differ(meeting: Meeting, who: str) -> None:
    meeting.sit_down(YN, YN, True)
    if who == "ours":
        meeting.person.errs = True
    else:
        bumble = BumblePerson(meeting.desk, meeting.their_role, YN, errs=True)
        meeting.host.pairs_like(bumble, secure_connections=True)
    meeting.connect()
    meeting.check_refused("ours" if meeting.role == CENTRAL else "bumble")


def test_our_delegate_does_not_accept(meeting: Meeting, secure_connections: bool) -> None:
    meeting.sit_down(KD, KD, secure_connections)
    meeting.person.accepts = False
    meeting.connect()
    meeting.check_refused("ours" if meeting.role == CENTRAL else "bumble")
    assert meeting.person.calls() == ["accept", "ended"]


def test_bumble_does_not_accept(meeting: Meeting, secure_connections: bool) -> None:
    if meeting.role == PERIPHERAL:
        pytest.skip("bumble asks its own program only when it is the peripheral")
    meeting.sit_down(KD, KD, secure_connections)
    refusing = BumblePerson(meeting.desk, meeting.their_role, KD, accepts=False)
    meeting.host.pairs_like(refusing, secure_connections=secure_connections)
    meeting.connect()
    with raises(_bleio.SecurityError, DECLINED):
        meeting.ours.pair()
    assert not meeting.ours.paired


def test_secure_connections_only_refuses_legacy_pairing(meeting: Meeting) -> None:
    meeting.adapter.security = SecuritySettings(secure_connections_only=True)
    meeting.sit_down(K, D, False)
    meeting.connect()
    if meeting.role == CENTRAL:
        with raises(_bleio.SecurityError, DECLINED):
            meeting.ours.pair()
    else:
        with pytest.raises(Exception, match=r"(?i)SMP|fail|pairing|reject|reason"):
            meeting.host.pair(meeting.theirs)
    assert not meeting.ours.paired
    assert "enter" not in meeting.person.calls()


def test_a_pairing_that_nobody_answers_ends_with_the_link(meeting: Meeting) -> None:
    """Our person thinks for ever, and the peer goes."""
    meeting.sit_down(K, D, True)
    meeting.person.desk = Desk()  # another one, where nothing is ever shown
    meeting.connect()
    pairing = InThread(lambda: meeting.pair("ours" if meeting.role == CENTRAL else "bumble"))
    until(lambda: "enter" in meeting.person.calls())
    meeting.host.run(meeting.theirs.disconnect())
    assert meeting.person.wait_for_end()
    until(lambda: not pairing.running)
    assert pairing.error is not None
    assert not meeting.ours.connected
