"""Ways to a controller that are not as one would wish: events and data by two pipes, and strays.

`BLEIO_TEST_SEEDS=20` has the suites that run over them do so with 20 seeds in place of two:

    BLEIO_TEST_SEEDS=20 python -m pytest tests/conformance -k "skewed or stray"
    BLEIO_TEST_SEEDS=20 python -m pytest tests/interop/pairing/test_ours.py
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from bleio.backends.hci import HciBackend
from bleio.core.hci import ACL_PACKET, EVENT_PACKET, Event
from support.hci.world import ListenWorld, VirtualWorld, World

SEEDS = range(int(os.environ.get("BLEIO_TEST_SEEDS", "2")))
MAX_SKEW_S = 0.05
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
    """Have all adapters that are opened from now on hear events and data apart."""
    random = Random(seed)
    open_port: Any = HciBackend._open_port

    async def skewed(backend: HciBackend, on_packet: Any, on_lost: Any) -> Any:
        skew = Skew(Random(random.random()), on_packet)
        return await open_port(backend, skew.received, on_lost)

    monkeypatch.setattr(HciBackend, "_open_port", skewed)


class StrayWorld(ListenWorld):
    """The simulated radio behind a byte stream, with strays before every hundredth packet."""

    seed = 0

    def __init__(self) -> None:
        super().__init__()
        self._random = Random(self.seed)
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> World:
        await super().__aenter__()
        self._beyond = self.foreign_transport.removeprefix("tcp-client:").rsplit(":", 1)
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.foreign_transport = f"tcp-client:127.0.0.1:{port}"
        return self

    async def __aexit__(self, *args: Any) -> None:
        await super().__aexit__(*args)
        for writer in self._writers:
            writer.close()
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        host, port = self._beyond
        controller, to_controller = await asyncio.open_connection(host, int(port))
        self._writers += [writer, to_controller]
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await asyncio.gather(self._up(reader, to_controller), self._down(controller, writer))
        self._tasks.discard(task)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(4096):
            writer.write(octets)
        writer.close()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(1, 1_000_000):
            kind = await reader.readexactly(1)
            is_data = kind[0] == ACL_PACKET
            head = await reader.readexactly(4 if is_data else 2)
            octets = int.from_bytes(head[2:] if is_data else head[1:], "little")
            body = await reader.readexactly(octets)
            stray = bytes((self._random.choice(STRAYS),)) if number % STRAY_EVERY == 0 else b""
            writer.write(stray + kind + head + body)


def seeded(world: type[World], name: str) -> dict[str, type[World]]:
    """Return a world for each seed, by its name."""
    return {f"{name}-{seed}": type(world.__name__, (world,), {"seed": seed}) for seed in SEEDS}
