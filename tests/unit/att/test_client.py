"""The client's transactions: one at a time, each with an end."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.att.client import AttClient, Procedure
from bleio.errors import (
    AttError,
    InnerError,
    LinkLost,
    ProtocolViolation,
    TransactionTimeout,
)
from support.bearers import Outcome, Timers


class Peer:
    """A client whose peer is the test."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.timers = Timers()
        self.dead = False
        self.client = AttClient(self.sent.append, self.timers, self._timed_out)

    def _timed_out(self) -> None:
        self.dead = True
        self.client.close(TransactionTimeout())

    def run(self, procedure: Procedure[Any], **options: Any) -> Outcome:
        outcome = Outcome()
        outcome.job = self.client.run(procedure, outcome.done, **options)
        return outcome

    def respond(self, *pdus: str) -> None:
        for pdu in pdus:
            self.client.respond(bytes.fromhex(pdu))

    @property
    def unsolicited(self) -> int:
        return self.client.counters.unsolicited_responses


@pytest.fixture
def peer() -> Peer:
    return Peer()


def ask(*requests: str) -> Procedure[list[str]]:
    """A procedure that sends these requests and returns the responses."""
    responses = []
    for request in requests:
        responses.append((yield bytes.fromhex(request)).hex(" "))
    return responses


def test_requests_follow_responses(peer: Peer) -> None:
    outcome = peer.run(ask("0a 01 00", "0a 02 00"))
    assert peer.sent == [b"\x0a\x01\x00"]
    peer.respond("0b 11")
    assert peer.sent == [b"\x0a\x01\x00", b"\x0a\x02\x00"] and outcome.pending
    peer.respond("0b")
    assert outcome.result == ["0b 11", "0b"]


def test_one_timer_for_all_limits(peer: Peer) -> None:
    """It is not set for each request, runs on behind the last, and is late for none."""
    for _ in range(10):
        peer.run(ask("0a 01 00"), step_limit_s=20)
        peer.timers.advance(1)
        assert len(peer.timers) == 1
        peer.respond("0b")
    late = peer.run(ask("0a 01 00"), step_limit_s=20)
    peer.timers.advance(19.9)
    assert late.pending
    peer.timers.advance(0.1)
    assert isinstance(late.error, TransactionTimeout)
    peer.respond("0b")
    peer.timers.advance(60)
    assert len(peer.timers) == 0


def test_shorter_limit_behind_a_longer_one(peer: Peer) -> None:
    peer.run(ask("0a 01 00"))
    peer.respond("0b")
    outcome = peer.run(ask("0a 01 00"), step_limit_s=5)
    peer.timers.advance(5)
    assert isinstance(outcome.error, TransactionTimeout)


def test_one_transaction_at_a_time(peer: Peer) -> None:
    first, second = peer.run(ask("0a 01 00", "0a 02 00")), peer.run(ask("12 03 00"))
    assert len(peer.sent) == 1
    peer.respond("0b", "0b")
    assert first.result and second.pending
    assert peer.sent[2:] == [b"\x12\x03\x00"]
    peer.respond("13")
    assert second.result == ["13"]


def test_error_responses_come_into_the_procedure(peer: Peer) -> None:
    def procedure() -> Procedure[str]:
        try:
            yield b"\x0a\x01\x00"
        except AttError as error:
            return f"{error.request_opcode:02x} {error.handle:04x} {error.code:02x}"
        return "no error"

    outcome = peer.run(procedure())
    peer.respond("01 0a 01 00 05")
    assert outcome.result == "0a 0001 05"

    outcome = peer.run(ask("0a 01 00"))
    peer.respond("01 0a 01 00 0e")
    assert isinstance(outcome.error, AttError) and outcome.error.code == 0x0E


def test_what_nobody_asked_for_is_ignored_and_counted(peer: Peer) -> None:
    peer.respond("0b 01", "01 0a 01 00 05", "01", "13")
    assert peer.unsolicited == 4
    outcome = peer.run(ask("0a 01 00"))
    peer.respond("13", "0d 01", "01 12 01 00 05", "01 00 00 00 06")  # to other requests
    assert outcome.pending and peer.unsolicited == 8
    peer.respond("0b 01")
    assert outcome.result == ["0b 01"]
    peer.respond("0b 01")
    assert peer.unsolicited == 9


