"""The modules of one device that are made, not found: `time`, `sys`, `random`, and `threads`'.

A program's clock, output, arguments and randomness are its own, and the same in every run. These
modules and the builtin `print` are where it meets them. Each is a copy of the real module
with some names replaced, so what has nothing to do with devices is there too, as in the process.
"""

from __future__ import annotations

import random
import time
from functools import partial
from random import Random
from types import ModuleType
from typing import Any

from bleio.board import modules as board_modules
from bleio.board.board import Board
from bleio.testing.programs.modules import DeviceModules
from bleio.testing.programs.output import Output
from bleio.testing.programs.process import make_os, make_sys
from bleio.testing.programs.program import Circumstances, Program
from bleio.testing.programs.threads import make_thread_modules
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
    name: str,
    seed: int,
    board: Board,
) -> DeviceModules:
    """Make what `import` finds in one device.

    Args: name, seed: of the device and its world; what is random in it comes of both. board: what
        its modules of CircuitPython are of.
    """
    own_sys = make_sys(output, [program.title or name, *call.argv])
    octets = Random(f"octets {seed}\0{name}")
    main = clock.participant()
    modules = DeviceModules(
        program.folder,
        {
            "time": make_time(clock),
            "sys": own_sys,
            "random": make_random(f"{seed}\0{name}"),
            **make_thread_modules(),
        },
        {
            "os": partial(make_os, call.env, octets, lambda: clock.now_us / 1e6),
            "asyncio": lambda: _make_asyncio(modules, clock, main, output, name),
            **{other: partial(_refuse_loops, name, other) for other in _OTHER_LOOPS},
        },
        {"print": partial(_print, output)},
        partial(board_modules.make_modules, board, clock.sleep),
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
    modules.at_end.append(loops.end)
    modules.loaded.update(make_loop_modules(loops))
    return modules.loaded["asyncio"]


def make_random(seed: str) -> ModuleType:
    """Make a `random` whose functions have a generator of their own.

    They are methods of one that the real module has. To execute that module again would do, but
    each time leave a handler of forks behind, and with it all that the module is.
    """
    own = random.Random(seed)
    module = ModuleType("random", random.__doc__)
    for name, value in vars(random).items():
        if isinstance(getattr(value, "__self__", None), random.Random):
            value = getattr(own, value.__name__)
        vars(module)[name] = own if isinstance(value, random.Random) else value
    return module


def _print(output: Output, *values: object, **options: Any) -> None:
    if options.get("file") is None:
        options["file"] = output
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
