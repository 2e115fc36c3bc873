"""All that the tests here put on air is judged by tshark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bleio.radio.air.radio import Radio
from support.air_recorder import Recorder, recorder

__all__ = ["recorder"]


@pytest.fixture(autouse=True)
def capture_everything(
    request: pytest.FixtureRequest, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    recorder.begin_test(request.node)
    initialise = Radio.__init__

    def initialise_and_record(radio: Radio, *args: Any, **options: Any) -> None:
        initialise(radio, *args, **options)
        radio.watch(recorder.of(radio))

    monkeypatch.setattr(Radio, "__init__", initialise_and_record)
    yield
    recorder.end_test()
