"""Targets: what a controller and its peers say to the host, while a program does what it likes.

Not octets at random, which would hardly get past the first length field, but what controllers say:
links that come up, encryption that changes, data in fragments on handles that exist; with values
that are decided, in an order that no controller would have, and some of it spoilt. Meanwhile a
program advertises, connects, reads, pairs and gives up. In the end the host, unless its controller
was lost, still serves a new peer, and all calls have ended with a result or an error they may have.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from random import Random
from typing import Any

from bleio.backends.hci.bonds.store import Bond, ClientState, MemoryBondStore, SigningKey
from bleio.backends.hci.controller.bringup import ControllerFacts
from bleio.backends.hci.security.smp import pdu as smp_pdu
from bleio.core.address import DeviceAddress
from bleio.core.hci import Event, LeEvent
from bleio.core.private_address import make_resolvable
from bleio.errors import ControllerLost
from fuzz.att import any_request, make_server, mutate
from fuzz.decisions import Decisions
from fuzz.program import Program
from fuzz.running import in_simulated_time, largest
from fuzz.wire import Mood, Wire, WiredBackend
from support.attacker import ATT, SIGNALING, SMP
from support.bearers import Wired
from support.hci.engine import Engine, add_echo
from support.hci.script import acl, connection_complete, disconnection, event, le_event

HANDLES = (0x40, 0x41, 0x42, 0x0EFF)
NEW = 0x0D01  # of the peer that is served in the end
IRK = bytes(range(16))
PRIVATE = make_resolvable(IRK, bytes.fromhex("112240"))
PEERS = (
    (bytes.fromhex("0102030405c6"), 1),
    (bytes.fromhex("0102030405c7"), 1),
    (bytes.fromhex("010203040506"), 0),
    (PRIVATE, 1),
)
BOND = Bond(
    DeviceAddress(PEERS[0][0], random=True),
    b"the bond's key 1",
    irk=IRK,
    own_signing=SigningKey(bytes(range(1, 17))),
    peer_signing=SigningKey(bytes(range(2, 18)), 4),
    client=ClientState(cccds=((12, 1),)),
)
LEGACY_BOND = replace(BOND, ediv=7, rand=bytes(range(8)), secure_connections=False)
_CLASSIC_EVENTS = (0x04, 0x16, 0x17, 0x18, 0x31, 0x33, 0x34, 0xFF)  # and a vendor's
READ_NAME = b"\x0a\x03\x00"
NAME = b"\x0bhost"

# Whatever is larger piles up: a program has little under way at a time, and what a peer or a
# controller has us keep is bounded whatever it sends.
MAX_ENTRIES = 300


class Fuzzed:
    """A host, the other end of its HCI, and the program that uses it."""

    def __init__(self, random: Decisions) -> None:
        self.random = random
        extended = random.random() < 0.5
        self.wire = Wire(extended)
        facts = ControllerFacts(
            acl_octets=random.choice((27, 251, 20)),
            acl_packets=random.choice((4, 1, 12)),
            extended_advertising=extended,
            resolving_list=random.random() < 0.5,
            long_packets=extended,
            phy_2m=extended,
            max_advertising_octets=1650 if extended else 31,
            public_address=None,
        )
        self.store = MemoryBondStore()
        self.store.save(random.choice((BOND, LEGACY_BOND)), central=False)
        self.store.save(BOND, central=True)
        self.engine = Engine()
        self.echo = add_echo(self.engine.server, value=b"echo")
        self.backend = WiredBackend(self.wire, facts, bonds=lambda identity: self.store)
        peers = [DeviceAddress(octets, bool(kind)) for octets, kind in PEERS]
        self.program = Program(random, self.backend, self.engine, self.echo, peers)

    @cached_property
    def peer(self) -> Wired:
        """What answers our client's requests truly."""
        return Wired(make_server(Random(1)))

    @property
    def layer(self) -> Any:
        assert self.backend._open is not None
        return self.backend._open.layer

    # Values

    def handle(self) -> int:
        links = [link.conn_handle for link in self.engine.links]
        return self.random.choice(links or HANDLES) if self.random.random() < 0.8 else self.any16()

    def any16(self) -> int:
        return self.random.choice((0, 0xFFFF, 0x0F00, self.random.getrandbits(16), *HANDLES))

    def status(self) -> int:
        return 0 if self.random.random() < 0.8 else self.random.getrandbits(8)

    def octets(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randrange(most + 1))

    def spoilt(self, packet: bytes) -> bytes:
        """A packet as it is, or damaged, mostly with a length that is right for it."""
        chance = self.random.random()
        if chance < 0.85:
            return packet
        packet = mutate(self.random, packet)
        if chance < 0.97 and packet[:1] == b"\x04" and len(packet) > 3:
            packet = packet[:2] + bytes((min(255, len(packet) - 3),)) + packet[3 : 3 + 255]
        return packet

    # What the controller says

    def connects(self) -> None:
        handle = self.random.choice(HANDLES)
        octets, kind = self.random.choice(PEERS)
        role = int(self.random.random() < 0.5)
        waited = [command for command in self.wire.commands[-4:] if command[0] in (0x200D, 0x2043)]
        if waited and self.random.random() < 0.8:
            role = 0
        head = struct.pack("<BHBB6s", self.status(), handle, role, kind, octets)
        tail = struct.pack("<HHHB", 24, 0, 400, 0)
        enhanced = head + bytes(6) + self.random.choice((bytes(6), PRIVATE)) + tail
        form = self.random.choice((1, 0x0A, 0x29))
        self.say(le_event(form, head + tail if form == 1 else enhanced + bytes(3) * (form == 0x29)))

    def parts(self) -> None:
        handle = self.handle()
        self.wire.in_flight.pop(handle, None)
        self.say(disconnection(handle, self.random.choice((0x13, 0x08, 0x3D, 0x3E, 0x06, 0))))

    def encrypts(self) -> None:
        code = self.random.choice((0x08, 0x59, 0x30))
        parameters = struct.pack("<BH", self.status(), self.handle())
        if code != 0x30:
            parameters += bytes((self.random.choice((1, 0, 2)),))
        if code == 0x59:
            parameters += bytes((self.random.choice((16, 7, 0, 255)),))
        self.say(event(code, parameters))

    def wants_key(self) -> None:
        rand, ediv = self.random.choice(((bytes(8), 0), (LEGACY_BOND.rand, 7), (bytes(8), 1)))
        self.say(
            le_event(LeEvent.LONG_TERM_KEY_REQUEST, struct.pack("<H8sH", self.handle(), rand, ediv))
        )

    def timing(self) -> bytes:
        good = (24, 24, 0, 400)
        return struct.pack(
            "<HHHH", *(good if self.random.random() < 0.6 else [self.any16() for _ in good])
        )

    def changes_link(self) -> None:
        handle = struct.pack("<H", self.handle())
        updated = bytes((self.status(),)) + handle + self.timing()[2:]
        code, parameters = self.random.choice(
            (
                (LeEvent.CONNECTION_UPDATE_COMPLETE, updated),
                (LeEvent.REMOTE_CONNECTION_PARAMETER_REQUEST, handle + self.timing()),
                (LeEvent.DATA_LENGTH_CHANGE, handle + self.timing()),
                (LeEvent.PHY_UPDATE_COMPLETE, b"\0" + handle + b"\2\2"),
                (LeEvent.READ_REMOTE_FEATURES_COMPLETE, b"\0" + handle + bytes(8)),
            )
        )  # fmt: skip
        self.say(le_event(code, parameters))

    def completes(self) -> None:
        count = self.random.choice((1, 2, 0, 0xFFFF))
        self.wire.complete(self.handle(), count)

    def reports(self) -> None:
        if self.random.random() < 0.5:
            rows = b"".join(self._legacy_report() for _ in range(self.random.choice((1, 2))))
            self.say(le_event(LeEvent.ADVERTISING_REPORT, bytes((1,)) + rows))
        else:
            self.say(
                le_event(LeEvent.EXTENDED_ADVERTISING_REPORT, b"\x01" + self._extended_report())
            )

    def _legacy_report(self) -> bytes:
        octets, kind = self.random.choice(PEERS)
        data = self._advertised(31)
        return (
            struct.pack("<BB6sB", self.random.choice((0, 4, 3, 1)), kind, octets, len(data))
            + data
            + b"\xc0"
        )

    def _extended_report(self) -> bytes:
        octets, kind = self.random.choice(PEERS)
        data = self._advertised(229)
        kind_of_event = self.random.choice((0, 1, 8, 0x10, 0x13, 0x1B)) | self.random.choice(
            (0, 0x20, 0x40)
        )
        head = struct.pack(
            "<HB6sBBBbbHB6s",
            kind_of_event,
            kind,
            octets,
            1,
            0,
            self.random.choice((0, 1)),
            0,
            -60,
            0,
            0,
            bytes(6),
        )
        return head + bytes((len(data),)) + data

    def _advertised(self, most: int) -> bytes:
        if self.random.random() < 0.5:
            return b"\x02\x01\x06\x05\x09host"[: self.random.choice((9, 3, 1, 0))]
        return self.octets(most)

    def ends_advertising(self) -> None:
        ended = struct.pack("<BBHB", self.status(), 0, self.handle(), 0)
        code, parameters = self.random.choice(
            (
                (LeEvent.ADVERTISING_SET_TERMINATED, ended),
                (LeEvent.SCAN_TIMEOUT, b""),
                (LeEvent.SCAN_REQUEST_RECEIVED, struct.pack("<BB6s", 0, *reversed(PEERS[0]))),
                (LeEvent.CHANNEL_SELECTION_ALGORITHM, struct.pack("<HB", self.handle(), 1)),
            )
        )  # fmt: skip
        self.say(le_event(code, parameters))

    def says_anything(self) -> None:
        kind = self.random.random()
        if kind < 0.1:
            self.wire.send(self.octets(12))
        elif kind < 0.6:
            self.wire.send(event(self.random.choice(list(Event)), self.octets(20)))
        else:
            self.wire.send(le_event(self.random.choice(list(LeEvent)), self.octets(40)))

    def answers(self) -> None:
        kind = self.random.randrange(5)
        opcode = self.wire.commands[-1][0] if self.wire.commands else 0
        if kind < 2:
            self.wire.answer_next()
        elif kind == 2:
            self.wire.unanswered and self.wire.unanswered.popleft()
            self.say(event(0x0E, struct.pack("<BH", 1, opcode) + self.octets(6)))
        elif kind == 3:
            self.say(event(0x0F, struct.pack("<BBH", self.status(), 1, opcode)))
        else:
            self.wire.send(event(0x0E, struct.pack("<BH", self.random.choice((1, 0)), 0)))

    def changes_mood(self) -> None:
        self.wire.mood = self.random.choice(list(Mood))
        self.wire.refusal = self.random.choice((0x0C, 0x01, 0x02, 0x3A, 0x11))
        self.wire.takes_data = self.random.random() < 0.7
        if self.wire.takes_data:
            self.wire.complete_all()

    def fails(self) -> None:
        if self.random.random() < 0.9:
            return
        if self.random.random() < 0.5:
            self.wire.vanish()
        else:
            self.say(event(Event.HARDWARE_ERROR, b"\x01"))

    def say(self, packet: bytes) -> None:
        self.wire.send(self.spoilt(packet))

    # What a peer says

    def sends(self, channel: int, payload: bytes) -> None:
        """One L2CAP frame, in one packet or in fragments, which may be wrong."""
        handle = self.handle() & 0x0FFF
        whole = acl(handle, channel, payload)
        if self.random.random() < 0.6:
            self.say(whole)
            return
        frame = whole[5:]
        if self.random.random() < 0.2:
            frame = mutate(self.random, frame)
        flags, step = 0x2000, 1 + self.random.randrange(30)
        while frame:
            part, frame = frame[:step], frame[step:]
            self.say(struct.pack("<BHH", 2, handle | flags, len(part)) + part)
            flags = 0x1000 if self.random.random() < 0.97 else 0x2000

    def asks(self) -> None:
        self.sends(ATT, self._maybe(any_request(self.random, self.engine.server)))

    def answers_client(self) -> None:
        """What our client has asked last is answered, truly or not."""
        asked = [packet for packet in self.wire.data[-6:] if packet[6:8] == b"\x04\0"]
        if asked:
            with suppress(AssertionError, IndexError):  # a request that has no single answer
                self.sends(ATT, self._maybe(bytes.fromhex(self.peer.ask(asked[-1][8:]))))

    def notifies(self) -> None:
        opcode = self.random.choice((0x1B, 0x1D, 0x23))
        handle = self.random.choice((3, 9, 12, 14, self.any16()))
        self.sends(ATT, struct.pack("<BH", opcode, handle) + self.octets(24))

    def pairs(self) -> None:
        opcode = self.random.choice((*smp_pdu.LENGTHS, self.random.getrandbits(8)))
        count = smp_pdu.LENGTHS.get(opcode, 1) - 1
        body = self.random.choice((bytes(count), self.random.randbytes(count)))
        if opcode in (smp_pdu.PAIRING_REQUEST, smp_pdu.PAIRING_RESPONSE):
            body = bytes((self.random.randrange(5), 0, self.random.choice((1, 5, 9, 13)), 16, 3, 3))
        self.sends(SMP, self._maybe(bytes((opcode,)) + body))

    def signals(self) -> None:
        code = self.random.choice(
            (0x12, 0x13, 0x01, 0x14, 0x15, 0x16, 0x06, self.random.getrandbits(8))
        )
        body = self.timing() if code == 0x12 else self.octets(10)
        head = struct.pack("<BBH", code, self.random.choice((1, 2, 0)), len(body))
        self.sends(SIGNALING, self._maybe(head + body))

    def sends_elsewhere(self) -> None:
        self.sends(self.random.choice((0x40, 1, 0, 7, 0xFFFF)), self.octets(12))

    def _maybe(self, pdu: bytes) -> bytes:
        return pdu if self.random.random() < 0.75 else mutate(self.random, pdu)

    def acts(self) -> None:
        self.program.acts()

    async def waits(self) -> None:
        await asyncio.sleep(self.random.choice((0, 0.01, 0.2, 1, 6, 31)))

    # The run

    async def step(self) -> None:
        await asyncio.sleep(0)
        says = self.random.choice(self.SAYINGS)
        if says is Fuzzed.waits:
            await self.waits()
        else:
            says(self)

    # What may come next, and how often.
    OFTEN: tuple[tuple[Any, int], ...] = (
        *((connects, 2), (parts, 1), (encrypts, 2), (wants_key, 1), (changes_link, 1)),
        *((completes, 1), (reports, 1), (ends_advertising, 1), (says_anything, 1), (answers, 2)),
        *((changes_mood, 1), (fails, 1), (asks, 2), (answers_client, 3), (notifies, 1)),
        *((pairs, 2), (signals, 1), (sends_elsewhere, 1), (acts, 4), (waits, 2)),
    )
    SAYINGS = tuple(says for says, times in OFTEN for _ in range(times))

    def check(self) -> None:
        """No fault, and nothing that comes by HCI fills anything without bound."""
        assert self.backend._own.counters.faults == 0
        size, where = largest(self.backend)
        assert size <= MAX_ENTRIES, where

    async def still_serves(self) -> None:
        """A peer that is new is answered; the controller is a good one from now on."""
        wire = self.wire
        wire.mood, wire.takes_data = Mood.GOOD, True
        wire.send(event(0x0E, struct.pack("<BH", 1, 0)))
        while wire.unanswered:
            wire.answer_next()
        for link in self.engine.links:  # what it believes to be there may never have been
            wire.complete(link.conn_handle, 0xFFFF)  # type: ignore[attr-defined]
        await asyncio.sleep(8)  # what is overdue is given up
        if self.layer.error is not None:
            return
        wire.send(disconnection(NEW), connection_complete(NEW, peer=b"\x07" * 5 + b"\xc7"))
        del wire.data[:]
        wire.send(acl(NEW, ATT, READ_NAME))
        await asyncio.sleep(1)
        handles = [int.from_bytes(packet[:2], "little") & 0xFFF for packet in wire.data]
        sent = [data[4:] for handle, data in zip(handles, wire.data, strict=True) if handle == NEW]
        assert NAME in b"".join(sent) or self.layer.error is not None, [*wire.data]

    async def run(self) -> None:
        await self.backend.open(self.engine.server, "host", self.engine)
        try:
            while self.random.left and self.layer.error is None:
                await self.step()
            self.check()
            if self.layer.error is None:
                await self.still_serves()
        finally:
            await asyncio.wait_for(self.backend.close(), 60)
        await asyncio.sleep(0)
        await self.program.ends()
        assert self.backend._own.counters.faults == 0


