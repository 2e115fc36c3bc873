"""Ways to a controller that are not as one would wish: events and data by two pipes, and strays.

`BLEIO_TEST_SEEDS=20` has the suites that run over them do so with 20 seeds in place of two:

    BLEIO_TEST_SEEDS=20 python -m pytest tests/conformance -k "skewed or stray"
    BLEIO_TEST_SEEDS=20 python -m pytest tests/interop/pairing/test_ours.py
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from bleio.backends.hci import HciBackend
from bleio.backends.hci.controller.h4 import H4Parser
from bleio.backends.hci.counters import HciCounters
from bleio.core.hci import ACL_PACKET, EVENT_PACKET, Event
from bleio.testing.air.backend import AirBackend
from support.hci.world import Device, VirtualWorld, World

SEEDS = range(int(os.environ.get("BLEIO_TEST_SEEDS", "2")))
MAX_SKEW_S = 0.05
ENCRYPTION_EVENTS = (
    Event.ENCRYPTION_CHANGE,
    Event.ENCRYPTION_CHANGE_V2,
    Event.ENCRYPTION_KEY_REFRESH_COMPLETE,
)
STRAY_EVERY = 100  # packets
STRAYS = b"\x00\xff\r\n\x55"


class Skew:
    """Lets events or data of one controller come late, each in order, by a seed.

    Which of the two is late, and by how much, changes every few packets. It begins with the first
    link: what comes before has no other pipe to be late for.
    """

    def __init__(self, random: Random, on_packet: Callable[[bytes], None]) -> None:
        self._random = random
        self._on_packet = on_packet
        self._linked = False
        self._late_s = [0.0, 0.0]
        self._due_s = [0.0, 0.0]

    def received(self, packet: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._linked |= packet[0] == ACL_PACKET or _opens_a_link(packet)
        if not self._linked:
            self._on_packet(packet)
            return
        if self._random.random() < 0.2 or not any(self._late_s):
            late_s = self._random.uniform(0, MAX_SKEW_S)
            self._late_s = [late_s, 0.0] if self._random.random() < 0.5 else [0.0, late_s]
        pipe = packet[0] == ACL_PACKET
        due_s = max(self._due_s[pipe] + 1e-6, loop.time() + self._late_s[pipe])
        self._due_s[pipe] = due_s
        loop.call_at(due_s, self._on_packet, packet)


def _opens_a_link(packet: bytes) -> bool:
    return packet[:2] == bytes((EVENT_PACKET, Event.LE_META)) and packet[3] in (0x01, 0x0A, 0x29)


class SkewedBackend(HciBackend):
    seed = 0

    async def _open_port(self, on_packet: Any, on_lost: Any) -> Any:
        return await super()._open_port(Skew(Random(self.seed), on_packet).received, on_lost)


class SkewedWorld(VirtualWorld):
    """The simulated radio of this process, with events and data up to 50 ms apart."""

    seed = 0

    def make_backend(self, **kwargs: Any) -> HciBackend:
        backend = SkewedBackend("virtual", **kwargs)
        backend.seed = self.seed * 100 + len(self.devices)
        return backend


def skew_all(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Have all adapters of worlds that are opened from now on hear events and data apart."""

    def skewed(backend: AirBackend, random: Random, on_packet: Any) -> Any:
        return Skew(random, on_packet)

    _exchange_all(monkeypatch, seed, skewed)


def stray_all(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Have all adapters of worlds that are opened from now on hear a line with strays."""

    def with_strays(backend: AirBackend, random: Random, on_packet: Any) -> Any:
        return StrayLine(random, on_packet, backend._own.counters)

    _exchange_all(monkeypatch, seed, with_strays)


def _exchange_all(monkeypatch: pytest.MonkeyPatch, seed: int, make: Callable[..., Any]) -> None:
    random = Random(seed)
    open_port: Any = AirBackend._open_port

    async def opened(backend: AirBackend, on_packet: Any, on_lost: Any) -> Any:
        line = make(backend, Random(random.random()), on_packet)
        return await open_port(backend, line.received, on_lost)

    monkeypatch.setattr(AirBackend, "_open_port", opened)


class StrayLine:
    """A line of octets in place of a pipe of packets, with strays before every hundredth packet."""

    def __init__(
        self, random: Random, on_packet: Callable[[bytes], None], counters: HciCounters
    ) -> None:
        self.on_packet = on_packet
        self._random = random
        self._parser = H4Parser(self, counters)
        self._packets = random.randrange(STRAY_EVERY)  # few tests have a hundred packets

    def received(self, packet: bytes) -> None:
        self._packets += 1
        if self._packets % STRAY_EVERY == 0:
            packet = bytes((self._random.choice(STRAYS),)) + packet
        cut = self._random.randint(0, len(packet))  # a line has no frames
        self._parser.feed_data(packet[:cut])
        self._parser.feed_data(packet[cut:])

    def on_noise(self, why: str) -> None:
        raise AssertionError(why)


class StrayBackend(HciBackend):
    seed = 0

    async def _open_port(self, on_packet: Any, on_lost: Any) -> Any:
        line = StrayLine(Random(self.seed), on_packet, self._own.counters)
        return await super()._open_port(line.received, on_lost)


class StrayWorld(VirtualWorld):
    """The simulated radio of this process behind lines of octets on which strays are."""

    seed = 0

    def make_backend(self, **kwargs: Any) -> HciBackend:
        backend = StrayBackend("virtual", **kwargs)
        backend.seed = self.seed * 100 + len(self.devices)
        return backend


class TwoPipes(HciBackend):
    """Its events of encryption or its data come late by `events_s` or `data_s`, each in order."""

    events_s = data_s = 0.0

    async def _open_port(self, on_packet: Any, on_lost: Any) -> Any:
        due_s = [0.0, 0.0]

        def received(packet: bytes) -> None:
            loop = asyncio.get_running_loop()
            is_data = packet[0] == ACL_PACKET
            late_s = self.data_s if is_data else self.events_s * (packet[1] in ENCRYPTION_EVENTS)
            due_s[is_data] = max(due_s[is_data], loop.time() + late_s)
            if due_s[is_data] <= loop.time():
                on_packet(packet)
            else:
                loop.call_at(due_s[is_data], on_packet, packet)

        return await super()._open_port(received, on_lost)


class TwoPipesWorld(VirtualWorld):
    def make_backend(self, **kwargs: Any) -> HciBackend:
        return TwoPipes("virtual", **kwargs)


def delay(device: Device, events_s: float, data_s: float) -> None:
    device.backend.events_s, device.backend.data_s = events_s, data_s


def seeded(world: type[World], name: str) -> dict[str, type[World]]:
    """Return a world for each seed, by its name."""
    return {f"{name}-{seed}": type(world.__name__, (world,), {"seed": seed}) for seed in SEEDS}
