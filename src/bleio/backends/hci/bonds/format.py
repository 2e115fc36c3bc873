"""How bonds are written: JSON with a version and a checksum, and strictly checked when read.

A file is believed only as a whole: exactly these fields, each of its type and in its range. It may
come from another version, a disk error or another program, and a key that is wrong by one digit
looks as good as a right one; so there is a checksum, and a version that is not ours is not guessed
at. What is wrong is said without a word of what is in the file, for that is keys.

Links stand still while a file is read. So its length and the number of its values have limits, far
above what can be bonded, below which the worst of files is read in a fraction of a second. The
checksum is made of what has been found to be bonds, field by field: made of anything, it would go
down as deep as somebody has nested it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from bleio.backends.hci.bonds.store import Bond, BondsByRole, ClientState, SigningKey
from bleio.core.address import DeviceAddress, parse_address

VERSION = 1
# MAX_BONDS for each role, each with MAX_NAMES encrypted values and 1000 subscriptions, fit.
MAX_FILE_OCTETS = 1 << 21
_MOST_VALUES, _MOST_LISTS = 1 << 18, 1 << 17

_ROLES = {"central": True, "peripheral": False}


class DamagedError(Exception):
    """The text is not what we wrote; says why, without the text."""


@dataclass(slots=True)
class Contents:
    """What one file holds."""

    irk: bytes | None = field(default=None, repr=False)
    bonds: BondsByRole = field(default_factory=dict)


def encode(contents: Contents) -> bytes:
    """Return the file's octets."""
    body = {
        "irk": _hex(contents.irk),
        "bonds": [
            {"role": "central" if central else "peripheral", **_encode_bond(bond)}
            for (central, _), bond in contents.bonds.items()
        ],
    }
    document = {"version": VERSION, "checksum": _checksum(body), **body}
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def decode(octets: bytes) -> Contents:
    """Return what a file's octets say. Raises: DamagedError."""
    if len(octets) > MAX_FILE_OCTETS:
        raise DamagedError("it is too long")
    if octets.count(b",") > _MOST_VALUES or octets.count(b"[") + octets.count(b"{") > _MOST_LISTS:
        raise DamagedError("it has too many values")
    try:
        document = json.loads(octets.decode("ascii"))
    except (ValueError, RecursionError):  # no JSON, not ASCII, or nested too deep
        raise DamagedError("it is not whole") from None
    if not isinstance(document, dict):
        raise DamagedError("it is not a file of bonds")
    version = document.get("version")
    if type(version) is not int or version != VERSION:
        raise DamagedError("another version of bleio wrote it")
    fields = _Fields(document, "version", "checksum", "irk", "bonds")
    contents = Contents(fields.octets_or_null("irk", 16))
    for item in fields.take("bonds", list):
        central, bond = _decode_bond(item)
        # Which of two is the right one cannot be known, and the wrong one's keys open a link.
        if (central, bond.identity) in contents.bonds:
            raise DamagedError("it has two bonds with one peer")
        contents.bonds[central, bond.identity] = bond
    body = {"irk": document["irk"], "bonds": document["bonds"]}
    if fields.take("checksum", str) != _checksum(body):
        raise DamagedError("its checksum is wrong")
    return contents


