"""The module `asyncio` of one device: the process's, but for what makes loops.

All of asyncio asks the running loop for time, for timers and for threads. So nearly all of it is
the process's own and serves a device as it is: tasks, futures, queues, locks, exceptions are of the
same classes everywhere. To execute the package again would be the obvious way, but its tasks and
futures are in C, and bound to the process's copy. What differs is where loops come from: `run`,
`Runner`, `new_event_loop`, the current loop, the policy. These are replaced, in copies of the
modules that have them.

Beside that there is what CircuitPython's own `asyncio` has (`circuitpython`).
"""

from __future__ import annotations

import asyncio
import asyncio.events
import asyncio.runners
import asyncio.tasks
import sys
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any

from bleio.testing.programs.loops.circuitpython import add_circuitpython
from bleio.testing.programs.loops.owner import DeviceLoops
from bleio.testing.timing.deviceloop import DeviceLoop
from bleio.testing.timing.numbered import NumberedTask

_OTHER_LOOPS = ("ProactorEventLoop", "IocpProactor")
_POLICIES = (
    *("DefaultEventLoopPolicy", "WindowsSelectorEventLoopPolicy"),
    *("WindowsProactorEventLoopPolicy", "_DefaultEventLoopPolicy"),
)


def make_loop_modules(owner: DeviceLoops, new_future: Callable[[], Any]) -> dict[str, ModuleType]:
    """Make the modules, by name. Args: new_future: makes one that the device's threads can wait
    for, as of `concurrent.futures`."""
    names = _names(owner)

    def run_coroutine_threadsafe(
        coro: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop
    ) -> Any:
        """See asyncio."""
        if not asyncio.iscoroutine(coro):
            raise TypeError("A coroutine object is required")
        future = new_future()

        def begin() -> None:
            chain: Any = asyncio.futures._chain_future  # type: ignore[attr-defined]
            chain(asyncio.ensure_future(coro, loop=loop), future)

        loop.call_soon_threadsafe(begin)
        return future

    names["run_coroutine_threadsafe"] = run_coroutine_threadsafe
    modules = {}
    for each in (asyncio, asyncio.events, asyncio.runners, asyncio.tasks):
        copy = ModuleType(each.__name__, each.__doc__)
        vars(copy).update(vars(each))
        vars(copy).update({name: own for name, own in names.items() if name in vars(each)})
        modules[each.__name__] = copy
    package = modules["asyncio"]
    vars(package).update({name: modules[f"asyncio.{name}"] for name in _PARTS})
    vars(package).update(
        DefaultEventLoopPolicy=names["DefaultEventLoopPolicy"]
    )  # lazy from 3.14 on
    modules.update(add_circuitpython(package, owner))
    return modules


_PARTS = ("events", "runners", "tasks")


def _names(owner: DeviceLoops) -> dict[str, Any]:
    """Return all that is the device's own."""

    def set_event_loop_policy(policy: object) -> None:
        if policy is not None and not isinstance(policy, DeviceLoops):
            kind = type(policy)
            raise NotImplementedError(
                f"{owner.name}: loops of {kind.__module__}.{kind.__qualname__} wait by the real"
                " clock; leave out asyncio.set_event_loop_policy() in a world"
            )

    class SelectorEventLoop:
        """What a device has for a loop; see asyncio."""

        def __new__(cls, selector: object = None) -> Any:
            if selector is not None:
                raise NotImplementedError(
                    f"{owner.name}: a loop of a world has no selector of its own; call"
                    " asyncio.new_event_loop()"
                )
            return owner.new_event_loop()

    def ensure_future(awaitable: Any, *, loop: asyncio.AbstractEventLoop | None = None) -> Any:
        """See asyncio."""
        if not asyncio.isfuture(awaitable):
            loop = loop or owner.get_event_loop()
        return asyncio.ensure_future(awaitable, loop=loop)

    def gather(*awaitables: Any, return_exceptions: bool = False) -> Any:
        """See asyncio."""
        if asyncio._get_running_loop() is None:
            if not awaitables:
                future = owner.get_event_loop().create_future()
                future.set_result([])
                return future
            futures = {id(each): ensure_future(each) for each in awaitables}
            awaitables = tuple(futures[id(each)] for each in awaitables)
        return asyncio.gather(*awaitables, return_exceptions=return_exceptions)

    def as_completed(fs: Any, *, timeout: float | None = None) -> Any:
        """See asyncio, which puts what it is given into a set: coroutines have no order there."""
        each = dict.fromkeys(fs)
        return asyncio.as_completed([ensure_future(one) for one in each], timeout=timeout)

    names: dict[str, Any] = dict.fromkeys(_POLICIES, lambda: owner)
    names.update(dict.fromkeys(_OTHER_LOOPS, _refused(owner)))
    names.update(dict.fromkeys(("SelectorEventLoop", "EventLoop"), SelectorEventLoop))
    if sys.version_info >= (3, 12):
        names["eager_task_factory"] = asyncio.create_eager_task_factory(NumberedTask)
    return names | {
        "new_event_loop": owner.new_event_loop,
        "get_event_loop": owner.get_event_loop,
        "set_event_loop": owner.set_event_loop,
        "get_event_loop_policy": lambda: owner,
        "_get_event_loop_policy": lambda: owner,
        "set_event_loop_policy": set_event_loop_policy,
        "_set_event_loop_policy": set_event_loop_policy,
        "ensure_future": ensure_future,
        "gather": gather,
        "as_completed": as_completed,
        **_runners(owner),
    }


def _refused(owner: DeviceLoops) -> Callable[..., Any]:
    def refuse(*args: object, **more: object) -> Any:
        raise NotImplementedError(
            f"{owner.name}: asyncio.ProactorEventLoop waits by the real clock; a program of a world"
            " has loops of asyncio.new_event_loop()"
        )

    return refuse


def _runners(owner: DeviceLoops) -> dict[str, Any]:
    """Make `run` and `Runner`, which make loops of the device's."""

    def make_by(factory: Callable[[], Any] | None) -> Callable[[], asyncio.AbstractEventLoop]:
        if factory is None:
            return owner.new_event_loop
        return lambda: owner.check(factory())

    def check_not_running() -> None:
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("asyncio.run() cannot be called from a running event loop")

    if sys.version_info < (3, 11):

        def run_before_runners(main: Coroutine[Any, Any, Any], *, debug: bool | None = None) -> Any:
            check_not_running()
            if not asyncio.iscoroutine(main):
                raise ValueError(f"a coroutine was expected, got {main!r}")
            loop = owner.new_event_loop()
            try:
                if debug is not None:
                    loop.set_debug(debug)
                return loop.run_until_complete(main)
            finally:
                _end_loop(loop)

        return {"run": run_before_runners}

    class Runner(asyncio.Runner):  # type: ignore[misc]
        __doc__ = asyncio.Runner.__doc__

        def __init__(
            self,
            *,
            debug: bool | None = None,
            loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
        ) -> None:
            super().__init__(debug=debug, loop_factory=make_by(loop_factory))

    def run(
        main: Coroutine[Any, Any, Any],
        *,
        debug: bool | None = None,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> Any:
        """See asyncio."""
        check_not_running()
        with Runner(debug=debug, loop_factory=loop_factory) as runner:
            return runner.run(main)

    Runner.__module__ = run.__module__ = "asyncio.runners"
    return {"run": run, "Runner": Runner}


def _end_loop(loop: DeviceLoop) -> None:
    """End a loop as `asyncio.run` does, by Python 3.10's own parts."""
    try:
        asyncio.runners._cancel_all_tasks(loop)  # type: ignore[attr-defined]
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
