"""One line for programs that wait in vain, each in a process of its own.

They wait as long as is said, but for a scan of the usual five seconds, which shows that this is so.
"""

from __future__ import annotations

import logging

import pytest

from bleio.runtime import hints
from bleio.testing import World
from support.radio_processes import Radios

QUICK = "from bleio.runtime import hints\nhints.SILENCE_S = 0.2\n"
LATER = QUICK.replace("0.2", "2.5")  # where something is heard, also on a busy machine
ENDLESS = 100_000
SCAN = """
import sys, _bleio
for entry in _bleio.adapter.start_scan(timeout={seconds}):
    print("heard")
    break
print("over", flush=True)
"""
PRIVATE = "Nothing is heard on 'virtual', which is a radio of this process alone;"
CONNECT = """
import _bleio
nobody = _bleio.Address("c0:11:22:33:44:55", _bleio.Address.RANDOM_STATIC)
for _ in range(2):
    try:
        _bleio.adapter.connect(nobody, timeout=2)
    except _bleio.BluetoothError as error:
        print("over", flush=True)
"""
ADVERTISE = """
import sys, _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06")
print("advertising", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def with_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEIO_HINTS", "1")


def lines_of(
    radios: Radios, monkeypatch: pytest.MonkeyPatch, adapter: str, source: str
) -> list[str]:
    monkeypatch.setenv("BLEIO_ADAPTER", adapter)
    program = radios.start("program", "-W", "error", "-c", source)
    program.ends_well()
    return program.lines


def hint_of(
    radios: Radios, monkeypatch: pytest.MonkeyPatch, adapter: str, before: str = QUICK
) -> str:
    """Scan until something is said. Returns: what that is."""
    monkeypatch.setenv("BLEIO_ADAPTER", adapter)
    program = radios.start("scan", "-W", "error", "-c", before + SCAN.format(seconds=ENDLESS))
    hint = program.wait_for(".*").group()
    program.end()
    return hint


def test_five_seconds_on_a_private_radio(radios: Radios, monkeypatch: pytest.MonkeyPatch) -> None:
    hint = hint_of(radios, monkeypatch, "virtual", before="")
    assert hint.startswith(PRIVATE) and "BLEIO_ADAPTER=virtual:desk" in hint
    assert lines_of(radios, monkeypatch, "virtual", SCAN.format(seconds=1)) == ["over"]


def test_once_in_a_process(radios: Radios, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        f"{QUICK}import _bleio\n"
        "while hints._Once.left: list(_bleio.adapter.start_scan(timeout=1))\n"
    ) + SCAN.format(seconds=1)
    first, *rest = lines_of(radios, monkeypatch, "virtual", source)
    assert first.startswith(PRIVATE)
    assert rest == ["over"]


def test_a_connect_that_takes_long(radios: Radios, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *rest = lines_of(radios, monkeypatch, "virtual", QUICK + CONNECT)
    assert first.startswith(PRIVATE)
    assert rest == ["over", "over"]


def test_no_hint_where_it_is_not_wanted(radios: Radios, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEIO_HINTS", "0")
    source = QUICK + SCAN.format(seconds=1)
    assert lines_of(radios, monkeypatch, "virtual", source) == ["over"]


def test_a_program_that_hears_something(radios: Radios, monkeypatch: pytest.MonkeyPatch) -> None:
    own = "other = _bleio.Adapter('virtual')\nother.start_advertising(b'\\x02\\x01\\x06')\n"
    scan = SCAN.format(seconds=3).replace('    print("heard")\n    break\n', "    pass\n")
    source = LATER + "import _bleio\n" + own + scan
    assert lines_of(radios, monkeypatch, "virtual", source) == ["over"]


def test_alone_on_a_radio_of_another_name(radios: Radios, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hint_of(radios, monkeypatch, "virtual:alone") == (
        "Nobody else is on radio 'alone'; no other radio runs; others join this one with"
        " BLEIO_ADAPTER=virtual:alone."
    )
    monkeypatch.setenv("BLEIO_ADAPTER", "virtual:desk")
    beacon = radios.start("beacon", "-c", QUICK + ADVERTISE)
    beacon.says("advertising")
    hint = hint_of(radios, monkeypatch, "virtual:dekc")
    assert "did you mean BLEIO_ADAPTER=virtual:desk, which runs" in hint
    assert lines_of(radios, monkeypatch, "virtual:desk", LATER + SCAN.format(seconds=60)) == [
        "heard",
        "over",
    ]
    beacon.type("\n")
    beacon.ends_well()
    assert beacon.lines == ["advertising"]  # it is alone on purpose, until others come


def test_no_hint_in_worlds_nor_where_pytest_runs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), World(seed=1) as world:
        world.add(source=SCAN.format(seconds=20), name="alone")
        world.run()
    assert not [each for each in caplog.records if each.name == "bleio.runtime.hints"]
    assert not hints.are_wanted()
