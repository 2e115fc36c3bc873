"""Captures all that tests put on air, and lets tshark judge it at the end.

Packets whose CRC the medium has spoiled are known, so their message needs no mark; see `recorded`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bleio.radio.air.radio import AirPdu, Radio
from bleio.radio.capture.air_capture import AirCapture
from support.recorded import Recording


class Recorder(Recording):
    """One file with a section for every radio."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "air")
        self._captures: list[AirCapture] = []
        self._parts: list[bytearray] = []

    def of(self, radio: Radio) -> Callable[[AirPdu], None]:
        """Begin a section. Returns: what takes the packets of this radio."""
        octets = bytearray()
        # tshark has no keys and would take cipher text for clear text.
        capture = AirCapture(radio, octets.extend, decipher=True)
        self._captures.append(capture)
        self._parts.append(octets)
        test = self.test

        def add(packet: AirPdu) -> None:
            test.spoiled += not packet.crc_right
            capture.add(packet)

        return add

    def end_test(self) -> None:
        for capture in self._captures:
            capture.flush()
            self.frames += capture.packets
        with self.path.open("ab") as file:
            file.writelines(self._parts)
        self._captures.clear()
        self._parts.clear()


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """Where all tests that record put their packets."""
    recorder = Recorder(tmp_path_factory.mktemp("air") / "all.pcapng")
    yield recorder
    if shutil.which("tshark") and recorder.path.exists():
        recorder.check()


@pytest.fixture
def record_radios(
    request: pytest.FixtureRequest, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Record every radio that a test makes in this process."""
    initialise = Radio.__init__

    def initialise_and_record(radio: Radio, *args: Any, **options: Any) -> None:
        initialise(radio, *args, **options)
        radio.watch(recorder.of(radio))

    recorder.begin_test(request.node)
    monkeypatch.setattr(Radio, "__init__", initialise_and_record)
    yield
    recorder.end_test()
