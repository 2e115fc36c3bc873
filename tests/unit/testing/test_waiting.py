"""What waits in simulated time, and which is next."""

from __future__ import annotations

from bleio.testing.timing.participant import Participant
from bleio.testing.timing.waiting import NEVER_US, Waiting

FAR_US = 3_600_000_000


def test_waits_that_end_early_do_not_pile_up() -> None:
    waiting, patient, busy = Waiting(), Participant("patient"), Participant("busy")
    waiting.enter(patient, None, FAR_US + 1, 0)
    for _ in range(10_000):
        waiting.enter(busy, lambda: True, FAR_US, 0)
        assert waiting.first(0)[0] is busy
        waiting.take_out(busy)
    assert len(waiting.due) < 3_000
    assert waiting.first(0) == (patient, FAR_US + 1)
    waiting.take_out(patient)
    assert waiting.first(0) == (None, NEVER_US)
