"""Commands in hints: what was typed, with what makes it work."""

from __future__ import annotations

import shlex
import sys

import pytest

from bleio.cli.devices.retyping import retyped, typed_with


def typed(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(sys, "argv", shlex.split(line))


@pytest.mark.parametrize(
    ("line", "old", "expected"),
    [
        ("bleio read Strap battery", "Strap", "bleio read NEW battery"),
        ("bleio read read battery", "read", "bleio read NEW battery"),
        ("bleio read 'My strap' battery", "My strap", "bleio read NEW battery"),
        ("bleio read Strap battery", "strap", None),
        ("bleio read Strap battery", "read", None),
    ],
)
def test_one_word_is_changed(
    monkeypatch: pytest.MonkeyPatch, line: str, old: str, expected: str | None
) -> None:
    typed(monkeypatch, line)
    assert retyped(old, "NEW") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bleio read Strap battery", "bleio read Strap battery --pair"),
        ("bleio write Strap own -- -5", "bleio write Strap own --pair -- -5"),
    ],
)
def test_an_option_goes_where_options_are_read(
    monkeypatch: pytest.MonkeyPatch, line: str, expected: str
) -> None:
    typed(monkeypatch, line)
    assert typed_with("--pair") == expected
