"""`bleio notify`: what a device sends, until there was enough of it."""

from __future__ import annotations

import threading

import pytest

from bleio.cli.devices.finding import SETTLE_S
from support.schemas import checked_lines

from .commands import Ended, bleio, repeating
from .conftest import Strap

ON = ("--adapter", "virtual")
INDICATED = "6e400005-b5a3-f393-e0a9-e50e24dcca00"


def notify(*arguments: str) -> Ended:
    return bleio("notify", "strap", *arguments, *ON)


def beat(strap: Strap) -> None:
    strap.pulse.value = b"\x06\x50"


def test_as_many_as_asked_for(strap: Strap) -> None:
    with repeating(lambda: beat(strap)):
        ended = notify("2a37", "--count", "3")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert len(lines) == 3
    for line in lines:
        time, _, value = line.partition("  ")
        assert len(time) == len("12:34:56.789")
        assert value == "heart rate 80, sensor contact detected  (06 50)"
    assert ended.err.startswith('Listening to Heart Rate Measurement of "Strap" (')


def test_several_at_once_say_which(strap: Strap) -> None:
    def both() -> None:
        beat(strap)
        strap.level.value = b"\x32"

    with repeating(both):
        ended = notify("2a37", "battery_level", "2a19", "--count", "8")
    assert ended.code == 0
    said = {line.partition("  ")[2] for line in ended.out.splitlines()}
    assert said == {
        "Heart Rate Measurement: heart rate 80, sensor contact detected  (06 50)",
        "Battery Level: 50 %  (32)",
    }
    assert len(ended.err.splitlines()) == 2  # named twice, it is one


def test_json_lines(strap: Strap) -> None:
    with repeating(lambda: beat(strap)):
        lines = checked_lines("notify", notify("2a37", "--count", "2", "--json").out)
    assert [line["event"] for line in lines] == ["subscribed", "value", "value", "ended"]
    assert lines[0]["indications"] is False
    assert lines[1]["decoded"]["heart_rate"] == 80
    assert 0 <= lines[1]["seconds"] <= lines[2]["seconds"]
    assert lines[3] == {"event": "ended", "values": 2, "dropped": 0, "reason": "count"}


def test_indications(strap: Strap) -> None:
    def alarm() -> None:
        strap.indicated.value = b"\x01"

    with repeating(alarm):
        lines = checked_lines("notify", notify(INDICATED, "--count", "1", "--json").out)
    assert lines[0]["indications"] is True
    assert lines[1]["octets"] == "01"


def test_for_a_time(strap: Strap) -> None:
    ended = notify("2a37", "--for", "0.2", "--json")
    assert ended.code == 0
    assert checked_lines("notify", ended.out)[-1]["reason"] == "time"


def test_fewer_than_asked_for_is_a_failure(strap: Strap) -> None:
    ended = notify("2a37", "--for", "0.2", "--count", "3")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines()[-1] == "Error: 0 values of 3 came within 0.2 s."


def test_the_device_goes(strap: Strap) -> None:
    def leave() -> None:
        if strap.adapter.connected:
            beat(strap)
            for link in strap.adapter.connections:
                link.disconnect()

    timer = threading.Timer(SETTLE_S + 0.5, lambda: None)
    timer.start()
    with repeating(lambda: leave() if not timer.is_alive() else None):
        ended = notify("2a37", "--json")
    timer.join()
    assert ended.code == 5
    if ended.out:  # it may go before it was asked to send
        assert checked_lines("notify", ended.out)[-1]["reason"] == "gone"
    assert "is gone: the link ended (Remote User Terminated Connection, 0x13)" in ended.err


REFUSED = {
    "sends nothing": (["2a38"], 6, "sends nothing by itself (it has read). bleio read reads it."),
    "descriptor": (["2a37/2902"], 6, "is a descriptor, which sends nothing by itself"),
    "no indications": (["2a37", "--indicate"], 6, "has no indications; leave out --indicate."),
    "near": (["hart rate measurement"], 3, "bleio notify strap heart_rate_measurement --adapter"),
    "none": ([], 2, "Missing argument 'CHARACTERISTIC...'"),
    "no count": (["2a37", "--count", "0"], 2, "'--count'"),
    "no time": (["2a37", "--for", "nan"], 2, "--for"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_listened_to(strap: Strap, case: str) -> None:
    arguments, code, sentence = REFUSED[case]
    ended = notify(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err
