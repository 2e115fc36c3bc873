"""The modules of one device that are made, not found: `time`, `sys`, `os`, chance, `threads`'.

A program's clock, output, arguments and randomness are its own, and the same in every run. These
modules and the builtin `print` are where it meets them. Each is a copy of the real module
with some names replaced, so what has nothing to do with devices is there too, as in the process.
"""

from __future__ import annotations

import time
from functools import cache, partial
from types import ModuleType
from typing import Any

from bleio.board import modules as board_modules
from bleio.board.board import Board
from bleio.testing.programs.copying import copy_of, in_place
from bleio.testing.programs.modules import DeviceModules
from bleio.testing.programs.output import Output
from bleio.testing.programs.process import Exits, make_os, make_sys
from bleio.testing.programs.program import Circumstances, Program
from bleio.testing.programs.threads.low import DeviceThreads
from bleio.testing.programs.threads.modules import THREAD_MODULES, ThreadModules
from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.participant import Participant

_OTHER_LOOPS = ("uvloop", "winloop")

# Worlds begin at this date, the same in every run: 2025-01-01 00:00:00 UTC.
EPOCH_S = 1_735_689_600


def make_modules(
    program: Program,
    call: Circumstances,
    clock: VirtualClock,
    output: Output,
    chance: str,
    name: str,
    board: Board,
) -> DeviceModules:
    """Make what `import` finds in one device.

    Args: chance: the seed of what is random in it. name: of the device. board: what its modules
        of CircuitPython are of.
    """
    main = clock.participant()
    own_sys, own_time = make_sys(output, [program.title or name, *call.argv]), make_time(clock)
    exits = Exits(output.write)

    # What few programs import is loaded when one does.

    def make_own_datetime() -> ModuleType:
        from bleio.testing.programs.dates import make_datetime

        return make_datetime(own_time.time_ns)

    def make_own_random() -> ModuleType:
        from bleio.testing.programs.chance import make_random

        return make_random(chance, modules.load("os").urandom)

    def make_own_uuid() -> ModuleType:
        from bleio.testing.programs.chance import make_uuid

        return make_uuid(modules.names, modules.load("os"))

    @cache
    def threads() -> ThreadModules:
        made = ThreadModules(DeviceThreads(clock, main, name), own_time, own_sys)
        modules.at_end.append(made.end)
        return made

    def make_threads(part: str) -> ModuleType:
        return threads().make(part)

    modules = DeviceModules(
        program.folder,
        {"time": own_time, "sys": own_sys},
        {
            **{part: partial(make_threads, part) for part in THREAD_MODULES},
            "asyncio": lambda: _make_asyncio(modules, clock, main, output, name),
            **{other: partial(_refuse_loops, name, other) for other in _OTHER_LOOPS},
            "atexit": exits.make_module,
            "datetime": make_own_datetime,
            "os": partial(make_os, call.env, f"octets {chance}", own_time.monotonic),
            "random": make_own_random,
            "uuid": make_own_uuid,
        },
        {"print": in_place(partial(_print, own_sys), print)},
        partial(board_modules.make_modules, board, clock.sleep),
        exits,
        call.share,
    )
    vars(own_sys).update(modules=modules.loaded)
    return modules


def _refuse_loops(device: str, library: str) -> ModuleType:
    """Raise ImportError, since programs that can do without a library expect that."""
    raise ImportError(
        f"{device}: {library} waits by the real clock, and is not there in a world; use loops of"
        " asyncio",
        name=library,
    )


def _make_asyncio(
    modules: DeviceModules, clock: VirtualClock, main: Participant, output: Output, name: str
) -> ModuleType:
    from bleio.testing.programs.loops.modules import make_loop_modules
    from bleio.testing.programs.loops.owner import DeviceLoops

    loops = DeviceLoops(clock, main, output, name)
    modules.at_end.insert(0, loops.end)
    new_future = lambda: modules.load("concurrent.futures").Future()  # noqa: E731
    modules.loaded.update(make_loop_modules(loops, new_future))
    return modules.loaded["asyncio"]


def _print(own_sys: ModuleType, *values: object, **options: Any) -> None:
    if options.get("file") is None:
        options["file"] = own_sys.stdout  # None is nowhere, as ever
        if options["file"] is None:
            return
    print(*values, **options)


def make_time(clock: VirtualClock) -> ModuleType:
    """Make a module like `time` whose clocks all show simulated time. Each look costs some."""

    look, turns = clock.look, clock.time

    def now_us() -> int:
        look()
        return turns.now_us

    def sleep(seconds: float) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        clock.sleep(seconds)

    def monotonic() -> float:
        look()
        return turns.now_us / 1e6

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

    def mktime(moment: Any) -> float:
        from calendar import timegm

        return float(timegm(moment))

    def clock_gettime_ns(kind: int) -> int:
        return wall_ns() if kind == time.CLOCK_REALTIME else monotonic_ns()

    def clock_gettime(kind: int) -> float:
        return wall() if kind == time.CLOCK_REALTIME else monotonic()

    more: dict[str, Any] = {}
    if hasattr(time, "clock_gettime"):
        more = {"clock_gettime": clock_gettime, "clock_gettime_ns": clock_gettime_ns}
    return copy_of(
        time,
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
        mktime=mktime,
        timezone=0,
        altzone=0,
        daylight=0,
        tzname=("UTC", "UTC"),
        **more,
    )
