"""How bonds are written and read: every field, and every kind of damage."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bleio.backends.hci.bonds.format import (
    MAX_FILE_OCTETS,
    VERSION,
    Contents,
    DamagedError,
    _checksum,
    decode,
    encode,
)
from bleio.backends.hci.bonds.store import MAX_BONDS, Bond, ClientState, SigningKey
from bleio.backends.hci.security.trust import MAX_NAMES
from bleio.core.address import DeviceAddress

key = st.binary(min_size=16, max_size=16)
address = st.builds(DeviceAddress, st.binary(min_size=6, max_size=6), st.booleans())


def _ahead(settled: SigningKey, by: int) -> SigningKey:
    ahead = min(settled.counter + by, 1 << 32)
    return replace(settled, ahead=ahead) if ahead > settled.counter else settled


settled = st.builds(SigningKey, key, st.integers(0, 1 << 32), st.booleans(), st.just(0))
signing = st.builds(_ahead, settled, st.integers(0, 100))
name = st.binary(min_size=8, max_size=8)
cccd = st.tuples(st.integers(1, 0xFFFF), st.integers(0, 0xFFFF))
client = st.builds(
    ClientState,
    st.lists(cccd, max_size=4).map(tuple),
    st.just(b"") | key,
    st.binary(max_size=8),
)
bond = st.builds(
    Bond,
    identity=address,
    ltk=key,
    ediv=st.integers(0, 0xFFFF),
    rand=st.binary(min_size=8, max_size=8),
    authenticated=st.booleans(),
    secure_connections=st.booleans(),
    key_octets=st.integers(7, 16),
    irk=st.none() | key,
    own_signing=st.none() | signing,
    peer_signing=st.none() | signing,
    client=client,
    encrypted_values=st.frozensets(st.binary(min_size=2, max_size=2) | name, max_size=4),
)

FULL = Bond(
    identity=DeviceAddress(bytes.fromhex("0102030405c6"), random=True),
    ltk=bytes(range(16)),
    ediv=0x1234,
    rand=bytes(range(8)),
    authenticated=True,
    secure_connections=False,
    key_octets=7,
    irk=bytes(range(16, 32)),
    own_signing=SigningKey(bytes(range(32, 48)), 5, authenticated=True),
    peer_signing=SigningKey(bytes(range(48, 64)), 1 << 32),
    client=ClientState(((3, 2), (9, 1)), bytes(range(64, 80)), b"\x01"),
    encrypted_values=frozenset((bytes(range(8)), b"\x12\x00")),
)
PLAIN = Bond(DeviceAddress(b"\1\2\3\4\5\6"), bytes(16))
CONTENTS = Contents(
    bytes(range(80, 96)), {(True, FULL.identity): FULL, (False, PLAIN.identity): PLAIN}
)
WHOLE = encode(CONTENTS)


@given(st.lists(st.tuples(st.booleans(), bond), max_size=4), st.none() | key)
def test_all_fields_come_back(bonds: list[tuple[bool, Bond]], irk: bytes | None) -> None:
    contents = Contents(irk, {(central, each.identity): each for central, each in bonds})
    back = decode(encode(contents))
    assert back == contents
    assert list(back.bonds) == list(contents.bonds)  # their order is their age


def test_a_file_of_version_1_stays_readable() -> None:
    """What this version has written must be understood by all that follow."""
    octets = b"""{"version": 1,
     "checksum": "e8347ff64e3eea0d9a04d4511f40e7a6fa2c58f628fb21a15d8b70a571fdde48",
     "irk": "000102030405060708090a0b0c0d0e0f", "bonds": [
     {"role": "peripheral", "address": "c6:05:04:03:02:01", "random": true,
      "ltk": "101112131415161718191a1b1c1d1e1f", "ediv": 1, "rand": "0001020304050607",
      "authenticated": false, "secure_connections": false, "key_octets": 16, "irk": null,
      "own_signing": null,
      "peer_signing": {"csrk": "202122232425262728292a2b2c2d2e2f", "counter": 7,
                       "authenticated": true},
      "client": {"cccds": [[4, 2]], "database_hash": "", "features": "01"},
      "encrypted_values": ["1200", "0001020304050607"]}]}"""
    contents = decode(octets)
    assert contents.irk == bytes(range(16))
    ((central, bond),) = [(central, bond) for (central, _), bond in contents.bonds.items()]
    assert not central
    assert bond == Bond(
        DeviceAddress(bytes.fromhex("0102030405c6"), random=True),
        bytes(range(16, 32)),
        ediv=1,
        rand=bytes(range(8)),
        secure_connections=False,
        peer_signing=SigningKey(bytes(range(32, 48)), 7, authenticated=True),
        client=ClientState(((4, 2),), b"", b"\1"),
        encrypted_values=frozenset((b"\x12\0", bytes(range(8)))),
    )


def test_cut_anywhere() -> None:
    for length in range(len(WHOLE) - 1):  # the last octet is only the end of the line
        with pytest.raises(DamagedError):
            decode(WHOLE[:length])


def test_an_octet_lost_or_zeroed_anywhere_does_no_harm() -> None:
    for position in range(len(WHOLE)):
        for damaged in (
            WHOLE[:position] + WHOLE[position + 1 :],
            WHOLE[:position] + b"\0" + WHOLE[position + 1 :],
        ):
            try:
                contents = decode(damaged)
            except DamagedError:
                continue
            assert contents == CONTENTS  # it was white space


@given(st.binary(max_size=200))
def test_any_octets(octets: bytes) -> None:
    with pytest.raises(DamagedError):
        decode(octets)


HEAD = b'{"version": 1, "checksum": "x", "irk": null, "bonds": '
IN_A_BOND = WHOLE.index(b'"cccds":') + len(b'"cccds":')


@pytest.mark.parametrize("begin", [HEAD, WHOLE[:IN_A_BOND], b""], ids=["bonds", "cccds", "all"])
@pytest.mark.parametrize("brackets", [b"[]", b'{"a":}'])
def test_nesting_of_any_depth(begin: bytes, brackets: bytes) -> None:
    """Also just as deep as the reader allows, where what comes after it would go too deep."""
    left, right = brackets[:-1], brackets[-1:]
    for depth in (1, 2, 5, 50, *range(900, 1010), 10_000, 200_000):
        with pytest.raises(DamagedError):
            decode(begin + left * depth + b"[]" + right * depth + WHOLE[IN_A_BOND + 2 :])
        with pytest.raises(DamagedError):
            decode(begin + left * depth + b"[]" + right * depth + b"}")


def test_all_that_can_be_bonded_fits() -> None:
    client = ClientState(tuple((handle, 2) for handle in range(64_000, 65_000)), bytes(16), b"\1")
    names = frozenset(number.to_bytes(8, "big") for number in range(MAX_NAMES))
    bonds = {}
    for number in range(2 * MAX_BONDS):
        peer = DeviceAddress(number.to_bytes(6, "big"))
        bonds[bool(number % 2), peer] = replace(
            FULL, identity=peer, client=client, encrypted_values=names
        )
    contents = Contents(bytes(16), bonds)
    assert decode(encode(contents)) == contents


@pytest.mark.parametrize("value", [b"[]", b"{}", b"1", b'""'])
def test_more_values_than_there_can_be(value: bytes) -> None:
    items = b",".join([value] * (1 << 19))
    with pytest.raises(DamagedError, match="it has too many values"):
        decode(HEAD + b"[" + items + b"]}")


def test_too_long() -> None:
    with pytest.raises(DamagedError, match="it is too long"):
        decode(WHOLE + b" " * MAX_FILE_OCTETS)


def with_change(path: tuple[Any, ...], value: Any) -> bytes:
    """Give a file whose checksum is right, with another value somewhere; None takes it out."""
    document = json.loads(WHOLE)
    where = document
    for step in path[:-1]:
        where = where[step]
    if value is ...:
        del where[path[-1]]
    else:
        where[path[-1]] = value
    body = {name: document.get(name) for name in ("irk", "bonds")}
    if path != ("checksum",):
        document["checksum"] = _checksum(body)
    return json.dumps(document).encode()


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List where every value of the document is."""
    if isinstance(value, dict):
        steps: Any = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    else:
        return [path]
    return [path, *(found for step, inner in steps for found in paths(inner, (*path, step)))]