def _checksum(body: dict[str, Any]) -> str:
    """Tell damage that is still good JSON, such as another digit of a key."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _encode_bond(bond: Bond) -> dict[str, Any]:
    """Return a bond's fields. Addresses are written as people write them, most significant octet
    first; keys as they are, least significant first."""
    return {
        "address": bond.identity.octets[::-1].hex(":"),
        "random": bond.identity.random,
        "ltk": bond.ltk.hex(),
        "ediv": bond.ediv,
        "rand": bond.rand.hex(),
        "authenticated": bond.authenticated,
        "secure_connections": bond.secure_connections,
        "key_octets": bond.key_octets,
        "irk": _hex(bond.irk),
        "own_signing": _encode_signing(bond.own_signing),
        "peer_signing": _encode_signing(bond.peer_signing),
        "client": {
            "cccds": [list(pair) for pair in bond.client.cccds],
            "database_hash": bond.client.database_hash.hex(),
            "features": bond.client.features.hex(),
        },
        "encrypted_values": sorted(name.hex() for name in bond.encrypted_values),
    }


def _encode_signing(key: SigningKey | None) -> dict[str, Any] | None:
    if key is None:
        return None
    ahead = {} if key.least == key.counter else {"ahead": key.ahead}
    return {
        "csrk": key.csrk.hex(),
        "counter": key.counter,
        "authenticated": key.authenticated,
        **ahead,
    }


def _hex(octets: bytes | None) -> str | None:
    return None if octets is None else octets.hex()


class _Fields:
    """An object of the file, which must have exactly these names.

    Its methods take values out and say in words what is wrong with one, without the value.
    """

    def __init__(self, value: object, *names: str) -> None:
        if not isinstance(value, dict) or set(value) != set(names):
            raise DamagedError("it has not the fields it should have")
        self._values: dict[str, Any] = value

    def take(self, name: str, kind: type) -> Any:
        """Return a value of exactly this type; a bool is no int."""
        value = self._values[name]
        if type(value) is not kind:
            raise DamagedError(f"its {name} is of the wrong type")
        return value

    def is_null(self, name: str) -> bool:
        return self._values[name] is None

    # Typed access: a file that was changed by hand must not put a string where a key is expected.

    def number(self, name: str, low: int, high: int) -> int:
        value: int = self.take(name, int)
        if not low <= value <= high:
            raise DamagedError(f"its {name} is out of range")
        return value

    def octets(self, name: str, *lengths: int) -> bytes:
        try:
            value = bytes.fromhex(self.take(name, str))
        except ValueError:
            raise DamagedError(f"its {name} is not hexadecimal") from None
        if len(value) not in lengths:
            raise DamagedError(f"its {name} has the wrong length")
        return value

    def octets_or_null(self, name: str, length: int) -> bytes | None:
        return None if self.is_null(name) else self.octets(name, length)


def _decode_bond(value: object) -> tuple[bool, Bond]:
    names = ("address", "random", "ltk", "ediv", "rand", "authenticated", "secure_connections")
    more = ("key_octets", "irk", "own_signing", "peer_signing", "client", "encrypted_values")
    fields = _Fields(value, "role", *names, *more)
    role = fields.take("role", str)
    if role not in _ROLES:
        raise DamagedError("its role is neither central nor peripheral")
    bond = Bond(
        identity=_identity(fields),
        ltk=fields.octets("ltk", 16),
        ediv=fields.number("ediv", 0, 0xFFFF),
        rand=fields.octets("rand", 8),
        authenticated=fields.take("authenticated", bool),
        secure_connections=fields.take("secure_connections", bool),
        key_octets=fields.number("key_octets", 7, 16),
        irk=fields.octets_or_null("irk", 16),
        own_signing=_decode_signing(fields, "own_signing"),
        peer_signing=_decode_signing(fields, "peer_signing"),
        client=_decode_client(fields.take("client", dict)),
        encrypted_values=frozenset(map(_value_name, fields.take("encrypted_values", list))),
    )
    return _ROLES[role], bond


def _identity(fields: _Fields) -> DeviceAddress:
    try:
        octets = parse_address(fields.take("address", str))
    except ValueError:
        raise DamagedError("its address is none") from None
    return DeviceAddress(octets, fields.take("random", bool))


def _decode_signing(bond: _Fields, name: str) -> SigningKey | None:
    if bond.is_null(name):
        return None
    value = bond.take(name, dict)
    ahead = ("ahead",) if "ahead" in value else ()  # only while a link uses the key
    fields = _Fields(value, "csrk", "counter", "authenticated", *ahead)
    return SigningKey(
        fields.octets("csrk", 16),
        fields.number("counter", 0, 1 << 32),  # one more than the last that can be sent
        fields.take("authenticated", bool),
        fields.number("ahead", 0, 1 << 32) if ahead else 0,
    )


def _decode_client(value: dict[str, Any]) -> ClientState:
    fields = _Fields(value, "cccds", "database_hash", "features")
    return ClientState(
        tuple(_cccd(pair) for pair in fields.take("cccds", list)),
        fields.octets("database_hash", 0, 16),
        fields.octets("features", *range(9)),
    )


def _value_name(value: object) -> bytes:
    return _Fields({"encrypted_values": value}, "encrypted_values").octets("encrypted_values", 2, 8)


def _cccd(value: object) -> tuple[int, int]:
    if not isinstance(value, list) or [type(number) for number in value] != [int, int]:
        raise DamagedError("its cccds are not pairs of numbers")
    handle, bits = value
    if not (0 < handle <= 0xFFFF and 0 <= bits <= 0xFFFF):
        raise DamagedError("its cccds are out of range")
    return handle, bits
