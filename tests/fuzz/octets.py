"""Targets that need neither a radio nor time: files, filters, strings, framers, captures."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from bleio.backends.hci.bonds import format as bond_format
from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.format import Contents, DamagedError, decode, encode
from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.capture.keys import KeyBlanker
from bleio.backends.hci.controller.h4 import MAX_NOISE_OCTETS, H4Parser
from bleio.backends.hci.counters import HciCounters
from bleio.core import pcapng
from bleio.core.address import DeviceAddress, parse_address
from bleio.core.advertising import Prefixes, structures
from bleio.core.advertising_fields import build, parse
from bleio.errors import CallerError
from bleio.radio.sharing.h4 import H4Error, H4Framer
from bleio.radio.sharing.hello import (
    JOIN,
    LONGEST_PROGRAM,
    MAX_OCTETS,
    Member,
    hello,
    is_hello,
    member_of,
    wish_of,
)
from bleio.radio.sharing.place import check_name
from bleio.radio.sharing.server.address import parse_listen_address
from bleio.runtime.selection import backend_for
from fuzz.decisions import Decisions
from fuzz.running import no_faults
from support.hci.simulated import SimulatedLoop

IDENTITY = DeviceAddress(bytes.fromhex("0102030405c6"), random=True)
LARGEST_PACKET = 5 + 0xFFFF


# Bond files

NAMES = (
    *("role", "address", "random", "ltk", "ediv", "rand", "authenticated", "secure_connections"),
    *("key_octets", "irk", "own_signing", "peer_signing", "client", "encrypted_values"),
    *("csrk", "counter", "cccds", "database_hash", "features", "version", "checksum", "bonds"),
)
GOOD_BOND: dict[str, Any] = {
    "role": "central", "address": "c6:05:04:03:02:01", "random": True, "ltk": "00" * 16,
    "ediv": 0, "rand": "00" * 8, "authenticated": False, "secure_connections": True,
    "key_octets": 16, "irk": None, "own_signing": None,
    "peer_signing": {"csrk": "11" * 16, "counter": 3, "authenticated": False},
    "client": {"cccds": [[9, 1]], "database_hash": "", "features": ""},
    "encrypted_values": ["0a2a"],
}  # fmt: skip


def any_json(random: Random, depth: int = 0) -> Any:
    """A value of any type, mostly one that might stand in such a file."""
    match random.randrange(10 if depth < 4 else 7):
        case 0:
            return None
        case 1:
            return random.random() < 0.5
        case 2:
            return random.choice((0, 1, -1, 16, 0xFFFF, 1 << 32, 1 << 70, 7.5, 1e400))
        case 3:
            return random.randbytes(random.choice((0, 2, 6, 8, 16, 17))).hex()
        case 4:
            return random.choice(("central", "peripheral", "c6:05:04:03:02:01", "0", "ä", "\0"))
        case 5 | 6:
            return random.getrandbits(16)
        case 7:
            return [any_json(random, depth + 1) for _ in range(random.randrange(4))]
        case _:
            return {
                random.choice(NAMES): any_json(random, depth + 1)
                for _ in range(random.randrange(4))
            }


def _changed(random: Random, good: dict[str, Any]) -> dict[str, Any]:
    """A copy in which some values are others, are missing or too many."""
    changed = json.loads(json.dumps(good))
    for _ in range(random.choice((0, 1, 1, 2))):
        place = changed
        while True:
            name = random.choice([*place, random.choice(NAMES)])
            inner = place.get(name)
            if not isinstance(inner, dict) or random.random() < 0.5:
                break
            place = inner
        if random.random() < 0.2:
            place.pop(name, None)
        else:
            place[name] = any_json(random)
    return changed


def bond_text(random: Decisions) -> bytes:
    """The octets of a file: any, or what has the form of one and mostly its checksum."""
    if random.random() < 0.25:
        return random.rest()
    bonds = [_changed(random, GOOD_BOND) for _ in range(random.randrange(4))]
    for number, bond in enumerate(bonds):
        if random.random() < 0.7:
            bond["address"] = f"c6:05:04:03:02:{number:02x}"
    body = {"irk": random.choice((None, "22" * 16, any_json(random))), "bonds": bonds}
    if random.random() < 0.1:
        body["bonds"] = any_json(random)
    checksum = bond_format._checksum(body)
    document = {"version": 1, "checksum": checksum, **body}
    text = json.dumps(_changed(random, document) if random.random() < 0.2 else document)
    return text.encode() + random.rest()[:4]


def bond_file(octets: bytes) -> None:
    """A file is damaged or a good one; a store serves on over either."""
    text = bond_text(Decisions(octets))
    contents: Contents | None = None
    try:
        contents = decode(text)
    except DamagedError:
        pass
    else:
        assert decode(encode(contents)) == contents
    with (
        tempfile.TemporaryDirectory(prefix="bleio-fuzz-") as folder,
        mock.patch.object(os, "fsync"),  # milliseconds each, and nothing is to survive
        no_faults(),
    ):
        store = FileBondStore(Path(folder), IDENTITY)
        store.path.write_bytes(text)
        Path(folder).chmod(0o700)
        found = store.all()
        assert found == (
            [] if contents is None else [(c, b) for (c, _), b in contents.bonds.items()]
        )
        bond = Bond(IDENTITY, bytes(16))
        store.save(bond, central=True)
        assert FileBondStore(Path(folder), IDENTITY).find(IDENTITY, central=True) is not None


# Advertising


def _plain_structures(data: bytes) -> list[bytes]:
    found = []
    while len(data) >= 2 and data[0]:
        found.append(data[1 : 1 + data[0]])
        data = data[1 + data[0] :]
    return found


def prefixes(octets: bytes) -> None:
    """A filter matches what a reading of the rules without any cleverness matches."""
    random = Decisions(octets)
    filter_octets = random.take(random.randrange(40))
    data = random.rest()
    found = _plain_structures(data)
    assert list(structures(data)) == found
    wanted, rest, cut = [], filter_octets, False
    while rest:
        prefix, cut = rest[1 : 1 + rest[0]], len(rest) < 1 + rest[0]
        rest = rest[1 + rest[0] :]
        if not cut:
            wanted.append(prefix)
    matches = [[each.startswith(prefix) for each in found] for prefix in wanted]
    read = Prefixes(filter_octets)
    assert read.match_any(data) is (any(map(any, matches)) if wanted else not cut)
    assert read.match_all(data) is (not cut and all(map(any, matches)))


def advertising_fields(octets: bytes) -> None:
    """Whatever is heard can be taken apart, put together again, and is then the same."""
    fields = parse(octets)
    assert parse(build(fields)) == fields


# Strings that people type


def strings(octets: bytes) -> None:
    """Adapter strings, addresses and names of radios are accepted or refused with a sentence."""
    text = octets.decode("utf-8", "surrogateescape")
    for read in (backend_for, parse_listen_address, check_name):
        _refused_in_a_sentence(read, text)
        for before in ("virtual:", "hci:", "tcp:", "unix:", "pty:", "tcp:[::1]:"):
            _refused_in_a_sentence(read, before + text)
    for before in ("", "tcp:127.0.0.1:1,address="):
        try:
            assert len(parse_address(before + text)) == 6
        except ValueError as error:
            assert str(error)


def _refused_in_a_sentence(read: Callable[[str], Any], text: str) -> None:
    try:
        read(text)
    except CallerError as error:
        assert len(str(error)) > 20
        str(error).encode("utf-8")  # it can be printed


# Framers


def h4_framer(octets: bytes) -> None:
    """The radio's side: the same packets however the stream is cut, nothing kept for long."""
    random = Decisions(octets)
    sizes = [1 + random.randrange(9) for _ in range(4)]
    stream = random.rest()
    whole = _framed([stream])
    cut = _framed(list(_cut(stream, sizes)))
    assert whole == cut
    assert all(len(packet) <= LARGEST_PACKET for packet in whole)


