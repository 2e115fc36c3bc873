"""Real time for worlds that are to go no faster than that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

SLICE_S = 0.05  # how often a wait of real time looks around
BEHIND_S = 0.1  # more than a busy machine's normal lateness

_log = logging.getLogger(__name__)


class Pace:
    """Lets simulated time be never ahead of real time, and notes when it falls behind.

    `times_behind` counts the stretches in which it was more than 100 ms behind; each is logged.
    """

    def __init__(self) -> None:
        self.holds = False
        self.times_behind = 0
        self._behind = False
        self._start_s = 0.0

    def resume(self, now_us: int) -> None:
        """Real time counts from now."""
        self._behind = False
        self._start_s = time.monotonic() - now_us / 1e6

    def hold(self, at_us: int, recalled: Callable[[], bool]) -> None:
        """Wait until that simulated time has come, or until `recalled`."""
        self.holds = True
        try:
            while not recalled():
                ahead_s = at_us / 1e6 - (time.monotonic() - self._start_s)
                if ahead_s < 0.001:
                    self._note(-ahead_s)
                    return
                self._behind = False
                time.sleep(min(ahead_s, SLICE_S))
        finally:
            self.holds = False

    def _note(self, behind_s: float) -> None:
        if self._behind or behind_s <= BEHIND_S:
            return
        self._behind = True
        self.times_behind += 1
        _log.warning(
            "The simulated world falls behind real time, now by %d ms; this machine is too slow"
            " for it, or its programs compute too long",
            behind_s * 1000,
        )
