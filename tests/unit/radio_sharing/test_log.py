"""The radio's log has a bound, whatever is logged."""

from __future__ import annotations

import io
import logging
from random import Random

import pytest

from bleio.radio.sharing.server.log import LONGEST_KIND, LONGEST_TEXT, MOST_KINDS, FirstOfAKind


class Log(logging.Logger):
    """A logger of its own, with nothing but the handler."""

    def __init__(self) -> None:
        super().__init__("of a test")
        self.handler = FirstOfAKind(io.StringIO())
        self.addHandler(self.handler)

    def lines(self) -> list[str]:
        assert isinstance(self.handler.stream, io.StringIO)
        return self.handler.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Log:
    return Log()


def test_the_first_of_a_kind_and_then_counts(log: Log) -> None:
    for number in range(1234):
        log.error("tcp:127.0.0.1:%d: 0x%x is no packet", 40000 + number, number)
    log.error("tcp:127.0.0.1:1: it reads nothing")
    assert log.lines() == [
        "tcp:127.0.0.1:40000: 0x0 is no packet",
        "10 times: tcp:127.0.0.1:40000: 0x0 is no packet",
        "100 times: tcp:127.0.0.1:40000: 0x0 is no packet",
        "1000 times: tcp:127.0.0.1:40000: 0x0 is no packet",
        "tcp:127.0.0.1:1: it reads nothing",
    ]
    for _ in range(2):
        log.handler.close()
        assert log.lines()[5:] == ["1234 times: tcp:127.0.0.1:40000: 0x0 is no packet"]


def test_a_traceback_is_written_once(log: Log) -> None:
    for _ in range(10):
        try:
            {}["key"]
        except KeyError:
            log.exception("Fault")
    lines = log.lines()
    assert (lines[0], lines[1], lines[-2:]) == (
        "Fault",
        "Traceback (most recent call last):",
        ["KeyError: 'key'", "10 times: Fault"],
    )
    assert lines.count("KeyError: 'key'") == 1
    try:
        [][0]
    except IndexError:
        log.exception("Fault")
    assert log.lines()[-1] == "IndexError: list index out of range"


def test_texts_that_are_never_the_same(log: Log) -> None:
    random = Random(1)
    for _ in range(MOST_KINDS + 2345):
        log.error("".join(random.choices("ghijklmnopqrstuvwxyz", k=40)))
    assert len(log.lines()) == MOST_KINDS + 3
    log.handler.close()
    assert log.lines()[-4:] == [
        "10 times: complaints of other kinds",
        "100 times: complaints of other kinds",
        "1000 times: complaints of other kinds",
        "2345 times: complaints of other kinds",
    ]


def test_a_text_without_an_end(log: Log) -> None:
    for _ in range(10):
        log.error("ouch " * 10_000)
    first, again = log.lines()
    assert len(first) == LONGEST_TEXT
    assert len(again) < 250


class Wordless:
    """Cannot be put in words."""

    def __str__(self) -> str:
        raise ValueError("no words")


def test_a_record_without_words_is_told_once(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(10):
        log.error("%d things", "many")
    told = capsys.readouterr().err
    assert told.count("--- Logging error ---") == 1
    assert "'%d things'" in told
    log.error(Wordless())
    log.error("%s", Wordless())
    log.error("after all")
    assert log.lines() == [
        "10 times: a record of test_log.test_a_record_without_words_is_told_once without words",
        "after all",
    ]


def test_the_beginning_of_a_text_tells_its_kind(log: Log) -> None:
    """To look for numbers takes the square of the length of a word of hexadecimal letters."""
    for end in "uvwxyz":
        log.error("a" * LONGEST_KIND + end)
    log.error("a" * (LONGEST_KIND - 1) + "z")
    assert [line[-1] for line in log.lines()] == ["u", "z"]
