"""What a run of a world raises, so that it explains itself.

An exception has one sentence. What is needed to find the fault is in notes below it, which pytest
and Python's tracebacks show with it: where the program failed, where all devices are, and the seed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from bleio.errors import add_note
from bleio.testing.air.sharedair import SharedAir
from bleio.testing.device import Device
from bleio.testing.errors import DeviceFailed, WorldError
from bleio.testing.frames import place_of_error, shown_path
from bleio.testing.programs.ends import is_quit, summary
from bleio.testing.roster import Roster


def failure_of(device: Device, seed: int) -> BaseException:
    """Return what `World.run` raises for a program that has failed; its cause is the error.

    Who has ended a debugger in a program wants everything to end, and gets their own exception.
    """
    cause = device.error
    assert cause is not None
    if is_quit(cause):
        return cause
    what, exit_code = summary(cause, device.error_text), 1
    if isinstance(cause, SystemExit):
        exit_code = int(cause.code) if isinstance(cause.code, int) else 1
        what = f"exit code {exit_code} ({what})"
    failed = DeviceFailed(
        f"{device.name} failed at {device.failed_at_s:.6f} s: {what}", exit_code, device.name
    )
    failed.__cause__ = cause
    if place := place_of_error(cause):
        add_note(failed, f"at {place}")
    for note in device.error_behind:
        add_note(failed, note)
    add_note(failed, seed_note(seed))
    return failed


def out_of_time(
    air: SharedAir, devices: Roster, until: Callable[[], bool] | None, within_s: float
) -> TimeoutError:
    """Return what `World.run` raises when that has not come, with where all programs are."""
    what = "The end of all programs" if until is None else _condition(until)
    error = TimeoutError(
        f"{what} did not come within {within_s:g} s of simulated time; running:"
        f" {', '.join(devices.running()) or 'nothing'}"
    )
    _locate(error, air, devices)
    return error


def located(error: WorldError, air: SharedAir, devices: Roster) -> WorldError:
    """Return an error of the world as a whole, with where all programs are."""
    _locate(error, air, devices)
    return error.with_traceback(None)  # which goes through the clock, and is of no use to a test


def _locate(error: BaseException, air: SharedAir, devices: Roster) -> None:
    if devices:
        add_note(error, f"At {air.now_s:.6f} s:\n{devices.whereabouts()}")
    add_note(error, seed_note(air.seed))


def seed_note(seed: int) -> str:
    """Say which seed a world has."""
    return f"The seed of this world is {seed}."


def _condition(until: Callable[[], bool]) -> str:
    """Name a condition by where it is written."""
    code = getattr(inspect.unwrap(until), "__code__", None)
    if code is None:
        return "The condition"
    return f"The condition ({shown_path(code.co_filename)}:{code.co_firstlineno})"
