"""`bleio explore` without a terminal: the tree, and JSON."""

from __future__ import annotations

import asyncio

import pytest
from _bleio import UUID, Adapter, Service

from bleio.cli.devices import connected, parse_target, read_table
from bleio.cli.devices.choosing import choose, fitting, selector
from bleio.cli.devices.problems import NotFound
from support.awaiting import READ, in_loop, served
from support.patience import PATIENCE_S
from support.schemas import checked

from .commands import Ended, bleio
from .conftest import Strap, named

ON = ("--adapter", "virtual")
NEEDS_PAIRING = "6e400001-b5a3-f393-e0a9-e50e24dcca00"


def explore(*arguments: str) -> Ended:
    return bleio("explore", "strap", *arguments, *ON)


def test_the_tree(strap: Strap) -> None:
    ended = explore()
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith('"Strap" (')
    assert "not encrypted" in lines[1]
    assert "├── Battery Service  180f" in lines
    level = lines.index("│   └── Battery Level  2a19  read, notify")
    assert lines[level + 1 : level + 4] == [
        "│       87 %  (57)",
        "│       └── Client Characteristic Configuration  2902",
        "│           none  (00 00)",
    ]
    secret = next(index for index, line in enumerate(lines) if NEEDS_PAIRING in line)
    assert lines[secret + 1].endswith("needs pairing: --pair")
    assert any(line.endswith("not read: Read Not Permitted (0x02)") for line in lines)
    assert any(line.endswith("100 period (beats per minute)  (10 27)") for line in lines)
    assert any(line.endswith(r'"Alarms\x1b[31m"') for line in lines)
    assert "\x1b" not in ended.out
    assert not any(line != line.rstrip() for line in lines)


def test_paired_it_shows_what_was_secret(strap: Strap) -> None:
    ended = explore("--pair")
    assert '"secret"' in ended.out
    assert ", encrypted, " in ended.out.splitlines()[1]


def test_without_reading(strap: Strap) -> None:
    ended = explore("--tree", "--no-read")
    assert "Battery Level  2a19  read, notify" in ended.out
    assert "87 %" not in ended.out


def test_json(strap: Strap) -> None:
    value = checked("explore", explore("--json").out)
    assert value["device"]["name"] == "Strap"
    assert value["encrypted"] is False
    rows = {row["uuid"]: row for service in value["services"] for row in service["characteristics"]}
    level = rows["00002a19-0000-1000-8000-00805f9b34fb"]
    assert (level["octets"], level["decoded"], level["unit"]) == ("57", 87, "%")
    assert level["properties"] == ["read", "notify"]
    assert level["descriptors"][0]["name"] == "Client Characteristic Configuration"
    assert level["descriptors"][0]["decoded"]["notifications_enabled"] is False
    secret = rows[NEEDS_PAIRING]
    assert secret["needs"] == "authentication"
    assert "octets" not in secret
    assert rows[NEEDS_PAIRING.replace("0001", "0004")]["refusal"] == "Read Not Permitted (0x02)"


def test_a_device_without_anything_but_what_all_have(peripheral: Adapter) -> None:
    peripheral.start_advertising(named("Strap"))
    ended = explore()
    assert ended.code == 0
    assert "Generic Access  1800" in ended.out


def test_no_such_device(strap: Strap) -> None:
    ended = bleio("explore", "srtap", "--timeout", "1.5", *ON)
    assert (ended.code, ended.out) == (3, "")
    assert '--timeout 1.5 --adapter virtual  # "Strap"' in ended.err


@in_loop
async def test_each_value_has_a_word_that_means_it_alone(
    central: Adapter, peripheral: Adapter
) -> None:
    Strap(peripheral)
    async with connected(central, parse_target("Strap"), timeout_s=PATIENCE_S) as device:
        table = await read_table(device.connection)
    rows = list(table.rows)
    words = [selector(table, row) for row in rows]
    assert len(set(words)) == len(rows)
    for row, word in zip(rows, words, strict=True):
        assert fitting(table, word) == [row]
        assert choose(table, word) is row


@in_loop
async def test_a_table_of_a_thousand_services(central: Adapter, peripheral: Adapter) -> None:
    for _ in range(1_000):
        Service(UUID(0x1899))
    served(READ, initial_value=b"x")
    peripheral.start_advertising(named("Many"))
    async with connected(central, parse_target("Many"), timeout_s=PATIENCE_S) as device:
        table = await asyncio.wait_for(read_table(device.connection), PATIENCE_S)
        assert len(table.services) > 1_000
        with pytest.raises(NotFound, match="has no characteristic 'zzz'"):
            choose(table, "zzz")
