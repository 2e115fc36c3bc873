"""Requests and responses of discovery in words, and what they teach of attributes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from struct import Struct

from bleio.att import codec
from bleio.core.codes import GattUuid
from bleio.core.uuid import shorten, uuid16
from bleio.decoding.att.ends import NAMES, AttEnd, entries_of, listed
from bleio.decoding.names import uuid_text
from bleio.decoding.octets import Malformed, unpack, value_text
from bleio.decoding.said import Said

TYPE_SIZES = (2, 16)
_CHARACTERISTIC = uuid16(GattUuid.CHARACTERISTIC)
_SERVICES = (uuid16(GattUuid.PRIMARY_SERVICE), uuid16(GattUuid.SECONDARY_SERVICE))
_U16X2 = Struct("<HH")


def search(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    start, end = unpack(_U16X2, pdu, 1)
    text, rest = f"0x{start:04x} to 0x{end:04x}", pdu[5:]
    if pdu[0] == codec.FIND_INFORMATION_REQ:
        if rest:
            raise Malformed
    elif pdu[0] == codec.FIND_BY_TYPE_VALUE_REQ:
        if len(rest) < 2:
            raise Malformed
        value = rest[2:]
        shown = uuid_text(value) if len(value) in TYPE_SIZES else value_text(value)
        text = f"{uuid_text(rest[:2])} {shown}, {text}"
    else:
        if len(rest) not in TYPE_SIZES:
            raise Malformed
        text = f"{uuid_text(rest)}, {text}"
    return Said("ATT", f"{NAMES[pdu[0]]} {text}", attribute=start)


def information(pdu: bytes, sender: AttEnd, _receiver: AttEnd) -> Said:
    kind = pdu[1] if len(pdu) > 1 else 0
    if kind not in (codec.FORMAT_UUID16, codec.FORMAT_UUID128):
        raise Malformed
    said, entries = Said("ATT", ""), []
    for entry in entries_of(pdu[2:], 4 if kind == codec.FORMAT_UUID16 else 18):
        handle, uuid = int.from_bytes(entry[:2], "little"), entry[2:]
        entries.append(f"{uuid_text(uuid)} (0x{handle:04x})")
        said.learn.append(partial(sender.attributes.learn, handle, uuid))
    return listed(said, pdu[0], entries)


def by_type_value(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    said, entries = Said("ATT", ""), []
    request = receiver.request
    of_service = request[:1] == bytes((codec.FIND_BY_TYPE_VALUE_REQ,))
    uuid = request[7:] if of_service and request[5:7] in _SERVICES else b""
    for entry in entries_of(pdu[1:], 4):
        start, end = _U16X2.unpack(entry)
        entries.append(f"0x{start:04x} to 0x{end:04x}")
        if len(uuid) in TYPE_SIZES:
            said.learn.append(partial(sender.attributes.learn_service, start, uuid))
    return listed(said, pdu[0], entries)


def by_group_type(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    said, entries = Said("ATT", ""), []
    for entry in _sized_entries(pdu, 6):
        start, end = _U16X2.unpack_from(entry)
        value = entry[4:]
        services = shorten(receiver.request[5:]) in _SERVICES or not receiver.request
        if services and len(value) in TYPE_SIZES:
            name = uuid_text(value)
            said.learn.append(partial(sender.attributes.learn_service, start, value))
        else:
            name = value_text(value)
        entries.append(f"{name} (0x{start:04x} to 0x{end:04x})")
    return listed(said, pdu[0], entries)


def by_type(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    said, entries = Said("ATT", ""), []
    asked = receiver.request[5:] if receiver.request[:1] == b"\x08" else b""
    asked = shorten(asked) if len(asked) in TYPE_SIZES else b""
    for entry in _sized_entries(pdu, 2):
        handle, value = int.from_bytes(entry[:2], "little"), entry[2:]
        if asked == _CHARACTERISTIC and len(value) - 3 in TYPE_SIZES:
            value_handle, uuid = int.from_bytes(value[1:3], "little"), value[3:]
            entries.append(f"{uuid_text(uuid)} (0x{value_handle:04x})")
            said.learn.append(
                partial(sender.attributes.learn_characteristic, value_handle, uuid)
            )  # fmt: skip
            continue
        entries.append(f"0x{handle:04x} = {value_text(value)}")
        said.attribute = said.attribute or handle
        if asked:
            said.learn.append(partial(sender.attributes.learn, handle, asked))
    name = f" {uuid_text(asked)}" if asked else ""
    return listed(said, pdu[0], entries, name)


def _sized_entries(pdu: bytes, at_least: int) -> Iterator[bytes]:
    size = pdu[1] if len(pdu) > 1 else 0
    if size < at_least:
        raise Malformed
    return entries_of(pdu[2:], size)
