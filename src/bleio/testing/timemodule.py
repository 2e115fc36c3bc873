"""The module `time` of one device: simulated time."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

from bleio.testing.clock import VirtualClock

# Worlds begin at this date, the same in every run: 2025-01-01 00:00:00 UTC.
EPOCH_S = 1_735_689_600


def make_time(clock: VirtualClock) -> ModuleType:
    """Make a module like `time` whose clocks all show simulated time. Each look costs some."""

    def now_us() -> int:
        clock.look()
        return clock.now_us

    def sleep(seconds: float) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        clock.sleep(seconds)

    def monotonic() -> float:
        return now_us() / 1e6

    def monotonic_ns() -> int:
        return now_us() * 1000

    def wall() -> float:
        return EPOCH_S + now_us() / 1e6

    def wall_ns() -> int:
        return EPOCH_S * 1_000_000_000 + now_us() * 1000

    def or_now(seconds: float | None) -> float:
        return wall() if seconds is None else seconds

    def gmtime(seconds: float | None = None) -> time.struct_time:
        return time.gmtime(or_now(seconds))

    def localtime(seconds: float | None = None) -> time.struct_time:
        """There are no time zones in a world."""
        return time.gmtime(or_now(seconds))

    def ctime(seconds: float | None = None) -> str:
        return time.asctime(time.gmtime(or_now(seconds)))

    def asctime(moment: Any = None) -> str:
        return time.asctime(gmtime() if moment is None else moment)

    def strftime(format: str, moment: Any = None) -> str:
        return time.strftime(format, gmtime() if moment is None else moment)

    module = ModuleType("time", time.__doc__)
    vars(module).update({name: value for name, value in vars(time).items() if name[0] != "_"})
    vars(module).update(
        sleep=sleep,
        monotonic=monotonic,
        monotonic_ns=monotonic_ns,
        perf_counter=monotonic,
        perf_counter_ns=monotonic_ns,
        process_time=monotonic,
        process_time_ns=monotonic_ns,
        thread_time=monotonic,
        thread_time_ns=monotonic_ns,
        time=wall,
        time_ns=wall_ns,
        gmtime=gmtime,
        localtime=localtime,
        ctime=ctime,
        asctime=asctime,
        strftime=strftime,
    )
    return module
