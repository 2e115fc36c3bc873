"""Lines of octets on which not all octets belong to packets."""

from __future__ import annotations

import asyncio
import itertools
import time
from random import Random
from typing import Any

import pytest

from bleio.backends.hci import HciBackend
from bleio.backends.hci.controller.h4 import (
    MAX_DATA_OCTETS,
    MAX_NOISE_OCTETS,
    STALLED_S,
    H4Parser,
)
from bleio.backends.hci.counters import HciCounters
from bleio.errors import ControllerLost
from support.hci.engine import Engine, asynchronous
from support.hci.script import ScriptedController, acl, event
from support.hci.simulated import simulated

BOOT_TEXT = b"rst:0x1 (POWERON_RESET),boot:0x13\r\n"
EVENT = event(0x0E, b"\x01\x03\x0c\x00")
DATA = acl(0x40, 4, b"value")


class Line:
    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.why: list[str] = []
        self.counters = HciCounters()
        self.parser = H4Parser(self, self.counters)

    def on_packet(self, packet: bytes) -> None:
        self.packets.append(packet)

    def on_noise(self, why: str) -> None:
        self.why.append(why)


@pytest.mark.parametrize("noise", [b"", b"\x00", b"\xff", b"\x01", b"\x03", b"\x05", BOOT_TEXT])
@simulated
async def test_noise_between_packets_is_skipped(noise: bytes) -> None:
    """Wherever the reads begin and end."""
    stream = noise + EVENT + noise + DATA + noise + EVENT
    for size in range(1, len(stream) + 1):
        line = Line()
        for at in range(0, len(stream), size):
            line.parser.feed_data(stream[at : at + size])
        assert line.packets == [EVENT, DATA, EVENT]
        assert line.counters.noise_octets == 3 * len(noise)


@pytest.mark.parametrize("stray", [b"\x02", b"\x04", b"\x02\x02"])
@simulated
async def test_a_stray_octet_that_looks_like_a_packet(stray: bytes) -> None:
    """The host waits for the answer behind it; nothing more comes before it has it."""
    line = Line()
    line.parser.feed_data(stray + EVENT)
    await asyncio.sleep(2.5 * STALLED_S * len(stray))
    assert line.packets == [EVENT]
    line.parser.feed_data(DATA)
    assert line.packets == [EVENT, DATA]


@simulated
async def test_a_slow_line_is_no_stalled_one() -> None:
    line = Line()
    for octet in event(0x3E, bytes(range(250))):
        line.parser.feed_data(bytes((octet,)))
        await asyncio.sleep(STALLED_S * 0.9)
    assert len(line.packets) == 1
    assert line.counters.noise_octets == 0


@simulated
async def test_data_that_is_too_long_is_none() -> None:
    line = Line()
    too_long = b"\x02\x40\x20" + (MAX_DATA_OCTETS + 1).to_bytes(2, "little")
    line.parser.feed_data(too_long + EVENT)
    assert line.packets == [EVENT]


@pytest.mark.parametrize("noise", [b"\xff", b"\x00\x55", BOOT_TEXT])
@simulated
async def test_a_line_of_pure_noise_is_given_up(noise: bytes) -> None:
    line = Line()
    for _ in range(2 * MAX_NOISE_OCTETS // len(noise)):
        line.parser.feed_data(noise)
    assert len(line.why) == 1
    assert "octets came from it without a packet among them; check the speed" in line.why[0]
    line.parser.feed_data(EVENT)
    assert line.packets == []


@simulated
async def test_nothing_is_kept_of_any_noise() -> None:
    line = Line()
    random = Random(5)
    for _ in range(500):
        line.parser.feed_data(random.randbytes(500))
        assert len(line.parser._line) <= MAX_DATA_OCTETS + 5
    line.parser.close()


class NoisyUart:
    """A serial object on which only noise comes."""

    def __init__(self, kind: str) -> None:
        self._random = Random(1)
        self._kind = kind
        self.in_waiting = 256

    def read(self, count: int) -> bytes:
        time.sleep(0.0025)  # as 256 octets take at 1 Mbit/s; no line is endlessly fast
        return self._random.randbytes(count) if self._kind == "random" else b"\xff" * count

    def write(self, data: bytes) -> int:
        return len(data)


@pytest.mark.parametrize("kind", ["random", "idle line held low"])
@asynchronous
async def test_an_adapter_on_a_line_of_noise(kind: str) -> None:
    engine = Engine()
    backend: Any = HciBackend(NoisyUart(kind), command_timeout_s=2.0)
    # Random octets make packets now and then, and one of those may look like a wrong answer.
    words = r"octets came .*; check the speed of the line|did not come up: \w.*speaks HCI"
    with pytest.raises(ControllerLost, match=words):
        await backend.open(engine.server, "host", engine)


class NoisyController(ScriptedController):
    """Puts `stray` before each answer."""

    stray = b""

    def send(self, *packets: bytes) -> None:
        super().send(*itertools.chain(*((self.stray, packet) for packet in packets)))


@pytest.mark.parametrize("stray", [b"\x00", b"\xff", BOOT_TEXT])
@asynchronous
async def test_a_stream_with_strays(stray: bytes) -> None:
    async with NoisyController() as controller:
        controller.stray = stray
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        assert backend._open.layer.counters.noise_octets > 0  # type: ignore[union-attr]
        await backend.close()