def host(octets: bytes) -> None:
    """HCI into a host that is up."""

    async def run() -> None:
        await Fuzzed(Decisions(octets)).run()

    in_simulated_time(run())


def bring_up(octets: bytes) -> None:
    """HCI into a host that brings a controller up: it comes up, or says why not."""
    random = Decisions(octets)

    async def run() -> None:
        wire = Wire(random.random() < 0.5)
        if random.random() < 0.5:
            _has_resolving_list(wire)
        wire.answer = _hostile(wire, random)  # type: ignore[method-assign]
        store = MemoryBondStore()
        store.save(BOND, central=True)
        backend, engine = WiredBackend(wire, None, bonds=lambda identity: store), Engine()
        try:
            await asyncio.wait_for(backend.open(engine.server, "host", engine), 600)
        except ControllerLost as error:
            assert str(error).endswith(".")
            assert wire.closed
        else:
            await asyncio.wait_for(backend.close(), 60)
        assert backend._own.counters.faults == 0

    in_simulated_time(run())


def _has_resolving_list(wire: Wire) -> None:
    """Let the controller say that it has one, with privacy modes."""
    commands, features = bytearray(wire.answers[0x1002](b"") or b""), wire.answers[0x2003](b"")
    commands[1 + 39] |= 1 << 2
    mask = int.from_bytes((features or b"")[1:], "little") | 1 << 6
    wire.answers[0x1002] = lambda _: bytes(commands)
    wire.answers[0x2003] = lambda _: b"\0" + mask.to_bytes(8, "little")


