"""The first lines of a failed test's report: what failed, where, why, and how to see it again.

pytest shows a test's source before it says what went wrong, and of a program of CircuitPython's,
which is one long module, all that is above the line that failed. So what tells most comes before
all that, in a few lines.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from bleio.decoding.lines import line
from bleio.decoding.octets import printable
from bleio.decoding.records import Decoded
from bleio.errors import notes_of
from bleio.testing.errors import DeviceFailed, WorldError
from bleio.testing.failures import seed_note
from bleio.testing.seeds.choice import OPTION, Seed
from bleio.testing.seeds.folding import from_here, without_seed
from bleio.testing.world import World

WIDTH = 96
MOST_LINES = 9  # on the error; with the others it is 14 at most
MOST_COLUMNS = 160
MOST_OF_MESSAGE = 4  # of those, or it would hide where the error came from
PACKETS_SHOWN = 3
_ACKNOWLEDGED = ("Write Response", "Confirmation", "Execute Write Response")


def put_heading(
    report: pytest.TestReport, item: pytest.Item, error: Any, world: World, decoded: list[Decoded]
) -> None:
    """Add the first lines to a report."""
    lines = list(_what_failed(error))
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = ["  ..."]
    lines += [*_last_said(decoded), _again(item, world)]
    trace = _first_traceback(report.longrepr)
    if trace is None:
        report.sections.insert(0, ("ble_world", "\n".join(lines)))
    else:
        from _pytest._code.code import ReprEntryNative  # no public way leads before a traceback

        trace.reprentries.insert(0, ReprEntryNative([f"{each}\n" for each in lines]))


def _first_traceback(shown: Any) -> Any:
    """Return the first of the tracebacks that are to be shown, if this pytest has them as usual."""
    chain = getattr(shown, "chain", None)
    trace = chain[0][0] if chain else getattr(shown, "reprtraceback", None)
    return trace if isinstance(getattr(trace, "reprentries", None), list) else None


def _what_failed(error: Any) -> Iterator[str]:
    """Yield what is said of an error of a world; of others pytest says enough."""
    if not isinstance(error, WorldError | TimeoutError) or not notes_of(error):
        return
    message = list(_wrapped(str(error), ""))
    if len(message) > MOST_OF_MESSAGE:
        message[MOST_OF_MESSAGE - 1 :] = ["  ..."]
    yield from message
    notes = notes_of(error)
    if isinstance(error, DeviceFailed) and error.__cause__ is not None:
        notes += notes_of(error.__cause__)
    for note in notes:
        if not note.startswith(seed_note(0)[:-2]):
            yield from _wrapped(str(note), "  ")


def _last_said(decoded: list[Decoded]) -> Iterator[str]:
    """Yield what devices on links have said to each other last."""
    said = [each for each in decoded if _says_something(each)]
    if said:
        yield "Last on the air:"
    for each in said[-PACKETS_SHOWN:]:
        yield _shortened(line(each))


def _says_something(each: Decoded) -> bool:
    if each.protocol in ("ATT", "SMP"):
        return not each.text.startswith(_ACKNOWLEDGED)
    return each.trouble and each.protocol != "ADV"


def _wrapped(text: str, indent: str) -> Iterator[str]:
    for each in text.splitlines():
        own = indent + each[: len(each) - len(each.lstrip())]
        wrapped = textwrap.wrap(
            printable(each.strip()),
            WIDTH,
            initial_indent=own,
            subsequent_indent=f"{own}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from map(_shortened, wrapped)


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_COLUMNS else f"{text[: MOST_COLUMNS - 4]} ..."


def _again(item: pytest.Item, world: World) -> str:
    """Say how to see it again, in one line, to be typed as it is."""
    callspec = getattr(item, "callspec", None)
    seed = None if callspec is None else callspec.params.get("ble_seed")
    if isinstance(seed, Seed):
        node_id, option = without_seed(item.nodeid, seed)[1], f" {OPTION} {seed.number}"
    else:
        asked = item.config.getoption("--ble-seed")
        node_id, option = item.nodeid, "" if asked is None else f" --ble-seed {asked}"
    command = f"pytest {shlex.quote(from_here(node_id, item.config))}{option}"
    return f"World with {world.describe()}; again: {command}"
