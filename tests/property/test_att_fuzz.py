"""100,000 random and mutated PDUs into our server and our client, the same ones in every run.

What is sent and what must hold is in fuzz/att.py; here is how often, and that it is reached.
"""

from __future__ import annotations

from random import Random

import pytest

from fuzz.att import Asking, Served

SERVER_PDUS = 60_000
CLIENT_PDUS = 40_000
SEEDS = range(10)


@pytest.mark.parametrize("seed", SEEDS)
def test_server(seed: int) -> None:
    random = Random(seed)
    kinds = set()
    for number in range(SERVER_PDUS // len(SEEDS)):
        if number % 500 == 0:
            served = Served(random)
        if number % 50 == 0:
            served.change_table()
        pdu, answers = served.step()
        kinds.update((pdu[:1], answer[:1]) for answer in answers)
    # The fuzzer reaches what it is meant to reach: every request answered both ways.
    for request in (0x04, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x12, 0x16, 0x18, 0x20):
        assert {(bytes((request,)), b"\x01"), (bytes((request,)), bytes((request + 1,)))} <= kinds


@pytest.mark.parametrize("seed", SEEDS)
def test_client(seed: int) -> None:
    random = Random(seed)
    budget = CLIENT_PDUS // len(SEEDS)
    results = failures = 0
    while budget > 0:
        asking = Asking(random)
        while budget > 0 and not asking.wired.bearer.dead:
            fed, outcome = asking.ask(budget)
            budget -= fed
            if not outcome.pending:
                failed = outcome.calls[0][1] is not None
                results += not failed
                failures += failed
    assert results > 50 and failures > 50  # both ends are really reached