def _hostile(wire: Wire, random: Decisions) -> Callable[[int, bytes], None]:
    """Answers commands mostly as they should be; so the host gets far."""

    def answer(opcode: int, parameters: bytes) -> None:
        kind = random.randrange(16) if random.left else 0
        match kind:
            case 1:
                wire.send(event(0x0F, struct.pack("<BBH", random.getrandbits(8), 1, opcode)))
            case 2 | 3:
                returned = random.randbytes(random.randrange(70))
                wire.send(event(0x0E, struct.pack("<BHB", 1, opcode, 0) + returned))
            case 4:
                wire.send(event(0x0E, struct.pack("<BH", 1, opcode)[: random.randrange(4)]))
            case 5:
                code = random.choice((random.getrandbits(8), *Event, *_CLASSIC_EVENTS))
                wire.send(event(code, random.randbytes(random.randrange(12))))
                wire._answer(opcode, parameters)
            case 6:
                wire.send(random.randbytes(random.randrange(12)))
                wire._answer(opcode, parameters)
            case 7:
                wire.send(event(0x0E, struct.pack("<BHB", 0, opcode, 0) + random.randbytes(8)))
            case 8:
                pass
            case 9:
                wire.send(event(0x0E, struct.pack("<BHB", 1, opcode, 0)))  # the status alone
            case _:
                wire._answer(opcode, parameters)

    return answer
