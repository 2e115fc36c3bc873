"""How far a campaign is."""

from __future__ import annotations

import io

import pytest

from bleio.testing.campaigns import progress
from bleio.testing.campaigns.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_estimate_is_of_this_run_alone() -> None:
    line = Progress(None, 1000, 400).text(500, 2, 10.0)
    assert line.startswith("500 of 1000 worlds, 2 failed, 10 a second, 50 s left, ends at ")


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(1, "9 s left"), (10, "1 min 30 s left"), (1000, "2 h 30 min left"), (1e12, "0 min left")],
)
def test_times_are_told_in_what_people_count(seconds: float, left: str) -> None:
    assert f"{left}, ends at " in Progress(None, 1000, 0).text(100, 0, seconds)


def test_the_start_of_processes_is_no_part_of_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now_s[0])
    stream = io.StringIO()
    shown = Progress(stream, 1000, 100)
    for at_s, done in ((100, 102), (110, 202), (120, 302)):
        now_s[0] = at_s
        shown.show(done, 0)
    first, second, third = stream.getvalue().splitlines()
    assert first == "102 of 1000 worlds"
    assert "10 a second, 1 min 20 s left" in second
    assert "10 a second, 1 min 10 s left" in third


def test_nothing_is_estimated_before_anything_is_known() -> None:
    assert Progress(None, 1000, 400).text(400, 0, 10.0) == "400 of 1000 worlds"


def test_a_terminal_has_one_line_which_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now_s[0])
    terminal = Terminal()
    shown = Progress(terminal, 10, 0)
    for done in range(3):
        now_s[0] += 1
        shown.show(done, 0)
    shown.end()
    *_, last, blank, rest = terminal.getvalue().split("\r")
    assert last.startswith("2 of 10 worlds")
    assert (blank.strip(), rest) == ("", "")
    assert "\n" not in terminal.getvalue()


def test_elsewhere_there_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now_s[0])
    stream = io.StringIO()
    shown = Progress(stream, 100, 0)
    for done in range(25):
        now_s[0] += 1
        shown.show(done, 0)
    shown.end()
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["9", "19"]
