"""When a participant that keeps the baton is an error."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from bleio.testing.errors import DeviceBlocked
from bleio.testing.timing import watching
from bleio.testing.timing.watching import OwnersWatch


class Baton:
    """One that somebody keeps. Each look takes real time, and what the participant computes."""

    passes = 0

    def __init__(self, real_s: float, computed_s: float) -> None:
        self.looks = 0
        self._each = real_s, computed_s

    def clock(self, which: int) -> Callable[[], float]:
        return lambda: self.looks * self._each[which]

    def processor_s(self) -> float:
        return self.clock(1)()

    def comes_within(self, seconds: float) -> bool:
        self.looks += 1
        assert self.looks < 100_000
        return False

    def is_debugged(self) -> bool:
        return False

    def real_sleep(self) -> None:
        return None

    def describe_holder(self, seconds: float) -> str:
        return f"kept for {seconds} s"


@pytest.mark.parametrize(
    ("computed_s", "looks"),
    [
        (0.0, 201),  # it waits for something outside
        (0.001, 201),  # it hardly computes
        (0.005, 2001),  # it computes on a machine that is busy
        (0.05, 201),  # or on one that is not
    ],
)
def test_one_that_computes_has_the_processors_time(
    monkeypatch: pytest.MonkeyPatch, computed_s: float, looks: int
) -> None:
    baton: Any = Baton(0.05, computed_s)
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=baton.clock(0)))
    watch = OwnersWatch(baton, None, 10.0, None)
    with pytest.raises(DeviceBlocked, match=r"kept for 10\.0 s"):
        watch.until_turn(SimpleNamespace(now_us=0))
    assert baton.looks == pytest.approx(looks, abs=2)
