"""Captures all that tests put on air, and lets tshark judge it at the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bleio.radio.air.radio import AirPdu, Radio
from bleio.radio.capture.air_capture import AirCapture
from support.tshark import bad_frames


class Recorder:
    """One file with a section for every radio."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made_wrong = 0
        self._captures: list[AirCapture] = []
        self._parts: list[bytearray] = []

    def of(self, radio: Radio) -> Callable[[AirPdu], None]:
        """Begin a section. Returns: what takes the packets of this radio."""
        octets = bytearray()
        # tshark has no keys and would take cipher text for clear text.
        capture = AirCapture(radio, octets.extend, decipher=True)
        self._captures.append(capture)
        self._parts.append(octets)

        def add(packet: AirPdu) -> None:
            self.made_wrong += not packet.crc_right
            capture.add(packet)

        return add

    def end_test(self) -> None:
        for capture in self._captures:
            capture.flush()
        with self.path.open("ab") as file:
            file.writelines(self._parts)
        self._captures.clear()
        self._parts.clear()

    def judge(self) -> None:
        """Let tshark look at everything, where there is one. Raises: AssertionError."""
        if shutil.which("tshark") and self.path.exists():
            found = bad_frames(self.path, any_data=True)
            assert len(found) == self.made_wrong, found


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """Where all tests of a folder put their packets."""
    recorder = Recorder(tmp_path_factory.mktemp("air") / "all.pcapng")
    yield recorder
    recorder.judge()
