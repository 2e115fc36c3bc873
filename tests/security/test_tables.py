"""Peers whose table is large, slow, or never the same. See docs/security.md."""

from __future__ import annotations

import struct
import sys
from bisect import bisect_left
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from bleio.backends.hci.links.calls import WHOLE_LIMIT_S
from bleio.errors import TransactionTimeout
from bleio.gatt.discovery import STEP_LIMIT_S
from support.bearers import Outcome, Wired

NEVER = 10**9


class LyingServer:
    """A peer with services, includes and characteristics at handles of its choice."""

    def __init__(self) -> None:
        self.services: list[tuple[int, int]] = []
        self.includes: list[int] = []
        self.characteristics: list[int] = []  # declarations
        self.uuid = b"\x19\x2a"
        self.answers_after_s = 0.0
        self.asked = b""  # last
        self.wired = Wired()
        self.wired.bearer._server.agree(517)

    def discover(self, uuids: list[bytes] | None = None, **limits: Any) -> Outcome:
        outcome = self.wired.start(self.wired.bearer.client.discover(uuids), **limits)
        self.serve(outcome)
        return outcome

    def serve(self, outcome: Outcome) -> None:
        while outcome.pending:
            request = self.asked = self.wired.sent.pop()
            self.wired.timers.advance(self.answers_after_s)
            if outcome.pending:
                self.wired.bearer.received(self.answer(request))

    def answer(self, request: bytes) -> bytes:
        opcode = request[0]
        start, end = (*struct.unpack_from("<HH", request.ljust(5), 1),)
        entries: list[bytes] = []
        if opcode == 0x10:
            first = bisect_left(self.services, (start, 0))
            entries = [struct.pack("<HH", *each) + b"\x0f\x18" for each in self.services[first:]]
        elif opcode == 0x08 and request[5:] == b"\x02\x28":
            included = struct.pack("<HH", 1, 2) + b"\x0f\x18"
            entries = [struct.pack("<H", at) + included for at in within(self.includes, start, end)]
        elif opcode == 0x08:
            declarations = within(self.characteristics, start, end - 1)
            entries = [struct.pack("<HBH", at, 2, at + 1) + self.uuid for at in declarations]
        if not entries:
            return bytes((1, opcode)) + request[1:3] + b"\x0a"
        room = (517 - 2) // len(entries[0])
        return bytes((opcode + 1, len(entries[0]))) + b"".join(entries[:room])


def within(handles: list[int], start: int, end: int) -> list[int]:
    return handles[bisect_left(handles, start) : bisect_left(handles, end + 1)]


def steps(work: Callable[[], object]) -> int:
    """Count the lines of ours that some work executes, also those of loops in one line."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "/bleio/" not in frame.f_code.co_filename.replace("\\", "/"):
            return None
        count += 1
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(former)
    return count


def assert_linear(work: Callable[[int], Callable[[], object]]) -> None:
    """`work(n)` gets something ready that is to be done in proportion to n."""
    small, large = (steps(work(n)) for n in (100, 400))
    assert large < 6 * small


def test_discovery_has_a_limit_for_the_whole() -> None:
    server = LyingServer()
    server.services = [(handle, handle + 2) for handle in range(1, 6000, 3)]
    server.answers_after_s = STEP_LIMIT_S - 1
    outcome = server.discover(step_limit_s=STEP_LIMIT_S, whole_limit_s=WHOLE_LIMIT_S)
    assert isinstance(outcome.error, TransactionTimeout)
    assert server.wired.timers.now_s == pytest.approx(WHOLE_LIMIT_S, abs=STEP_LIMIT_S)
    # The link goes on: the last request is answered, and the next procedure has its turn.
    assert not server.wired.bearer.dead
    server.wired.bearer.received(server.answer(server.asked))
    server.answers_after_s = 0
    assert len(server.discover(whole_limit_s=WHOLE_LIMIT_S).result) == 2000
    server.wired.timers.advance(60)  # the timer ends when it finds that nothing is awaited
    assert len(server.wired.timers) == 0


@pytest.mark.parametrize("kind", ["read", "write"])
def test_so_has_a_long_value(kind: str) -> None:
    wired = Wired()  # with the smallest MTU: a value of 512 octets is some 25 steps
    client = wired.bearer.client
    procedure = client.read(3) if kind == "read" else client.write(3, bytes(512))
    outcome = wired.start(procedure, whole_limit_s=WHOLE_LIMIT_S)
    while outcome.pending:
        request = wired.sent.pop()
        wired.timers.advance(29.0)
        if outcome.pending:
            full = bytes((request[0] + 1,)) + bytes(22)
            wired.bearer.received(full if kind == "read" else b"\x17" + request[1:])
    assert isinstance(outcome.error, TransactionTimeout)
    assert wired.timers.now_s < WHOLE_LIMIT_S + 30


def test_a_table_with_other_meanings_costs_what_it_holds() -> None:
    def again(values: int) -> Callable[[], object]:
        server = LyingServer()
        server.services = [(1, 0xFFFF)]
        server.characteristics = list(range(2, 2 + 2 * values, 2))
        before = server.discover().result
        server.uuid = b"\x1a\x2a"

        def discover() -> None:
            after = server.discover().result
            assert {each.handle for each in before[0].characteristics} == {0}
            assert len(after[0].characteristics) == values

        return discover

    assert_linear(again)


def test_includes_cost_what_there_are() -> None:
    def including(services: int) -> Callable[[], object]:
        server = LyingServer()
        server.services = [(handle, handle + 1) for handle in range(1, 2 * services, 2)]
        server.includes = [handle + 1 for handle, _ in server.services]

        def discover() -> None:
            found = server.discover([b"\x0f\x18"]).result
            assert [len(service.included) for service in found] == [1] * services

        return discover

    assert_linear(including)


def test_a_change_costs_what_it_hits() -> None:
    def known(values: int) -> LyingServer:
        server = LyingServer()
        server.services = [(handle, handle + 2) for handle in range(1, 3 * values, 3)]
        server.characteristics = [handle + 1 for handle, _ in server.services]
        server.held = server.discover().result  # type: ignore[attr-defined]
        server.wired.bearer.client.remote._service_changed_handle = 3
        return server

    def changed(server: LyingServer, start: int, end: int) -> Callable[[], object]:
        indication = b"\x1d" + struct.pack("<HHH", 3, start, end)
        return lambda: server.wired.bearer.received(indication)

    small, large = known(20), known(500)
    costs = [steps(changed(server, 0xF000, 0xFFFF)) for server in (small, large)]
    assert costs[0] == costs[1]
    costs = [steps(changed(server, 4, 6)) for server in (small, large)]
    assert costs[0] == costs[1]
    everything = changed(large, 1, 0xFFFF)
    steps(everything)
    assert {service.handle for service in large.held} == {0}  # type: ignore[attr-defined]
    assert steps(everything) < 100  # there is nothing left to hit
