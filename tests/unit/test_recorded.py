"""The judge of recordings names the test, and knows what that test may have wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bleio.radio.air.radio import Radio
from support.air_recorder import Recorder
from support.raw_host import SECOND, new_hosts
from support.recorded import tshark_complains
from support.tshark import needs_tshark

UNKNOWN = "Unknown data"


class Item:
    """As much of a test as the judge looks at."""

    def __init__(self, nodeid: str, *allowed: str) -> None:
        self.nodeid = nodeid
        self.allowed = allowed

    def iter_markers(self, _name: str) -> list[pytest.Mark]:
        return [tshark_complains(*self.allowed, reason="on purpose").mark]


def advertise(recorder: Recorder, data: bytes) -> None:
    radio = Radio(1)
    radio.watch(recorder.of(radio))
    (host,) = new_hosts(radio, 1)
    host.advertise(data=data)
    radio.run_until(SECOND // 20)
    recorder.end_test()


@needs_tshark
def test_what_is_wrong_is_told_with_its_test_unless_the_test_says_so(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "all.pcapng")
    right, wrong = b"\x02\x01\x06", b"\x01\xaa"
    tests: list[tuple[Any, bytes]] = [
        (Item("right"), right),
        (Item("wrong"), wrong),
        (Item("on purpose", UNKNOWN), wrong),
        (Item("no longer", UNKNOWN), right),
    ]
    for item, data in tests:
        recorder.begin_test(item)
        advertise(recorder, data)
    recorder.begin_test(Item("says nothing", UNKNOWN))  # type: ignore[arg-type]
    recorder.end_test()
    assert sorted(recorder.judge()) == [
        "no longer: no longer Unknown data, which its mark allows",
        "wrong: Unknown data (3 frames)",
    ]
