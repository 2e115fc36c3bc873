"""What one scan received and the program has not read yet.

The filters are applied on the engine's thread, before a report is kept: near many advertisers a
program that wants one of them would otherwise lose its packets to a buffer full of others'. A scan
that has finished keeps what it received, since CircuitPython's programs stop the scan first and
read afterwards. One that ended since the radio was lost says so after that: a program would else
take a quiet end for "nobody is there".
"""

from __future__ import annotations

import threading
from collections import Counter, deque

from bleio.backends.base import Report
from bleio.core.advertising import Prefixes
from bleio.errors import public_error
from bleio.runtime.bell import Bell
from bleio.runtime.clock import Clock
from bleio.runtime.counters import SCAN_DROPPED_REPORTS

ENTRY_OCTETS = 19  # flags 1, time 8, RSSI 1, address 6, address type 1, data length 2


class ScanBuffer:
    """A queue of reports, bounded in octets; the engine fills it, the program's thread empties it.

    An entry costs 19 octets and its data. One that does not fit is dropped whole and counted;
    older ones stay. What is in it stays readable after the scan has finished.

    Args: capacity_octets: at least 1. minimum_rssi_dbm: weaker packets are no concern of the
        program; nor are those that `prefixes` does not match. counted: the adapter's counters.
    Attributes: dropped: how many reports found no room. finished: nothing more comes. arrived: rung
        when there is something to take, be it the end.
    """

    def __init__(
        self,
        clock: Clock,
        capacity_octets: int,
        prefixes: Prefixes,
        minimum_rssi_dbm: int,
        counted: Counter[str],
    ) -> None:
        self._counted = counted
        self._clock = clock
        self._room = capacity_octets
        self._matches = None if prefixes.match_everything else prefixes.match_any
        self._minimum_rssi_dbm = minimum_rssi_dbm
        self._reports: deque[Report] = deque()
        self.dropped = 0
        self.finished = False
        self.arrived = Bell()
        self._loss: Exception | None = None
        self._lock = threading.Lock()  # the condition's, but quicker to take
        self._condition = threading.Condition(self._lock)
        self._waits = False  # any thread, for a report: to notify costs more than all else

    def offer(self, report: Report) -> None:
        """Keep a report if it passes the filters and there is room. Thread: the engine's."""
        if report.rssi_dbm < self._minimum_rssi_dbm:
            return
        if self._matches is not None and not self._matches(report.data):
            return
        cost = ENTRY_OCTETS + len(report.data)
        with self._lock:
            if self.finished:
                return
            if cost > self._room:
                self.dropped += 1
                self._counted[SCAN_DROPPED_REPORTS] += 1
                return
            self._room -= cost
            self._reports.append(report)
            if self._waits:
                self._waits = False
                self._condition.notify_all()
        if self.arrived.waiting:
            self.arrived.ring()

    def take(self, waits: bool = True) -> Report | None:
        """Return the oldest report; None when the scan is over and everything was read.

        Args: waits: for a report or the scan's end; else it has to be `is_ready`.
        Raises: in place of that end, each time, why the radio was lost, if that ended the scan.
        Thread: any but the engine's.
        """
        with self._lock:
            if waits and (not self._reports or self._clock.looks_take_time):
                self._clock.wait_for(self._condition, self._is_ready)
            if not self._reports:
                if self._loss is not None:
                    raise public_error(self._loss)
                return None
            report = self._reports.popleft()
            self._room += ENTRY_OCTETS + len(report.data)
            return report

    def is_ready(self) -> bool:
        """Whether there is something to take, be it the end. Thread: any."""
        return self.finished or bool(self._reports)

    def state(self) -> str:
        """Return words for people. Thread: any; takes no lock."""
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        return f"{'ended' if self.finished else 'running'}, {len(self._reports)} waiting{dropped}"

    def finish(self, loss: Exception | None = None) -> None:
        """Take no more; a thread that waits gets what is left and then the end. Idempotent.

        Args: loss: how the radio was lost, if that is why. Thread: any.
        """
        with self._lock:
            if not self.finished:
                self.finished = True
                self._loss = loss
            self._condition.notify_all()
        self._clock.announce()
        self.arrived.ring()

    def forget(self) -> None:
        """Finish in a forked child, where the lock may be held by a thread that is not there."""
        self._lock = threading.Lock()
        self._condition = threading.Condition(self._lock)
        self.finished = True

    def _is_ready(self) -> bool:
        if self.finished or self._reports:
            return True
        self._waits = True
        return False