@pytest.mark.parametrize("pdu", ["01", "01 0a", "01 0a 01 00", "01 0a 01 00 05 00"])
def test_malformed_error_response(peer: Peer, pdu: str) -> None:
    outcome = peer.run(ask("0a 01 00"))
    peer.respond(pdu)
    assert isinstance(outcome.error, ProtocolViolation)
    outcome = peer.run(ask("0a 01 00"))  # the bearer goes on
    peer.respond("0b")
    assert outcome.result == ["0b"]


def test_a_transaction_may_take_30_seconds(peer: Peer) -> None:
    outcome, waiting = peer.run(ask("0a 01 00")), peer.run(ask("0a 02 00"))
    peer.timers.advance(29.9)
    assert outcome.pending
    peer.timers.advance(0.1)
    assert peer.dead
    assert isinstance(outcome.error, TransactionTimeout)
    assert isinstance(waiting.error, TransactionTimeout)
    assert len(peer.sent) == 1
    assert isinstance(peer.run(ask("0a 01 00")).error, TransactionTimeout)
    assert len(peer.sent) == 1
    peer.respond("0b")
    assert peer.unsolicited == 1


def test_each_transaction_has_its_own_30_seconds(peer: Peer) -> None:
    outcome = peer.run(ask("0a 01 00", "0a 02 00"))
    peer.timers.advance(29)
    peer.respond("0b")
    peer.timers.advance(29)
    peer.respond("0b")
    assert outcome.result and not peer.dead
    peer.timers.advance(100)
    assert not peer.dead


def test_a_step_limit_fails_the_procedure_but_keeps_the_order(peer: Peer) -> None:
    outcome, following = peer.run(ask("0a 01 00"), step_limit_s=20), peer.run(ask("0a 02 00"))
    peer.timers.advance(20)
    assert isinstance(outcome.error, TransactionTimeout)
    assert not peer.dead and len(peer.sent) == 1
    peer.respond("0b 01")  # late: it belongs to the first request
    assert following.pending and len(peer.sent) == 2
    peer.respond("0b 02")
    assert following.result == ["0b 02"]


def test_after_a_step_limit_30_seconds_still_end_the_bearer(peer: Peer) -> None:
    peer.run(ask("0a 01 00"), step_limit_s=20)
    peer.timers.advance(29.9)
    assert not peer.dead
    peer.timers.advance(0.2)
    assert peer.dead


def test_abandoning(peer: Peer) -> None:
    running, waiting = peer.run(ask("0a 01 00", "0a 09 00")), peer.run(ask("0a 02 00"))
    last = peer.run(ask("0a 03 00"))
    peer.client.abandon(running.job, LinkLost())
    peer.client.abandon(waiting.job, LinkLost())
    peer.client.abandon(waiting.job, LinkLost())
    assert isinstance(running.error, LinkLost) and isinstance(waiting.error, LinkLost)
    assert len(peer.sent) == 1
    peer.respond("0b")
    assert peer.sent[1:] == [b"\x0a\x03\x00"]
    peer.respond("0b")
    assert last.result == ["0b"]


def test_closing_fails_all(peer: Peer) -> None:
    outcomes = [peer.run(ask("0a 01 00")) for _ in range(3)]
    peer.client.close(LinkLost(8))
    assert [type(outcome.error) for outcome in outcomes] == [LinkLost] * 3
    assert isinstance(peer.run(ask("0a 01 00")).error, LinkLost)
    assert len(peer.timers) == 0 and len(peer.sent) == 1


def test_procedures_that_ask_nothing_end_at_once(peer: Peer) -> None:
    assert [peer.run(ask()).result for _ in range(3)] == [[], [], []]
    first = peer.run(ask("0a 01 00"))
    rest = [peer.run(ask()) for _ in range(5000)]  # must not pile up on the stack
    assert rest[-1].pending
    peer.respond("0b")
    assert first.result and all(outcome.result == [] for outcome in rest)


def test_a_new_procedure_may_be_started_when_one_is_done(peer: Peer) -> None:
    following = Outcome()

    def done(result: Any, error: Exception | None) -> None:
        peer.client.run(ask("0a 02 00"), following.done)

    peer.client.run(ask("0a 01 00"), done)
    waiting = peer.run(ask("0a 03 00"))
    peer.respond("0b 01", "0b 03", "0b 02")
    assert waiting.result == ["0b 03"] and following.result == ["0b 02"]


def test_a_bug_in_a_procedure_is_told_not_raised(peer: Peer) -> None:
    def procedure() -> Procedure[None]:
        yield b"\x0a\x01\x00"
        raise InnerError("as a bug would")

    outcome = peer.run(procedure())
    peer.respond("0b")
    assert str(outcome.error) == "as a bug would"
