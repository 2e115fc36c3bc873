"""Targets: ATT PDUs into our server and into our client.

What decides is any `Random`: a seeded one for many PDUs at once (tests/property/test_att_fuzz.py),
a fuzzer's input for one conversation. No exception may escape, every answer must be well-formed as
an independent checker reads the specification, and nothing may grow without bound.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from bleio.att.prepared import MAX_PARTS, MAX_QUEUED_OCTETS
from bleio.core.codes import Properties, SecurityMode
from bleio.core.security import LinkSecurity
from bleio.core.uuid import expand, uuid16
from bleio.errors import InnerError, TransactionTimeout
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable
from fuzz.decisions import Decisions
from support.att_checker import by_role, check_answer, check_request
from support.bearers import Outcome, Wired, add_characteristic, add_service

UUIDS = [uuid16(0x2A37), uuid16(0x2A38), bytes(range(16)), expand(uuid16(0x2A37))]
ASKED_TYPES = [
    *UUIDS,
    *(uuid16(uuid) for uuid in (0x2800, 0x2801, 0x2802, 0x2803, 0x2902, 0x2B2A)),
    expand(uuid16(0x2800)),
]


def add_any_characteristic(random: Random, server: LocalServer) -> None:
    fixed = random.random() < 0.3
    limit = random.choice((0, 1, 20, 100, 512))
    add_characteristic(
        server,
        random.choice(server.services),
        random.choice(UUIDS),
        Properties(random.getrandbits(6)),
        read_perm=random.choice(list(SecurityMode)),
        write_perm=random.choice(list(SecurityMode)),
        max_length=limit,
        fixed_length=fixed,
        value=random.randbytes(limit if fixed else random.randint(0, limit)),
    )


def make_server(random: Random) -> LocalServer:
    server = LocalServer("Fuzzed")  # its table is made once all is there, or it would be each time
    for _ in range(4):
        add_service(server, random.choice(UUIDS), secondary=random.random() < 0.2)
    for _ in range(12):
        add_any_characteristic(random, server)
    for service in server.services:
        for characteristic in service.characteristics:
            if random.random() < 0.3:
                server.add_descriptor(
                    characteristic, LocalDescriptor(random.choice(UUIDS), value=b"descriptor")
                )
    AttributeTable.of(server)
    return server


def any_of_a_few(random: Random) -> LocalServer:
    """One of four servers: a fuzzer's octets are better spent on what is sent to them."""
    return make_server(Random(random.randrange(4)))


def change_table(random: Random, server: LocalServer) -> None:
    service = random.choice(server.services)
    if service.characteristics and random.random() < 0.5:
        server.remove_characteristic(service, random.choice(service.characteristics))
    else:
        add_any_characteristic(random, server)


def any_request(random: Random, server: LocalServer) -> bytes:
    """A well-formed PDU of any kind, about handles that mostly exist."""

    def handle() -> bytes:
        last = max(attribute.handle for attribute in AttributeTable.of(server).database)
        return random.choice((0, 1, 9, 11, 13, last, last + 1, random.randint(1, last))).to_bytes(
            2, "little"
        )

    def span() -> bytes:
        if random.random() < 0.5:
            return handle() + b"\xff\xff"
        return handle() + handle()

    def octets() -> bytes:
        return random.randbytes(random.choice((0, 1, 2, 2, 18, 20, 100, 511, 512)))

    def small() -> bytes:
        return random.choice((0, 1, 22, 100, 512, 65535)).to_bytes(2, "little")

    makers: list[Callable[[], bytes]] = [
        lambda: b"\x02" + random.choice((0, 22, 23, 24, 64, 517, 65535)).to_bytes(2, "little"),
        lambda: b"\x04" + span(),
        lambda: b"\x06" + span() + random.choice(ASKED_TYPES)[:2] + random.choice(UUIDS),
        lambda: b"\x08" + span() + random.choice(ASKED_TYPES),
        lambda: b"\x0a" + handle(),
        lambda: b"\x0c" + handle() + small(),
        lambda: b"\x0e" + b"".join(handle() for _ in range(random.randint(2, 6))),
        lambda: b"\x10" + span() + random.choice(ASKED_TYPES),
        lambda: b"\x12" + handle() + octets(),
        lambda: b"\x12" + handle() + random.randint(0, 3).to_bytes(2, "little"),
        lambda: b"\x16" + handle() + small() + octets(),
        lambda: b"\x18" + bytes((random.randint(0, 1),)),
        lambda: b"\x20" + b"".join(handle() for _ in range(random.randint(2, 6))),
        lambda: b"\x52" + handle() + octets(),
        lambda: b"\xd2" + handle() + octets() + bytes(12),
        lambda: b"\x1b" + handle() + octets(),
        lambda: b"\x1d" + handle() + octets(),
        lambda: b"\x1e",
    ]
    return random.choice(makers)()


def mutate(random: Random, pdu: bytes) -> bytes:
    """Damage a PDU in one or more of the usual ways."""
    octets = bytearray(pdu)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        position = random.randrange(len(octets) + 1)
        match random.randrange(6):
            case 0 if octets:
                octets[position % len(octets)] = random.getrandbits(8)
            case 1 if octets:
                octets[position % len(octets)] ^= 1 << random.randrange(8)
            case 2:
                del octets[position:]
            case 3:
                octets[position:position] = random.randbytes(random.choice((1, 2, 30)))
            case 4:
                del octets[position : position + random.randint(1, 3)]
            case 5:
                octets += octets[position:]
    return bytes(octets[:600])


