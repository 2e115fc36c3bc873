"""Captures all that tests put on air, and lets tshark judge it at the end.

Any warning or error of tshark's expert info fails the test run, with the name of the test whose
packet it is about. A test that sends wrong octets on purpose says so:

    @pytest.mark.wrong_on_air("Unknown data", reason="what is sent is only counted")

and must be told exactly that: a mark whose message does not come fails as well. Packets whose CRC
the medium has spoiled are known, so their message needs no mark. Where tshark itself is wrong,
`support.tshark` has the message and the section of the specification.
"""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bleio.radio.air.radio import AirPdu, Radio
from bleio.radio.capture.air_capture import AirCapture
from support.tshark import WRONG_CRC, complaints

MARK = "wrong_on_air"


class _Recorded:
    """What one test has put on air."""

    def __init__(self, test: pytest.Item, first_frame: int) -> None:
        self.name = test.nodeid
        self.first_frame = first_frame
        self.allowed = {message for mark in test.iter_markers(MARK) for message in mark.args}
        self.spoiled = 0


class Recorder:
    """One file with a section for every radio."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tests: list[_Recorded] = []
        self._frames = 0
        self._captures: list[AirCapture] = []
        self._parts: list[bytearray] = []

    def begin_test(self, test: pytest.Item) -> None:
        self._tests.append(_Recorded(test, self._frames + 1))

    def of(self, radio: Radio) -> Callable[[AirPdu], None]:
        """Begin a section. Returns: what takes the packets of this radio."""
        octets = bytearray()
        # tshark has no keys and would take cipher text for clear text.
        capture = AirCapture(radio, octets.extend, decipher=True)
        self._captures.append(capture)
        self._parts.append(octets)
        test = self._tests[-1]

        def add(packet: AirPdu) -> None:
            test.spoiled += not packet.crc_right
            capture.add(packet)

        return add

    def end_test(self) -> None:
        for capture in self._captures:
            capture.flush()
            self._frames += capture.packets
        with self.path.open("ab") as file:
            file.writelines(self._parts)
        self._captures.clear()
        self._parts.clear()

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
            if found[number, WRONG_CRC] != test.spoiled:
                wrong.append(f"{test.name}: {WRONG_CRC}, of more than the {test.spoiled} spoiled")
            wrong += [
                f"{test.name}: no longer {message}, which its mark allows"
                for message in test.allowed
                if not found[number, message]
            ]
        return wrong


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """Where all tests of a folder put their packets."""
    recorder = Recorder(tmp_path_factory.mktemp("air") / "all.pcapng")
    yield recorder
    if shutil.which("tshark") and recorder.path.exists():
        wrong = recorder.judge()
        assert not wrong, "\n".join((f"tshark on {recorder.path}:", *wrong))
