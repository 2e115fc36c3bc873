"""Captures all that the tests here put on air, and lets tshark judge it at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bleio.radio.air import AirPdu, Radio
from bleio.radio.capture import AirCapture
from support.tshark import bad_frames


class Recorder:
    """One file with a section for every radio."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made_wrong = 0
        self._captures: list[AirCapture] = []
        self._parts: list[bytearray] = []

    def record(self, radio: Radio) -> None:
        octets = bytearray()
        # tshark has no keys and would take cipher text for clear text.
        capture = AirCapture(radio, octets.extend, decipher=True)
        self._captures.append(capture)
        self._parts.append(octets)

        def add(packet: AirPdu) -> None:
            self.made_wrong += not packet.crc_right
            capture.add(packet)

        radio.watch(add)

    def end_test(self) -> None:
        for capture in self._captures:
            capture.flush()
        with self.path.open("ab") as file:
            file.writelines(self._parts)
        self._captures.clear()
        self._parts.clear()


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path_factory.mktemp("air") / "all.pcapng")
    yield recorder
    if shutil.which("tshark") and recorder.path.exists():
        found = bad_frames(recorder.path, any_data=True)
        assert len(found) == recorder.made_wrong, found


@pytest.fixture(autouse=True)
def capture_everything(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    initialise = Radio.__init__

    def initialise_and_record(radio: Radio, *args: Any, **options: Any) -> None:
        initialise(radio, *args, **options)
        recorder.record(radio)

    monkeypatch.setattr(Radio, "__init__", initialise_and_record)
    yield
    recorder.end_test()