ALL_PATHS = [path for path in paths(json.loads(WHOLE)) if path]


def test_the_document_has_what_the_next_tests_change() -> None:
    assert decode(with_change(("irk",), json.loads(WHOLE)["irk"])) == CONTENTS
    assert len(ALL_PATHS) > 40


@pytest.mark.parametrize("path", ALL_PATHS, ids=str)
def test_a_value_of_another_type(path: tuple[Any, ...]) -> None:
    for value in ({"a": 1}, [[]], 1.5, "zz", -1, 1 << 40, True, None):
        octets = with_change(path, value)
        try:
            contents = decode(octets)
        except DamagedError:
            continue
        # Then it was a good value for this field: it is written as it was read.
        written = json.loads(encode(contents))
        for step in path:
            written = written[step]
        assert written == value
        assert type(written) is type(value)


@pytest.mark.parametrize("path", [path for path in ALL_PATHS if isinstance(path[-1], str)], ids=str)
def test_a_field_that_is_missing(path: tuple[Any, ...]) -> None:
    with pytest.raises(DamagedError):
        decode(with_change(path, ...))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), VERSION + 1),
        (("version",), str(VERSION)),
        (("more",), 1),
        (("bonds", 0, "more"), 1),
        (("bonds", 0, "role"), "Central"),
        (("bonds", 0, "address"), "01:02:03:04:05"),
        (("bonds", 0, "ltk"), "00" * 15),
        (("bonds", 0, "ltk"), "0" * 31),
        (("bonds", 0, "ediv"), 0x10000),
        (("bonds", 0, "key_octets"), 17),
        (("bonds", 0, "key_octets"), 6),
        (("bonds", 0, "own_signing", "counter"), (1 << 32) + 1),
        (("bonds", 0, "client", "cccds"), [[1, 2, 3]]),
        (("bonds", 0, "client", "cccds"), [[0, 1]]),
        (("bonds", 0, "client", "cccds"), [[1, True]]),
        (("bonds", 0, "client", "database_hash"), "00"),
        (("bonds", 0, "client", "features"), "00" * 9),
        (("bonds", 1), json.loads(WHOLE)["bonds"][0]),
        (("checksum",), "0" * 64),
    ],
)
def test_a_value_that_cannot_be(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(DamagedError):
        decode(with_change(path, value))


def test_another_version_is_named_as_the_reason() -> None:
    with pytest.raises(DamagedError, match="another version of bleio wrote it"):
        decode(with_change(("version",), 2))


def test_keys_are_not_in_reprs_nor_in_what_is_said_of_damage() -> None:
    text = repr(CONTENTS)
    for octets in (CONTENTS.irk, FULL.ltk, FULL.irk, FULL.own_signing.csrk):  # type: ignore[union-attr]
        assert octets is not None
        assert repr(octets)[2:-1] not in text
        assert octets.hex() not in text
    secret = "5ec2e7" * 5 + "xx"
    for path in ALL_PATHS:
        with pytest.raises(DamagedError) as caught:
            decode(with_change(path, secret))
        assert secret not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
