"""All that the worlds of the tests here put on air is judged by tshark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bleio.radio.air.radio import AirPdu, Radio
from bleio.testing.air.captures import Captures
from support.air_recorder import Recorder


@pytest.fixture(autouse=True)
def capture_everything(
    request: pytest.FixtureRequest, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    recorder.begin_test(request.node)
    initialise, add = Captures.__init__, Captures.add
    records: dict[Captures, Callable[[AirPdu], None]] = {}

    def initialise_and_record(
        captures: Captures, radio: Radio, *files: Any, **options: Any
    ) -> None:
        initialise(captures, radio, *files, **options)
        records[captures] = recorder.of(radio)

    def add_and_record(captures: Captures, packet: AirPdu) -> None:
        add(captures, packet)
        records[captures](packet)

    monkeypatch.setattr(Captures, "__init__", initialise_and_record)
    monkeypatch.setattr(Captures, "add", add_and_record)
    yield
    recorder.end_test()