def any_pdu(random: Random, server: LocalServer) -> bytes:
    kind = random.random()
    if kind < 0.1:
        return random.randbytes(random.choice((0, 1, 2, 3, 5, 7, 21, 22, 600)))
    pdu = any_request(random, server)
    return pdu if kind < 0.6 else mutate(random, pdu)


def any_security(random: Random) -> LinkSecurity:
    flags = [random.random() < 0.5 for _ in range(4)]
    return LinkSecurity(*flags, key_size=random.choice((0, 6, 16)))


def check_values(server: LocalServer) -> None:
    """Whatever was written keeps to the limits of its attribute."""
    characteristics: list[LocalCharacteristic] = [
        one for service in server.services for one in service.characteristics
    ]
    for one in characteristics:
        assert len(one.value) <= one.max_length
        assert not one.fixed_length or len(one.value) == one.max_length
        assert all(len(item.value) <= item.max_length for item in one.descriptors)


def judge(wired: Wired, pdu: bytes) -> list[bytes]:
    """Check all that was sent after one PDU; give the answers to it."""
    requests, answers = by_role(wired.sent)
    wrong = check_answer(pdu, answers, wired.bearer.mtu)
    wrong = wrong or "".join(check_request(request, wired.bearer.mtu) for request in requests)
    assert not wrong, f"{wrong}: {pdu.hex(' ')} -> {[sent.hex(' ') for sent in wired.sent]}"
    return answers


class Served:
    """Our server and its peer, which sends whatever is decided."""

    def __init__(self, random: Random, server: LocalServer | None = None) -> None:
        self._random = random
        self.server = server or make_server(random)
        self.wired = Wired(self.server, any_security(random))
        # So that responses are not all unsolicited.
        self.wired.start(self.wired.bearer.client.discover(None))

    def change_table(self) -> None:
        change_table(self._random, self.server)
        check_values(self.server)

    def step(self) -> tuple[bytes, list[bytes]]:
        """Send one PDU. Returns: it and its answers, which are right."""
        pdu = any_pdu(self._random, self.server)
        del self.wired.sent[:]
        self.wired.bearer.received(pdu)
        answers = judge(self.wired, pdu)
        assert self.wired.deaths == []
        prepared = self.wired.bearer._server.prepared
        assert len(prepared) <= MAX_PARTS and prepared._octets <= MAX_QUEUED_OCTETS
        return pdu, answers


def att_server(octets: bytes) -> None:
    """PDUs of a peer's choice into our server, whose table changes."""
    random = Decisions(octets)
    served = Served(random, any_of_a_few(random))
    while random.left:
        if random.random() < 0.05:
            served.change_table()
        served.step()
    check_values(served.server)


def any_procedure(random: Random, wired: Wired) -> Any:
    client = wired.bearer.client
    return random.choice(
        (
            lambda: client.discover(None),
            lambda: client.discover([random.choice(UUIDS)]),
            lambda: client.read(random.randint(1, 40)),
            lambda: client.write(random.randint(1, 40), random.randbytes(random.randint(0, 60))),
            lambda: client.exchange_mtu(),
        )
    )()


class Asking:
    """Our client and its peer, which answers as is decided."""

    def __init__(self, random: Random, server: LocalServer | None = None) -> None:
        self._random = random
        self._peer = Wired(server or make_server(random), any_security(random))
        self.wired = Wired()

    def ask(self, budget: int) -> tuple[int, Outcome]:
        """Run one procedure. Returns: how many PDUs that took, and what came of it."""
        outcome = self.wired.start(any_procedure(self._random, self.wired))
        fed = feed_until_done(self._random, self.wired, self._peer, outcome, budget)
        if not outcome.pending:
            ((_, error),) = outcome.calls
            assert error is None or isinstance(error, InnerError), repr(error)
        assert all(isinstance(error, TransactionTimeout) for error in self.wired.deaths)
        return fed, outcome


def att_client(octets: bytes) -> None:
    """Answers of a peer's choice to our client's procedures."""
    random = Decisions(octets)
    asking = Asking(random, any_of_a_few(random))
    while random.left and not asking.wired.bearer.dead:
        asking.ask(200)


def feed_until_done(
    random: Random, wired: Wired, peer: Wired, outcome: Outcome, budget: int
) -> int:
    """Answer a client's requests truly, falsely or not at all; give how many PDUs that took."""
    ignored = fed = 0
    while outcome.pending and fed < budget:
        requests, _ = by_role(wired.sent)
        request = requests[-1]
        truth = bytes.fromhex(peer.ask(request))
        kind = random.random()
        pdu = truth
        if kind < 0.05:
            pdu = random.randbytes(random.choice((0, 1, 2, 3, 5, 30, 600)))
        elif kind < 0.2:
            pdu = mutate(random, truth)
        del wired.sent[:]
        wired.bearer.received(pdu)
        judge(wired, pdu)
        fed += 1
        if outcome.pending and not by_role(wired.sent)[0]:
            wired.sent.append(request)  # it still waits for the answer to this one
            ignored += 1
        if ignored > 5:
            wired.timers.advance(30)
            break
    return fed
