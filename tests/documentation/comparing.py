"""What a page says that is printed, and what is.

A line `...` stands for any lines, or none. What differs from run to run is replaced by words on
both sides, by the table `VARYING`, which README.md shows.
"""

from __future__ import annotations

import difflib
import re

# (what, as a regular expression, the word for it)
VARYING = (
    (r"\x1b\[[0-9;?]*[A-Za-z]", ""),
    (r"\b[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}\b", "ADDRESS"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?", "DATE"),
    (r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b", "TIME"),
    (r"(?<![\w.])-?\d+(?:\.\d+)? ?(dBm|dB|ms|us|µs|s|seconds|°C)\b", r"N \1"),
    (r"\((?:[0-9a-f]{2} ?)+\)", "(OCTETS)"),
    (r"\[ *\d+\.\d+ ", "[N "),
    (r"(127\.0\.0\.1|localhost|\[::1\]):\d+", r"\1:PORT"),
    (r"(?:/[\w.@+-]+)+/(?=[\w.-]*)", "FOLDER/"),
    (r"\bpid \d+", "pid N"),
    (r"\b\d+\.\d+\.\d+(?:\.?(?:dev|rc|post|a|b)\d+)?\b", "VERSION"),
    (r"0x[0-9a-f]{8,}", "0xN"),
    (r"={3,}|-{3,}|─{2,}|━{2,}", "RULE"),
    (r" {2,}", "  "),
)
_VARYING = [(re.compile(pattern), word) for pattern, word in VARYING]


def normal(text: str) -> list[str]:
    """The lines, with words for all that differs from run to run."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in text.strip("\n").split("\n")]


def difference(said: str, printed: str, exact: bool = False) -> str:
    """How what is printed differs from what the page says; "" if it does not."""
    if exact:
        left, right = (
            [line.rstrip() for line in _.strip("\n").split("\n")] for _ in (said, printed)
        )
    else:
        left, right = normal(said), normal(printed)
    if _matches(left, right):
        return ""
    return "\n".join(
        difflib.unified_diff(left, right, "the page says", "is printed", lineterm="", n=30)
    )


def begins_with(said: str, printed: str) -> bool:
    """Whether the lines that the page says are there so far, and others may follow."""
    return _matches([*normal(said), "..."], normal(printed))


def _matches(said: list[str], printed: list[str]) -> bool:
    """Whether lines match, where `...` stands for any lines. Without the cost of trying all ways:
    what comes first after a `...` is taken where it comes first."""
    groups: list[list[str]] = [[]]
    for line in said:
        if line.strip() == "...":
            groups.append([])
        else:
            groups[-1].append(line)
    if len(groups) == 1:
        return _same(said, printed)
    first, *middle, last = groups
    if not _same(first, printed[: len(first)]):
        return False
    at = len(first)
    for group in middle:
        places = range(at, len(printed) - len(group) + 1)
        found = next((i for i in places if _same(group, printed[i : i + len(group)])), None)
        if found is None:
            return False
        at = found + len(group)
    rest = len(printed) - len(last)
    return rest >= at and _same(last, printed[rest:])


def _same(said: list[str], printed: list[str]) -> bool:
    """Whether these are the same lines; within a line `...` stands for a part of it."""
    return len(said) == len(printed) and all(map(_same_line, said, printed))


def _same_line(said: str, printed: str) -> bool:
    if said == printed or "..." not in said:
        return said == printed
    return re.fullmatch(".*?".join(map(re.escape, said.split("..."))), printed) is not None
