"""The failures of one test's seeds, told as one: the first whole, of the others their numbers.

At the end of the run, where the terminal's reporter is (pytest-xdist's workers have none), the
reports that it has collected are looked through once. Which seed a report is of travels in its
`user_properties`, which pytest carries from process to process and into JUnit's XML.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from bleio.testing.seeds.choice import OPTION, Seed, several_of

OTHERS = "failed with other seeds"
_SEED, _OF = "ble_seed", "ble_seeds"
_SHOWN = 20  # numbers of seeds, or rows of them
_RAN = ("passed", "failed", "error", "xfailed", "xpassed")


class SeededReport(NamedTuple):
    """A report of a test with one of its seeds. test: its node id without the seed."""

    test: str
    seed: Seed
    exact: str
    report: pytest.TestReport


def note_seed(item: pytest.Item) -> None:
    """Have the reports of a test item say which seed it runs with."""
    if (seed := several_of(item)) is not None:
        item.user_properties += [(_SEED, seed.number), (_OF, seed.of)]


def fold(stats: dict[str, list[pytest.TestReport]], config: pytest.Config) -> list[str]:
    """Leave of each test's failures the one with the lowest seed, which says how many there are.

    The others become a category of their own, so that they are counted.

    Returns: the same sentences with their tests' names, for the end of the run.
    """
    ran: dict[str, set[int]] = {}
    for each in _seeded(report for name in _RAN for report in stats.get(name, [])):
        ran.setdefault(each.test, set()).add(each.seed.number)
    told = []
    for category in ("error", "failed"):
        by_test: dict[str, list[SeededReport]] = {}
        for each in _seeded(stats.get(category, [])):
            by_test.setdefault(each.test, []).append(each)
        for test, failed in by_test.items():
            failed.sort(key=lambda each: each.seed.number)
            first, *others = (each.report for each in failed)
            if failed[0].seed.of == 1:
                continue
            sentence = _sentence(failed, len(ran[test]), category, config)
            first.sections.insert(0, ("seeds", sentence))
            told.append(f"{from_here(test, config)}: {sentence}")
            if others:
                stats.setdefault(OTHERS, []).extend(others)
                folded = set(map(id, others))
                stats[category] = [each for each in stats[category] if id(each) not in folded]
    return told


def _seeded(reports: Iterable[object]) -> Iterable[SeededReport]:
    for report in reports:
        if isinstance(report, pytest.TestReport):  # warnings are no reports, collecting another one
            properties = dict(report.user_properties)
            if _SEED in properties and _OF in properties:
                seed = Seed(int(str(properties[_SEED])), int(str(properties[_OF])))
                test, exact = without_seed(report.nodeid, seed)
                yield SeededReport(test, seed, exact, report)


def without_seed(node_id: str, seed: Seed) -> tuple[str, str]:
    """Return the node id without the seed, and the one to ask for; pytest-xdist may add a group."""
    match = re.search(rf"([\[-])seed{seed.number}\](@.*)?$", node_id)
    if match is None:
        return node_id, node_id
    test = node_id[: match.start()]
    if match[1] == "[":
        return test, test  # with `--ble-seeds` that is enough, and easier to type
    return f"{test}]", node_id.removesuffix(match[2] or "")


def from_here(node_id: str, config: pytest.Config) -> str:
    """Return a node id as it can be typed where pytest was called, and not in its root."""
    path, *rest = node_id.split("::", 1)
    try:
        path = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
    except ValueError:  # on another drive
        path = str(config.rootpath / path)
    return "::".join((path, *rest))


def _sentence(failed: list[SeededReport], ran: int, category: str, config: pytest.Config) -> str:
    first = failed[0]
    number = first.seed.number
    verb = "fail" if category == "failed" else "have errors in fixtures"
    if len(failed) == 1:
        verb = "fails" if category == "failed" else "has errors in fixtures"
    seeds = "seed" if ran == 1 else "seeds"
    rest = f" ({first.seed.of - ran} of {first.seed.of} did not run)" if ran < first.seed.of else ""
    node_id = shlex.quote(from_here(first.exact, config))
    return (
        f"{len(failed)} of {ran} {seeds} {verb}{rest}: {listed([s.seed.number for s in failed])};"
        f" this is seed {number}; again: pytest {node_id} {OPTION} {number}"
    )


def listed(numbers: list[int]) -> str:
    """Return sorted numbers as text, three or more in a row as `7-9`; cut if there are many."""
    parts: list[str] = []
    while numbers:
        length = next((i for i, each in enumerate(numbers) if each != numbers[0] + i), len(numbers))
        if len(parts) == _SHOWN:
            return f"{', '.join(parts)} and {len(numbers)} more"
        length = length if length > 2 else 1
        parts.append(f"{numbers[0]}-{numbers[length - 1]}" if length > 1 else str(numbers[0]))
        numbers = numbers[length:]
    return ", ".join(parts)
