"""Prepared writes: order, limits, and all or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.att import prepared
from bleio.att.database import Database, TableEntry
from bleio.att.server import AttServer
from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.core.security import LinkSecurity
from bleio.core.uuid import uuid16


class Table:
    """Attributes 1 to 4; 3 takes exactly 4 octets, the others up to 40."""

    def __init__(self) -> None:
        self.values = dict.fromkeys((1, 2, 3, 4), b"before")
        self.writes: list[tuple[int, bytes]] = []
        self.database = Database()
        self.database.replace(1, 4, [self._attribute(handle) for handle in self.values])
        self.security = LinkSecurity()
        self.server = AttServer(self.database, None, self.security)

    def _attribute(self, handle: int) -> TableEntry:
        def check(client: Any, value: bytes) -> int:
            fits = len(value) == 4 if handle == 3 else len(value) <= 40
            return 0 if fits else AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH

        def write(client: Any, value: bytes) -> None:
            self.values[handle] = value
            self.writes.append((handle, value))

        return TableEntry(
            handle,
            uuid16(0x2A00),
            lambda client: self.values[handle],
            check=check,
            write=write,
            write_mode=SecurityMode.OPEN if handle != 4 else SecurityMode.ENCRYPT_NO_MITM,
        )

    def prepare(self, handle: int, offset: int, value: bytes) -> str:
        octets = handle.to_bytes(2, "little") + offset.to_bytes(2, "little") + value
        answer = self.server.answer(b"\x16" + octets)
        assert answer is not None
        if answer[0] == 0x17:
            assert answer[1:] == octets
        return answer.hex(" ")

    def execute(self, flags: int = 1) -> str:
        answer = self.server.answer(bytes((0x18, flags)))
        assert answer is not None
        return answer.hex(" ")


def test_nothing_is_written_before_execute() -> None:
    table = Table()
    table.prepare(1, 0, b"ab")
    table.prepare(1, 2, b"cd")
    assert table.writes == []
    assert table.execute() == "19"
    assert table.writes == [(1, b"abcd")]  # one write of the whole value
    assert table.execute() == "19"
    assert len(table.writes) == 1


def test_values_are_written_in_the_order_they_were_begun() -> None:
    table = Table()
    for part in ((2, 0, b"a"), (1, 0, b"b"), (2, 1, b"A"), (1, 1, b"B"), (2, 0, b"again")):
        table.prepare(*part)
    table.execute()
    assert table.writes == [(2, b"aA"), (1, b"bB"), (2, b"again")]


def test_a_part_in_the_middle_goes_into_the_present_value() -> None:
    table = Table()
    table.prepare(1, 2, b"XX")
    table.execute()
    assert table.values[1] == b"beXXre"


def test_parts_may_overlap() -> None:
    table = Table()
    table.prepare(1, 0, b"abcdef")
    table.prepare(1, 2, b"XY")
    table.execute()
    assert table.values[1] == b"abXYef"


def test_cancelling() -> None:
    table = Table()
    table.prepare(1, 0, b"x")
    assert table.execute(0) == "19"
    assert table.execute(1) == "19"
    assert table.writes == []


@pytest.mark.parametrize(("bad", "code"), [((2, 9, b"gap"), 0x07), ((3, 0, b"short"), 0x0D)])
def test_all_or_nothing(bad: tuple[int, int, bytes], code: int) -> None:
    table = Table()
    table.prepare(1, 0, b"good")
    table.prepare(*bad)
    assert table.execute() == f"01 18 {bad[0]:02x} 00 {code:02x}"
    assert table.writes == []
    assert table.execute() == "19"  # the queue is empty after a failure too
    assert table.writes == []


def test_too_long_a_value() -> None:
    table = Table()
    table.prepare(1, 0, bytes(18))
    table.prepare(1, 18, bytes(18))
    table.prepare(1, 36, bytes(5))
    assert table.execute() == "01 18 01 00 0d"
    assert table.values[1] == b"before"


def test_no_value_is_assembled_beyond_512_octets() -> None:
    table = Table()
    table.values[1] = bytes(600)
    table.prepare(1, 510, bytes(3))
    assert table.execute() == "01 18 01 00 0d"


def test_permission_is_checked_when_preparing() -> None:
    table = Table()
    assert table.prepare(4, 0, b"x") == "01 16 04 00 05"
    assert table.execute() == "19"
    assert table.writes == []


def test_an_attribute_that_went_away_meanwhile() -> None:
    table = Table()
    table.prepare(1, 0, b"x")
    table.prepare(2, 0, b"x")
    table.database.replace(2, 2, ())
    assert table.execute() == "01 18 02 00 01"
    assert table.writes == []


def test_the_queue_is_bounded_in_parts() -> None:
    table = Table()
    for _ in range(prepared.MAX_PARTS):
        assert table.prepare(1, 0, b"")[:2] == "17"
    assert table.prepare(1, 0, b"") == "01 16 01 00 09"
    assert table.execute() == "19"
    assert table.prepare(1, 0, b"")[:2] == "17"


def test_the_queue_is_bounded_in_octets() -> None:
    table = Table()
    table.server.mtu = 517
    for _ in range(prepared.MAX_QUEUED_OCTETS // 512):
        assert table.prepare(1, 0, bytes(512))[:2] == "17"
    assert table.prepare(1, 0, b"x") == "01 16 01 00 09"
    assert len(table.server.prepared) == 8
    table.execute(0)
    assert table.prepare(1, 0, bytes(512))[:2] == "17"
