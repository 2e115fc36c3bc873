"""`bleio clone` without a radio: arguments, and programs of records."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bleio.cli.clone import _octets
from bleio.cli.cloning.from_json import RecordError, from_json
from bleio.cli.cloning.record import (
    Answer,
    Characteristic,
    Descriptor,
    Exchange,
    Record,
    Sent,
    Service,
)
from bleio.cli.cloning.to_json import to_json
from bleio.cli.cloning.writing import write
from bleio.cli.main import main
from bleio.core.codes import Properties
from bleio.core.uuid import uuid16

NOTIFY = Properties.NOTIFY
WRONG: list[Any] = [
    *(None, True, -1, 1.5, float("nan"), 10**400, "", "x", "\ud800", "0" * 5000),
    *([], {}, [[]], [{}], [None], ["00"] * 3, [0, -1], {"a": 1}),
]


def run(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(main, ["clone", *arguments], input=given)


def test_a_program_is_made_of_a_record(tmp_path: Path) -> None:
    text = json.dumps(to_json(Record("Lamp")))
    (tmp_path / "lamp.json").write_text(text)
    wanted = write(Record("Lamp"))
    assert run("--from", str(tmp_path / "lamp.json")).stdout == wanted
    assert run("--from", "-", given=text).stdout == wanted
    done = run("--from", "-", "--json", "-o", str(tmp_path / "lamp.py"), given=text)
    assert json.loads(done.stdout) == json.loads(text)
    assert (tmp_path / "lamp.py").read_text("utf-8") == wanted
    assert "lamp.py: 0 services, 0 characteristics." in done.stderr


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"version": 2}, "'version' of the record is not 1, the one that this bleio reads"),
        ({"surprise": 1}, "the record has a member that nothing knows: 'surprise'"),
        ({"name": None}, "'name' of the record is no text"),
        ({"address": "c0:11"}, "'address' of the record is no address, such as"),
        ({"recorded_ms": -1}, "'recorded_ms' of the record is not in 0 to"),
        ({"recorded_ms": True}, "'recorded_ms' of the record is no whole number"),
        ({"services": {}}, "'services' of the record is no list"),
        ({"services": [{}]}, "services[0] of the record has no 'uuid'"),
        ({"paired": "perhaps"}, "'paired' of the record is none of the words for it"),
        (
            {"exchanges": [{"characteristic": [0, 0], "written": "00", "answers": []}]},
            "there is no characteristic [0, 0]",
        ),
        (
            {"exchanges": [{"characteristic": [-1, 0], "written": "00", "answers": []}]},
            "'characteristic' of exchanges[0] of the record is not [service, characteristic]",
        ),
        (
            {"exchanges": [{"characteristic": [0, 0], "written": "", "answers": []}]},
            "'written' of exchanges[0] of the record is empty",
        ),
        (
            {"advertising": {**to_json(Record())["advertising"], "interval_ms": float("inf")}},
            "'interval_ms' of 'advertising' of the record is no time",
        ),
    ],
)
def test_what_is_no_record_is_refused(change: dict[str, Any], complaint: str) -> None:
    done = run("--from", "-", given=json.dumps({**to_json(Record()), **change}))
    assert done.exit_code == 2
    assert f"Error: '-' is no record: {complaint}" in done.stderr


def test_a_record_is_refused_that_no_device_can_have_left() -> None:
    told = Characteristic(uuid16(2), NOTIFY, sent=[Sent(900, b"a"), Sent(100, b"b")])
    silent = Characteristic(uuid16(2), Properties.READ, sent=[Sent(100, b"b")])
    for each, complaint in ((told, "is not in order"), (silent, "neither notifies nor indicates")):
        complains(Record("Odd", services=[Service(uuid16(1), "", [], [each])]), complaint)
    services = [Service(uuid16(1), "", [], [Characteristic(uuid16(2), Properties.READ)])]
    complains(Record("Odd", services=services, exchanges=[Exchange((0, 0), b"x")]), "written to")
    services[0].characteristics[0].properties = Properties.WRITE
    said = Exchange((0, 0), b"x", [Answer(0, (0, 0), b"y")])
    complains(Record("Odd", services=services, exchanges=[said]), "what answers")


def complains(record: Record, complaint: str) -> None:
    done = run("--from", "-", given=json.dumps(to_json(record)))
    assert done.exit_code == 2
    assert complaint in done.stderr


@pytest.mark.parametrize("wrong", WRONG, ids=lambda each: repr(each)[:20])
def test_whatever_stands_where_is_a_record_or_is_refused(wrong: Any) -> None:
    record = to_json(
        Record(
            "Odd",
            services=[
                Service(
                    uuid16(1),
                    "a",
                    [uuid16(3)],
                    [
                        Characteristic(
                            uuid16(2),
                            NOTIFY | Properties.WRITE,
                            descriptors=[Descriptor(uuid16(4), "b")],
                            sent=[Sent(1, b"x")],
                        )
                    ],
                )
            ],
            exchanges=[Exchange((0, 0), b"x", [Answer(0, (0, 0), b"y")])],
        )
    )
    for changed in with_each_changed(record, wrong):
        with contextlib.suppress(RecordError):
            compile(write(from_json(changed)), "twin.py", "exec")


def with_each_changed(tree: Any, wrong: Any) -> Iterator[Any]:
    """Yield JSON with something wrong in the place of all, and of each part."""
    yield wrong
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        for changed in with_each_changed(tree[key], wrong):
            copy = tree.copy()
            copy[key] = changed
            yield copy


@pytest.mark.parametrize("given", ["", "[", "[]", "1", "null", "[" * 100_000, '{"a": 1e999}'])
def test_what_is_not_even_that_is_refused(given: str) -> None:
    done = run("--from", "-", given=given)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: '-' is no ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Name a device, or a record with --from: one of the two."),
        (["Pulse", "--from", "-"], "Name a device, or a record with --from: one of the two."),
        (["Pulse", "--record", "nan"], "'nan' is no time"),
        (["Pulse", "--record", "-1"], "'-1' is no time"),
        (["Pulse", "--say", "0x1"], "'0x1' has half an octet"),
        (["Pulse", "--say", ""], "A twin cannot tell when nothing is written"),
        (["Pulse", "--say-to", "2a37"], "--say-to is where --say is written: add --say."),
        (["--from", "-", "--record", "5"], "--record is for a device; --from is without one."),
        (["--from", "-", "--say", "x"], "--say is for a device"),
        (["--from", "-", "--pair"], "--pair is for a device"),
        (["--from", "-", "--same-address"], "--same-address is for a device"),
        (["--from", "-", "--adapter", "virtual"], "--adapter is for a device"),
        (["Pulse", "--record", "25h"], "'25h' is longer than 86400 s"),
        (["Pulse", "--timeout", "99ms"], "'99ms' is shorter than 0.1 s"),
        (["c0:11:22:33", "--timeout", "1s"], "no whole address"),
        (["Pulse", "--adapter", "nonsense"], "nonsense"),
        (["Pulse", "--pairing", "nonsense"], "nonsense"),
    ],
)
def test_wrong_arguments(arguments: list[str], complaint: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_a_file_that_is_not_there_and_one_that_cannot_be_written(tmp_path: Path) -> None:
    done = run("--from", str(tmp_path / "none.json"))
    assert done.exit_code == 2
    assert "Cannot read" in done.stderr
    text = json.dumps(to_json(Record()))
    done = run("--from", "-", "-o", str(tmp_path / "none" / "twin.py"), given=text)
    assert done.exit_code == 1
    assert "Cannot use" in done.stderr


def test_that_it_cannot_be_written_is_said_before_a_device_is_looked_for(tmp_path: Path) -> None:
    place = tmp_path / "none" / "twin.py"
    done = run("Pulse", "-o", str(place), "--adapter", "hci:serial:/dev/none,1000000")
    assert done.exit_code == 1
    assert f"Cannot use '{place}': No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("said", "octets"),
    [
        ("hello", b"hello"),
        ("hello\\n", b"hello\n"),
        ("a\\x00\\\\b\\q", b"a\x00\\b\\q"),
        ("0x0102", b"\x01\x02"),
        ("u16:258", b"\x02\x01"),
        ("text:0102", b"0102"),
        ("text:0102\\r\\n", b"0102\r\n"),
    ],
)
def test_what_is_said(said: str, octets: bytes) -> None:
    assert _octets(said) == octets
