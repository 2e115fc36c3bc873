"""What recordings of many tests have in common: whose frame it is, and what each may have wrong.

Any warning or error of tshark's expert info fails the test run, with the name of the test whose
frame it is about. A test that sends wrong octets on purpose says so:

    @tshark_complains(MALFORMED, reason="the structure is cut on purpose")

and must be told exactly that: a mark whose message does not come fails as well. Where tshark itself
is wrong, `support.tshark` has the message and the section of the specification.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from pathlib import Path

import pytest

from support.tshark import WRONG_CRC, complaints

tshark_complains = pytest.mark.tshark_complains


class _Recorded:
    """What one test has said."""

    def __init__(self, test: pytest.Item, kind: str, first_frame: int) -> None:
        self.name = test.nodeid
        self.first_frame = first_frame
        self.allowed = {
            message
            for mark in test.iter_markers("tshark_complains")
            for message in mark.args
            if mark.kwargs.get("where", kind) == kind
        }
        self.spoiled = 0  # packets whose CRC the medium has made wrong


class Recording:
    """One file, whose frames come from one test after the other.

    Args: kind: "air" or "hci".
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.frames = 0
        self._kind = kind
        self._tests: list[_Recorded] = []

    def begin_test(self, test: pytest.Item) -> None:
        """From now on frames are of this test."""
        self._tests.append(_Recorded(test, self._kind, self.frames + 1))

    @property
    def test(self) -> _Recorded:
        """The test whose frames come now."""
        return self._tests[-1]

    def check(self) -> None:
        """Raise AssertionError for all that is wrong."""
        wrong = self.judge()
        assert not wrong, "\n".join((f"tshark on {self.path}:", *wrong))

    def judge(self) -> list[str]:
        """Let tshark look at everything. Returns: what is wrong, a line for each test and kind."""
        firsts = [test.first_frame for test in self._tests]
        found: Counter[tuple[int, str]] = Counter()
        for complaint in complaints(self.path):
            found[bisect_right(firsts, complaint.frame) - 1, complaint.message] += 1
        wrong = []
        for (number, message), count in found.items():
            test = self._tests[number]
            if message != WRONG_CRC and message not in test.allowed:
                wrong.append(f"{test.name}: {message} ({count} frames)")
        for number, test in enumerate(self._tests):
            following = firsts[number + 1] if number + 1 < len(firsts) else self.frames + 1
            if following == test.first_frame:
                continue  # it has said nothing here
            if found[number, WRONG_CRC] != test.spoiled:
                wrong.append(f"{test.name}: {WRONG_CRC}, of more than the {test.spoiled} spoiled")
            wrong += [
                f"{test.name}: no longer {message}, which its mark allows"
                for message in test.allowed
                if not found[number, message]
            ]
        return wrong
