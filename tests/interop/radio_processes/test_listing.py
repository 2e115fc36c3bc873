"""`bleio radio` without a name, beside radios and programs that run."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.processes import Program
from support.radio_processes import RESET_ANSWER, Radios, holds_within
from support.schemas import checked

BEACON = """
import sys, time, _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06")
print("advertising", flush=True)
sys.stdin.readline()
"""
CENTRAL = """
import sys, _bleio
for entry in _bleio.adapter.start_scan():
    break
_bleio.adapter.connect(entry.address, timeout=120)
print("connected", flush=True)
sys.stdin.readline()
"""


def listed(radios: Radios) -> Any:
    program = radios.start("bleio radio", "-m", "bleio", "radio", "--json")
    program.ends_well()
    return checked("radio", "\n".join(program.lines))["radios"]


def on(radios: Radios, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> Program:
    monkeypatch.setenv("BLEIO_ADAPTER", f"virtual:{name}")
    (radios.folder / f"{name}.py").write_text(source)
    return radios.start(name, f"{name}.py", "--fast")


def test_radios_and_who_is_on_them(radios: Radios, monkeypatch: pytest.MonkeyPatch) -> None:
    assert listed(radios) == []
    foreground = radios.foreground("fore", "--listen", "tcp:127.0.0.1:0", "--json")
    foreground.says('"event": "ready"')
    (address,) = re.findall(r"tcp:127[^\"]*", foreground.lines[1])
    beacon = on(radios, monkeypatch, "desk", BEACON)
    beacon.says("advertising")
    desk, fore = listed(radios)
    assert (desk["name"], desk["background"], desk["pid"]) == (
        "desk",
        True,
        radios.process_id("desk"),
    )
    assert (fore["listening"], fore["devices"], fore["background"]) == ([address], [], False)
    (device,) = desk["devices"]
    assert (device["program"], device["pid"]) == ("desk.py --fast", beacon.process.pid)
    assert device["advertising"] and not device["links"]
    (radios.folder / "central.py").write_text(CENTRAL)
    central = radios.start("central", "central.py")
    central.says("connected")
    (desk, _) = listed(radios)
    by_program = {each["program"]: each for each in desk["devices"]}
    linked = by_program["central.py"]
    (peer,) = linked["links"]
    assert peer["address"] == by_program["desk.py --fast"]["address"]
    (peer,) = by_program["desk.py --fast"]["links"]
    assert (peer["address"], peer["address_type"]) == (linked["address"], "random_static")
    assert not by_program["desk.py --fast"]["advertising"]
    for program in (central, beacon):
        program.type("\n")
        program.ends_well()
    holds_within(lambda: [each["name"] for each in listed(radios)] == ["fore"], "desk has ended")
    assert {checked("radio", line)["event"] for line in foreground.lines} == {
        "listening",
        "ready",
    }


def test_a_radio_that_stands_still_and_one_that_was_killed(radios: Radios) -> None:
    still, killed = radios.foreground("still"), radios.foreground("killed")
    still.says("Ready")
    killed.says("Ready")
    member = radios.member("still")
    member.says(RESET_ANSWER)
    still.freeze()
    killed.kill()
    (found,) = listed(radios)
    assert (found["name"], found["answers"], found["pid"]) == ("still", False, still.process.pid)
    shown = radios.start("bleio radio", "-m", "bleio", "radio")
    shown.ends_well()
    assert shown.lines == [
        f"still  process {still.process.pid} does not answer; end it to free the name"
    ]
    still.kill()
    member.says("lost")
    for name in ("still", "killed"):  # which could not remove them
        (radios.runtime / f"{name}.sock").unlink()
