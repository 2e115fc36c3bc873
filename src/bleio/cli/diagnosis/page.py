"""The page of the doctor: everything that was found, as text or as JSON, without secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bleio.cli.diagnosis.findings import (
    MAYBE,
    NOTE,
    OK,
    PROBLEM,
    TIMED_OUT,
    UNUSABLE,
    USABLE,
    Finding,
    FoundAdapter,
    Step,
)
from bleio.cli.diagnosis.hidden import Hider
from bleio.cli.shared.output import shown

_MARKS = {
    OK: "ok",
    NOTE: "note",
    PROBLEM: "PROBLEM",
    TIMED_OUT: "TIMED OUT",
    USABLE: "ok",
    MAYBE: "maybe",
    UNUSABLE: "no",
}
_LONGEST = 2000  # of one text


@dataclass
class Page:
    """What is on it. `chosen`: the adapter string that counts, by --adapter or BLEIO_ADAPTER."""

    version: str
    chosen: str
    module: list[Finding] = field(default_factory=list)
    versions: list[Finding] = field(default_factory=list)
    settings: list[Finding] = field(default_factory=list)
    computer: list[Finding] = field(default_factory=list)
    adapters: list[FoundAdapter] = field(default_factory=list)
    self_test: list[Step] = field(default_factory=list)
    trial: list[Step] | None = None
    usable: bool = False
    verdict: str = ""
    to_do: list[str] = field(default_factory=list)


def fields(page: Page, hider: Hider) -> dict[str, Any]:
    """Return the page for JSON."""
    found: dict[str, Any] = {
        "version": page.version,
        "chosen": _hidden(page.chosen, hider),
        "usable": page.usable,
        "verdict": _hidden(page.verdict, hider),
        "to_do": [_hidden(each, hider) for each in page.to_do],
        "adapters": [
            {
                "adapter": _hidden(each.adapter, hider),
                "state": each.state,
                "text": _hidden(each.text, hider),
                "to_do": [_hidden(line, hider) for line in each.to_do],
            }
            for each in page.adapters
        ],
        "self_test": _steps(page.self_test, hider),
    }
    for name in ("module", "versions", "settings", "computer"):
        found[name] = [
            {
                "state": each.state,
                "text": _hidden(each.text, hider),
                "to_do": [_hidden(line, hider) for line in each.to_do],
            }
            for each in getattr(page, name)
        ]
    if page.trial is not None:
        found["trial"] = _steps(page.trial, hider)
    return found


def _steps(steps: Sequence[Step], hider: Hider) -> list[dict[str, str]]:
    return [
        {"step": each.step, "state": each.state, "text": _hidden(each.text, hider)}
        for each in steps
    ]


def _hidden(text: str, hider: Hider) -> str:
    """Return a text without secrets and without what moves a cursor."""
    return "\n".join(shown(hider.text(line), _LONGEST) for line in text.splitlines())


def lines(page: Page, hider: Hider) -> Iterator[str]:
    """Yield the page as lines of text."""
    yield f"bleio {page.version}: {_hidden(page.verdict, hider)}"
    for line in page.to_do:
        yield f"  {_hidden(line, hider)}"
    sections = (
        ("Module", page.module),
        ("Versions", page.versions),
        ("Settings", page.settings),
        ("Computer", page.computer),
    )
    for title, findings in sections:
        if findings:
            yield from ("", title)
        for each in findings:
            yield from _entry(each.state, each.text, each.to_do, hider)
    yield from ("", "Adapters (values of BLEIO_ADAPTER)")
    for adapter in page.adapters:
        text = f"{adapter.adapter}: {adapter.text}"
        yield from _entry(adapter.state, text, adapter.to_do, hider)
    tests = {"Self-test: two devices on a simulated radio": page.self_test}
    if page.trial is not None:
        tests[f"Trial of {page.chosen}"] = page.trial
    for title, steps in tests.items():
        yield from ("", _hidden(title, hider))
        yield from _tested(steps, hider)


def _tested(steps: Sequence[Step], hider: Hider) -> Iterator[str]:
    """Yield steps; those that went well without a word share a line."""
    silent: list[str] = []
    for each in steps:
        if each.state == OK and not each.text:
            silent.append(each.step)
            continue
        if silent and each.state == OK:
            text = f"{', '.join([*silent, each.step])} ({each.text})"
            silent = []
            yield from _entry(OK, text, (), hider)
            continue
        if silent:
            yield from _entry(OK, ", ".join(silent), (), hider)
            silent = []
        yield from _entry(each.state, f"{each.step}: {each.text}", (), hider)
    if silent:
        yield from _entry(OK, ", ".join(silent), (), hider)


def _entry(state: str, text: str, to_do: Sequence[str], hider: Hider) -> Iterator[str]:
    first, *rest = _hidden(text, hider).splitlines() or [""]
    yield f"  {_MARKS[state]:9} {first}"
    for line in rest:
        yield f"            {line}"
    for line in to_do:
        yield f"            > {_hidden(line, hider)}"
