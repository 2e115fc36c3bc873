"""Floods and nonsense below ATT and SMP, by a malicious peer. See docs/security.md."""

from __future__ import annotations

import asyncio
import struct
from random import Random

from bleio.backends.hci.bonds.store import Bond
from support.attacker import ATT, SIGNALING
from support.hci.engine import until
from support.hci.simulated import simulated
from support.patience import PATIENCE_S
from support.victim import Victim, attacked

READ_NAME = b"\x0a\x03\x00"
COMMAND_REJECT, CREDIT_BASED_CONNECTION_RSP = 0x01, 0x15


async def still_serves(victim: Victim) -> None:
    """The victim answers and pairs."""
    while not victim.attacker.att.empty():
        victim.attacker.att.get_nowait()
    victim.attacker.send(ATT, READ_NAME)
    assert (await asyncio.wait_for(victim.attacker.att.get(), PATIENCE_S))[0] == 0x0B
    assert isinstance(await victim.pair(), Bond)


@simulated
async def test_a_flood_on_unknown_channels() -> None:
    async with attacked("peripheral") as victim:
        channels = [0, 1, 2, 3, 7, 0x3F, 0x40, 0x7F, 0xFFFF]
        for number in range(900):
            victim.attacker.send(channels[number % len(channels)], b"x" * (number % 30))
        await still_serves(victim)
        assert victim.device.counters().ignored >= 900


@simulated
async def test_a_flood_of_signaling_commands() -> None:
    """Each is refused; requests to open channels too."""
    async with attacked("peripheral") as victim:
        answers: list[bytes] = []
        deliver = victim.attacker._received

        def received(channel: int, payload: bytes) -> None:
            if channel == SIGNALING:
                answers.append(payload)
            deliver(channel, payload)

        victim.attacker._received = received  # type: ignore[method-assign]
        for number in range(600):
            code = (0x14, 0x17, 0x0A, 0x02, 0x08, 0x16)[number % 6]
            octets = bytes(10)
            identifier = number % 255 + 1
            command = struct.pack("<BBH", code, identifier, len(octets)) + octets
            victim.attacker.send(SIGNALING, command)
        await until(lambda: len(answers) == 600)
        for number, (code, identifier, _, _, *rest) in enumerate(answers):
            assert identifier == number % 255 + 1
            if number % 6:
                assert (code, rest) == (COMMAND_REJECT, [0, 0])  # not understood
            else:
                assert (code, rest[-2:]) == (CREDIT_BASED_CONNECTION_RSP, [2, 0])  # no such PSM
        await still_serves(victim)


@simulated
async def test_a_storm_of_parameter_requests() -> None:
    """By a peripheral, each for other parameters: the central follows one after the other."""
    async with attacked("central") as victim:
        results: list[int] = []
        deliver = victim.attacker._received

        def received(channel: int, payload: bytes) -> None:
            if channel == SIGNALING:
                results.append(payload[4])
            deliver(channel, payload)

        victim.attacker._received = received  # type: ignore[method-assign]
        loop = asyncio.get_running_loop()
        layer, begin_s = victim.device.backend._open.layer, loop.time()
        tasks = len(asyncio.all_tasks())
        for number in range(2000):
            interval = 12 + number % 20
            parameters = struct.pack("<HHHH", interval, interval, 0, 400)
            head = struct.pack("<BBH", 0x12, number % 255 + 1, 8)
            victim.attacker.send(SIGNALING, head + parameters)
        while len(results) < 2000:
            await asyncio.sleep(0.1)
            assert len(asyncio.all_tasks()) <= tasks + 2
            assert len(layer.commands._waiting) <= 1
        took_s = loop.time() - begin_s
        assert 0 < results.count(0) < took_s / 0.05  # a change takes six events and more
        await still_serves(victim)


@simulated
async def test_frames_that_lie_about_their_length() -> None:
    async with attacked("peripheral") as victim:
        attacker = victim.attacker
        for length in (0xFFFF, 600, 0):
            attacker.send_raw(struct.pack("<HH", length, ATT) + READ_NAME)
        await victim.settle()
        assert attacker.att.empty()
        await still_serves(victim)


@simulated
async def test_random_frames() -> None:
    random = Random(5)
    async with attacked("peripheral") as victim:
        for _ in range(1_500):
            channel = random.choice((ATT, SIGNALING, SIGNALING, random.randrange(0x10000)))
            octets = random.randbytes(random.randrange(40))
            if channel == ATT:  # a request that is answered late would confuse the last question
                octets = b"\xd2" + octets
            if channel != 6:
                victim.attacker.send(channel, octets)
        await still_serves(victim)