def _cut(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    number = at = 0
    while at < len(stream):
        yield stream[at : at + sizes[number % 4]]
        at += sizes[number % 4]
        number += 1


def _framed(parts: list[bytes]) -> list[bytes]:
    """All packets of a serial line, which is found again after each fault."""
    framer, packets = H4Framer(), []
    for part in parts:
        try:
            packets += _each(framer.feed(part), packets)
        except H4Error:
            _found_again(framer, packets)
        assert len(framer._buffer) <= LARGEST_PACKET + len(part)
    return packets


def _each(found: Iterator[bytes], packets: list[bytes]) -> list[bytes]:
    for packet in found:
        packets.append(packet)
    return []


def _found_again(framer: H4Framer, packets: list[bytes]) -> None:
    try:
        _each(framer.resynchronise(), packets)
    except H4Error:
        _found_again(framer, packets)


class _Line:
    """What a line's packets are given to."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.given_up = 0

    def on_packet(self, packet: bytes) -> None:
        self.packets.append(packet)

    def on_noise(self, why: str) -> None:
        assert why
        self.given_up += 1


def h4_parser(octets: bytes) -> None:
    """The host's side: octets are packets or noise, each counted once, and a stall is got over."""
    random = Decisions(octets)
    sizes = [1 + random.randrange(200) for _ in range(4)]
    stall = random.random() < 0.5
    stream = random.rest()

    async def feed() -> None:
        line, counters = _Line(), HciCounters()
        parser = H4Parser(line, counters)
        for part in _cut(stream, sizes):
            parser.feed_data(part)
            if stall:
                await asyncio.sleep(0.3)
        await asyncio.sleep(0.6 * (len(stream) + 1))  # whatever began must be over by then
        if not line.given_up:
            assert not parser._line
            assert sum(map(len, line.packets)) + counters.noise_octets == len(stream)
        assert line.given_up == (counters.noise_octets > MAX_NOISE_OCTETS) or not line.given_up
        for packet in line.packets:
            head = struct.unpack_from("<HH", packet, 1)[1] + 5 if packet[0] == 2 else packet[2] + 3
            assert len(packet) == head
        parser.close()

    in_loop(feed())


def in_loop(work: Any) -> None:
    """Run a coroutine in simulated time; a fault in a callback is a fault."""
    loop = SimulatedLoop()
    complaints: list[str] = []
    loop.set_exception_handler(lambda _, context: complaints.append(repr(context)))
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()
    assert not complaints, complaints


# The first words on a shared radio's socket


def hello_words(octets: bytes) -> None:
    """Only the right words are a hello."""
    random = Decisions(octets)
    secret = random.take(random.choice((0, 32)))
    line = random.rest()
    if is_hello(line, "desk", secret):
        assert line.startswith(hello("desk", secret)[:-1])
        member = member_of(line, "desk", secret)
        assert len(member.program) <= LONGEST_PROGRAM and member.pid >= 0
    if (wish := wish_of(line, "desk", secret)) is not None:
        assert line.startswith(hello("desk", secret, wish=wish)[:-1])
    assert wish_of(hello("desk", secret), "desk", secret) == JOIN
    member = Member(len(line), line.decode("utf-8", "replace"))
    words = hello("desk", secret, member)
    assert is_hello(words, "desk", secret) and len(words) <= MAX_OCTETS
    assert words[len(hello("desk", secret)) :].count(b"\n") == 1
    assert member.program.startswith(member_of(words, "desk", secret).program)


# Captures


def captures(octets: bytes) -> None:
    """Any packets can be written, are read back as they were, and have no key in them."""
    random = Decisions(octets)
    blankers = KeyBlanker(), KeyBlanker()
    name = random.take(random.randrange(12)).decode("utf-8", "surrogateescape")
    file = pcapng.section(name) + pcapng.interface(pcapng.LINKTYPE_HCI_H4_WITH_PHDR, name)
    snoop = pcapng.btsnoop_header()
    written: list[tuple[bool, bytes]] = []
    while random.left:
        to_host = random.random() < 0.5
        packet = bytes((random.choice((1, 2, 4, random.randrange(256))),))
        packet += random.take(random.choice((0, 1, 4, 5, 9, 10, 40)))
        blanked = blankers[to_host].blank(packet)
        assert len(blanked) == len(packet)
        assert all(new in (0, old) for new, old in zip(blanked, packet, strict=True))
        written.append((to_host, blanked))
        at_us = random.getrandbits(40)
        record = pcapng.h4_with_direction(blanked, to_host=to_host)
        file += pcapng.packet(0, at_us, record)
        snoop += pcapng.btsnoop_packet(at_us, blanked, to_host=to_host)
    assert list(_read_pcapng(file)) == written
    assert list(_read_btsnoop(snoop)) == written


def _read_pcapng(file: bytes) -> Iterator[tuple[bool, bytes]]:
    at = 0
    while at < len(file):
        kind, length = struct.unpack_from("<II", file, at)
        assert length % 4 == 0 and file[at + length - 4 : at + length] == struct.pack("<I", length)
        if kind == 6:
            captured, original = struct.unpack_from("<II", file, at + 20)
            assert captured == original
            record = file[at + 28 : at + 28 + captured]
            yield record[:4] == b"\0\0\0\1", record[4:]
        at += length


def _read_btsnoop(file: bytes) -> Iterator[tuple[bool, bytes]]:
    at = 16
    while at < len(file):
        original, captured, flags = struct.unpack_from(">III", file, at)
        assert captured == original
        yield bool(flags & 1), file[at + 24 : at + 24 + captured]
        at += 24 + captured
