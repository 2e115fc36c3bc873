"""Target: a peer that pairs, rightly or not, in whatever state the victim is in.

What decides is any `Random`: a seeded one for many steps (tests/security/test_smp_fuzz.py), or a
fuzzer's input. No fault, no hang, no session that stays, and in the end the victim pairs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.link_states import Idle, Silent
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.pdu import AuthReq, Features
from bleio.core.pairing import IoCapability
from bleio.errors import InnerError
from fuzz.decisions import Decisions
from fuzz.running import in_simulated_time
from support.attacker import JUST_WORKS, LEGACY, SMP
from support.victim import Asked, Victim, attacked

_STEPS = 6  # of one input


class SmpPeer:
    """Sends what is decided, in whatever state the victim is in."""

    def __init__(self, victim: Victim, random: Random) -> None:
        self.victim = victim
        self.random = random
        self.sent = 0
        self.steps = 0
        self.asking: set[asyncio.Task[Any]] = set()

    def features(self) -> Features:
        random = self.random
        return Features(
            random.choice([*range(5), 9]),
            random.choice((0, 0, 0, 1, 7)),
            random.choice((*map(int, AuthReq), 0x01, 0x05, 0x09, 0x0D, 0xFF)),
            random.choice((16, 16, 16, 7, 0, 255)),
            random.randrange(16),
            random.randrange(16),
        )

    def octets(self) -> bytes:
        """Give a PDU, right in length or not."""
        random = self.random
        opcode = random.choice([*pdu.LENGTHS, random.randrange(256)])
        if opcode in (pdu.PAIRING_REQUEST, pdu.PAIRING_RESPONSE) and random.random() < 0.8:
            return self.features().pack(opcode)
        count = pdu.LENGTHS.get(opcode, random.randrange(1, 80)) - 1
        if random.random() < 0.2:
            count = random.randrange(80)
        return bytes((opcode,)) + random.choice((random.randbytes, bytes))(count)

    def spoilt(self, octets: bytes) -> list[bytes]:
        """Send a PDU of a right pairing, or another one, or twice, or not at all."""
        self.sent += 1
        chance = self.random.random()
        if chance < 0.93:
            return [octets]
        return [[], [octets, octets], [self.octets(), octets], [self.octets()]][
            int(chance * 400) % 4
        ]

    async def step(self) -> None:
        victim, random = self.victim, self.random
        self.steps += 1
        match random.randrange(8):
            case 0 | 1:
                self.burst()
            case 2 | 3 | 4 | 5:
                await self.pair()
            case 6:
                self.ask()
                await asyncio.sleep(random.choice((0.05, 0.5, 5, 35)))
            case 7:
                victim.store.erase()
                await victim.meet_again()
        if isinstance(victim.link._security.state, Silent):
            await victim.meet_again()
        await asyncio.sleep(0.05)

    def burst(self) -> None:
        for _ in range(self.random.randrange(1, 8)):
            self.victim.attacker.send(SMP, self.octets())
            self.sent += 1

    def ask(self) -> None:
        """Have the victim begin."""

        async def asked() -> None:
            with suppress(InnerError):
                await self.victim.link.pair()

        task = asyncio.ensure_future(asked())
        self.asking.add(task)
        task.add_done_callback(self.asking.discard)

    async def pair(self) -> None:
        """Pair as it should be until a PDU is spoilt."""
        attacker = self.victim.attacker
        await asyncio.sleep(self.random.choice((0, 70)))
        request = b""
        if not attacker.is_central:
            self.drop_received()
            self.ask()
            await asyncio.sleep(0.2)
            if attacker.smp.empty():
                return
            opcode, *rest = await attacker.receive()
            if opcode != pdu.PAIRING_REQUEST:
                return
            request = bytes(rest)
        agent = Asked(self.random.choice(list(IoCapability)))
        features = self.random.choice((JUST_WORKS, LEGACY))
        if agent.io_capability is not IoCapability.NO_INPUT_NO_OUTPUT:
            mitm = features.auth_req | AuthReq.MITM
            features = features._replace(io_capability=agent.io_capability, auth_req=mitm)
        ended = attacker.start_pairing(features, self.spoilt, request=request, agent=agent)
        await asyncio.wait({ended}, timeout=self.random.choice((0.1, 3)))
        session, attacker.session = attacker.session, None
        if session is not None:
            session.close()

    def drop_received(self) -> None:
        while not self.victim.attacker.smp.empty():
            self.victim.attacker.smp.get_nowait()


async def attack(victim_role: str, random: Random, goes_on: Callable[[SmpPeer], bool]) -> None:
    """Take steps while they go on; the victim is then as it was, and pairs."""
    agent = Asked(IoCapability.KEYBOARD_DISPLAY)
    async with attacked(victim_role, agent=agent) as victim:
        peer = SmpPeer(victim, random)
        while goes_on(peer):
            await peer.step()
        await asyncio.sleep(100)  # past every time-out and every wait after failures
        assert not peer.asking
        assert isinstance(victim.link._security.state, Idle)
        await victim.meet_again()
        peer.drop_received()
        victim.store.erase()
        strong = JUST_WORKS._replace(auth_req=JUST_WORKS.auth_req | AuthReq.MITM)
        strong = strong._replace(io_capability=IoCapability.DISPLAY_YES_NO)
        guest = Asked(IoCapability.DISPLAY_YES_NO)
        assert isinstance(await victim.pair(strong, agent=guest), Bond)


def smp(octets: bytes) -> None:
    """Pairings that are spoilt, by a central and by a peripheral."""
    random = Decisions(octets)
    victim_role = random.choice(("central", "peripheral"))
    in_simulated_time(
        attack(victim_role, random, lambda peer: bool(random.left) and peer.steps < _STEPS)
    )
