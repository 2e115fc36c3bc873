"""What a device prints: lines with their times, and as cheap as a file."""

from __future__ import annotations

import pytest

from bleio.testing.programs.output import Line, Output


class Time:
    now_us = 0


@pytest.fixture
def time() -> Time:
    return Time()


def test_lines_have_the_time_at_which_they_were_begun(time: Time) -> None:
    told: list[Line] = []
    output = Output(time, told.append)
    for now_us, text in enumerate(["a", "", "b\nc\n\n", "\n", "d", "e\nf", "\n", "g"], 1):
        time.now_us = now_us * 1_000_000
        assert output.write(text) == len(text)
    assert output.lines == told == [(1, "ab"), (3, "c"), (3, ""), (4, ""), (5, "de"), (6, "f")]
    assert output.text == "ab\nc\n\n\nde\nf\ng"
    output.finish()
    output.finish()
    assert output.lines[-1] == told[-1] == (8, "g")
    assert output.text == "ab\nc\n\n\nde\nf\ng\n"


def test_text_is_as_it_was_written_whenever_one_looks(time: Time) -> None:
    output, written = Output(time, lambda line: None), ""
    for text in ["", "a", "b", "\n", "", "cd\n\ne", "f", "\ng\n", "h"]:
        output.write(text)
        written += text
        assert output.text == output.text == written


def test_only_text_is_written(time: Time) -> None:
    with pytest.raises(TypeError, match="must be str, not bytes"):
        Output(time, lambda line: None).write(b"octets")  # type: ignore[arg-type]


def test_who_reads_it_changes_nothing_that_is_being_printed(time: Time) -> None:
    """A thread of the program prints while the world's owner looks."""
    output = Output(time, lambda line: None)
    output.write("a")
    output.write("b")
    printing = output._part
    assert output.text == "ab"
    printing.append("c")
    assert output.text == "abc"
    output.finish()
    assert output.text == "abc\n"
