"""Programs of records: what they make when they run, and that nothing of a device's gets out."""

from __future__ import annotations

import ast
import builtins
import json
import subprocess
import sys
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bleio.cli.cloning.from_json import from_json
from bleio.cli.cloning.record import (
    Access,
    Advertising,
    Characteristic,
    Descriptor,
    Read,
    Record,
    Sent,
    Service,
)
from bleio.cli.cloning.table import OWN_SERVICES
from bleio.cli.cloning.to_json import to_json
from bleio.cli.cloning.writing import write
from bleio.core.uuid import expand, to_text, uuid16
from support.played_bleio import play
from support.records_of_devices import NASTY, records
from support.schemas import checked

# What fails is shown as it came: to make it simpler takes minutes.
often = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)


def uuid_of(made: Any) -> bytes:
    """Return what a program gave to UUID, as on air."""
    if isinstance(made, int):
        return uuid16(made)
    return bytes.fromhex(made.replace("-", ""))[::-1]


@often
@given(record=records())
def test_a_program_makes_what_the_record_has(record: Record, monkeypatch: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as SyntaxWarning for an escape
        played, _ = play(write(record), monkeypatch)
    if not record.advertising.connectable:
        assert played.services == []
        return
    wanted = [each for each in record.services if expand(each.uuid) not in OWN_SERVICES]
    assert [uuid_of(made[0]) for made in played.services] == [each.uuid for each in wanted]
    for made, service in zip(played.services, wanted, strict=True):
        assert [uuid_of(each[0]) for each in made[1]] == [
            each.uuid for each in service.characteristics
        ]
        for (_, options, others), each in zip(made[1], service.characteristics, strict=True):
            check_characteristic(options, others, each)


def check_characteristic(options: Any, others: Any, wanted: Characteristic) -> None:
    first = wanted.read.values[0] if wanted.read.values else b""
    assert options.get("initial_value", b"") == first
    assert len(first) <= options.get("max_length", 20)
    descriptors = [(uuid_of(uuid), each.get("initial_value", b"")) for uuid, each in others]
    if "user_description" in options:
        descriptors.insert(0, (uuid16(0x2901), options["user_description"].encode()))
    assert descriptors == [
        (each.uuid, each.read.values[0] if each.read.values else b"") for each in wanted.descriptors
    ]


@often
@given(record=records())
def test_a_program_has_no_code_of_the_devices(record: Record) -> None:
    tree = ast.parse(write(record))
    imported = [each for each in ast.walk(tree) if isinstance(each, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(each) for each in imported] == ["import time", "import _bleio"]
    called = {
        each.func.id
        for each in ast.walk(tree)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
    }
    own = {"Replay", "Written"}
    assert called <= own | {"print", "repr", "len", "any", "max", "bytes", "bytearray"}
    assert own.isdisjoint(vars(builtins))


@often
@given(record=records())
def test_a_line_ends_nowhere_but_where_it_seems_to(record: Record) -> None:
    source = write(record)
    assert source.splitlines() == source.split("\n")[:-1]
    assert all(each.isprintable() or each == "\n" for each in source)
    source.encode()  # no lone surrogate


def formatted(source: str, *options: str) -> str:
    command = [sys.executable, "-m", "ruff", *options]
    done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@settings(often, max_examples=40)
@given(record=records())
def test_a_program_is_as_ruff_has_it(record: Record) -> None:
    source = write(record)
    assert formatted(source, "format", "--isolated", "--stdin-filename", "twin.py", "-") == source


def test_a_program_has_nothing_that_ruff_finds_fault_with() -> None:
    formatted(write(strap()), "check", "--isolated", "--select", "E,F,W,I,B,UP,SIM,RET", "-")


@often
@given(record=records())
def test_json_is_the_same_record(record: Record) -> None:
    if record.name.isprintable():  # a lone surrogate has no UTF-8, and names of devices have none
        text = json.dumps(to_json(record))
        again = from_json(json.loads(text))
        assert to_json(again) == to_json(record)
        assert write(again) == write(record)
        checked("clone", text)


def strap() -> Record:
    """Return a heart-rate strap."""
    sent = [Sent(700 + 1000 * number, bytes((0, 72 + number))) for number in range(5)]
    return Record(
        "Pulse",
        advertising=Advertising(b"\x02\x01\x06\x03\x03\x0d\x18", b"\x06\x09Pulse", True, 100),
        services=[
            Service(
                uuid16(0x180D),
                "Heart Rate",
                characteristics=[
                    Characteristic(uuid16(0x2A37), 0x10, "Heart Rate Measurement", sent=sent),
                    Characteristic(
                        uuid16(0x2A38), 0x02, "Body Sensor Location", Read(Access.OPEN, [b"\1"])
                    ),
                ],
            )
        ],
        recorded_ms=5000,
    )


def test_what_is_sent_is_replayed_with_its_rhythm(monkeypatch: pytest.MonkeyPatch) -> None:
    _, names = play(write(strap()), monkeypatch)
    assert names["HEART_RATE_MEASUREMENT_SENT"] == [
        (1.0, bytes((0, 72 + number))) for number in range(5)
    ]


@pytest.mark.parametrize("nasty", NASTY)
def test_hostile_names_stay_text(nasty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"a{nasty}b"
    octets = said.encode("utf-8", "replace")
    record = strap()
    record.name = said
    service = record.services[0]
    service.name = service.characteristics[0].name = said
    service.characteristics[1].read = Read(Access.OPEN, [octets], said)
    service.characteristics[1].descriptors = [
        Descriptor(uuid16(0x2901), said, Read(Access.OPEN, [octets]))
    ]
    played, names = play(write(record), monkeypatch)
    assert played.adapter.name == names["NAME"] == octets.decode()[: len(names["NAME"])]
    _, options, _ = played.services[0][1][1]
    assert options["initial_value"] == octets
    assert options["user_description"].encode() == octets


def test_a_thousand_services_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    record = strap()
    record.services = [
        Service(uuid16(number), "", [], [Characteristic(uuid16(0x2A00), 0x02, "x" * 4000)])
        for number in range(1000)
    ]
    played, _ = play(write(record), monkeypatch)
    assert len(played.services) == 1000


def test_variables_are_never_what_the_program_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    record = strap()
    words = ("print", "Time", "READ", "adapter", "Parts", "class", "match", "1st", "name", "Replay")
    record.services = [
        Service(uuid16(1), word, [], [Characteristic(uuid16(2), 0x08, word)]) for word in words
    ]
    played, names = play(write(record), monkeypatch)
    assert len(played.services) == len(words)
    assert {"print", "repr", "bytes"}.isdisjoint(names)


def test_names_end_with_a_word() -> None:
    record = strap()
    it = record.services[0].characteristics[0]
    it.name, it.properties = "Fitness Machine Control Point Of The Odd", 0x18
    source = write(record)
    assert "fitness_machine_control_point_of_the = " in source
    assert "fitness_machine_control_point_of_the_written = " in source
    assert "FITNESS_MACHINE_CONTROL_POINT_OF_THE_SENT = " in source


def test_octets_that_are_all_the_same_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    record = strap()
    record.services[0].characteristics[1].read = Read(Access.OPEN, [bytes(512)])
    source = write(record)
    assert 'BODY_SENSOR_LOCATION_VALUE = b"\\x00" * 512\n' in source
    played, _ = play(source, monkeypatch)
    assert played.services[0][1][1][1]["initial_value"] == bytes(512)


def test_the_same_uuid_twice_is_two() -> None:
    record = strap()
    record.services *= 2
    source = write(record)
    assert "heart_rate_2 = _bleio.Service" in source
    assert to_text(uuid16(0x180D)).upper() in source
