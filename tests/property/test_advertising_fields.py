"""Advertising data: all that is heard can be taken apart, and fields survive the way by air."""

from __future__ import annotations

from hypothesis import given, strategies as st

from bleio.core.advertising import structures
from bleio.core.advertising_fields import AdType, AdvertisingFields, build, parse

KNOWN = frozenset(AdType)


def sorted_by_size(uuids: list[bytes]) -> tuple[bytes, ...]:
    return tuple(sorted(uuids, key=len))


uuid = st.sampled_from((2, 4, 16)).flatmap(lambda size: st.binary(min_size=size, max_size=size))
uuids = st.lists(uuid, max_size=150).map(sorted_by_size)
content = st.binary(max_size=238)
service_data = st.lists(st.tuples(uuid, content), max_size=4).map(
    lambda pairs: tuple(sorted(pairs, key=lambda pair: len(pair[0])))
)
unknown = st.integers(0, 255).filter(lambda each: each not in KNOWN)
name = st.none() | st.text(st.characters(codec="utf-8"), max_size=60)
others = st.lists(st.tuples(unknown, content).map(lambda it: bytes((it[0],)) + it[1]), max_size=4)
fields = st.builds(
    AdvertisingFields,
    flags=st.none() | st.integers(0, 255),
    services=uuids,
    more_services=uuids,
    solicited=uuids,
    service_data=service_data,
    manufacturer_data=st.lists(st.tuples(st.integers(0, 0xFFFF), content), max_size=4).map(tuple),
    appearance=st.none() | st.integers(0, 0xFFFF),
    tx_power_dbm=st.none() | st.integers(-128, 127),
    complete_name=name,
    shortened_name=name,
    others=others.map(tuple),
)
# Octets at random are rarely structures; these mostly are, and many are of known types.
structure = st.tuples(st.sampled_from(sorted(KNOWN)) | st.integers(0, 255), content).map(
    lambda it: bytes((len(it[1]) + 1, it[0])) + it[1]
)
likely = st.tuples(st.lists(structure, max_size=8).map(b"".join), st.binary(max_size=8)).map(
    b"".join
)


@given(fields)
def test_fields_come_back(fields: AdvertisingFields) -> None:
    assert parse(build(fields)) == fields


@given(st.binary() | likely)
def test_any_octets_can_be_taken_apart(data: bytes) -> None:
    fields = parse(data)
    assert parse(build(fields)) == fields


@given(st.binary() | likely)
def test_nothing_is_lost(data: bytes) -> None:
    """Octet for octet: lists may be joined and structures in another order, no more."""

    def said(octets: bytes) -> list[tuple[int, bytes]]:
        contents: dict[int, bytes] = {}
        for each in structures(octets):
            contents[each[0]] = contents.get(each[0], b"") + each[1:]
        return [(ad_type, bytes(sorted(joined))) for ad_type, joined in sorted(contents.items())]

    assert said(build(parse(data))) == said(data)


@given(fields)
def test_each_structure_is_one_that_can_be_sent(fields: AdvertisingFields) -> None:
    data = build(fields)
    assert sum(1 + len(each) for each in structures(data)) == len(data)
