"""Lookups by handle, range and type, and what replacing leaves."""

from bleio.att.database import Database, TableEntry
from bleio.core.uuid import expand, uuid16


def attribute(handle: int, uuid: bytes = uuid16(0x2A00)) -> TableEntry:
    return TableEntry(handle, uuid, lambda client: b"")


def handles(attributes: object) -> list[int]:
    return [one.handle for one in attributes]  # type: ignore[attr-defined]


def test_range_includes_both_ends() -> None:
    database = Database()
    database.replace(1, 9, map(attribute, (2, 4, 6, 8)))
    assert handles(database.in_range(4, 6)) == [4, 6]
    assert handles(database.in_range(5, 5)) == []
    assert handles(database.in_range(1, 0xFFFF)) == [2, 4, 6, 8]


def test_types_compare_by_value_whatever_their_size() -> None:
    database = Database()
    long = expand(uuid16(0x2A00))
    database.replace(1, 3, [attribute(1), attribute(2, long), attribute(3, uuid16(0x2A01))])
    for uuid in (uuid16(0x2A00), long):
        assert handles(database.of_type(uuid, 1, 0xFFFF)) == [1, 2]
    assert handles(database.of_type(uuid16(0x2A00), 2, 0xFFFF)) == [2]
    assert handles(database.of_type(uuid16(0x2A02), 1, 0xFFFF)) == []


def test_replacing_removes_all_traces_of_what_was_there() -> None:
    database = Database()
    database.replace(1, 3, map(attribute, (1, 2, 3)))
    database.replace(2, 2, [attribute(2, uuid16(0x2A01))])
    assert handles(database) == [1, 2, 3]
    assert handles(database.of_type(uuid16(0x2A00), 1, 9)) == [1, 3]
    database.replace(1, 2, ())
    assert database.get(1) is None and database.get(3) is not None
    assert len(database) == 1
    assert handles(database.of_type(uuid16(0x2A01), 1, 9)) == []


def test_a_group_without_an_end_is_itself() -> None:
    assert attribute(5).group_end == 5
