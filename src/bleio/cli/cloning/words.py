"""Values in words, beside the octets: in comments of a program, and in its record.

They are put in last, since a descriptor may say how its characteristic's values are to be read.
"""

from __future__ import annotations

from bleio.cli.cloning.literals import is_text
from bleio.cli.cloning.record import Characteristic, Record
from bleio.core.uuid import shorten
from bleio.values import decode, decode_descriptor

_PRESENTATION_FORMAT = b"\x04\x29"


def put_words(record: Record) -> None:
    """Say of all values what they mean, as far as anybody knows that."""
    for service in record.services:
        for each in service.characteristics:
            _put(each)


def _put(it: Characteristic) -> None:
    presentation = _presentation(it)
    if it.read.values:
        it.read.shown = _words(it.uuid, it.read.values[0], presentation)
    for sent in it.sent:
        sent.shown = _words(it.uuid, sent.value, presentation)
    for descriptor in it.descriptors:
        if descriptor.read.values and not is_text(descriptor.read.values[0]):
            descriptor.read.shown = decode_descriptor(
                descriptor.uuid, descriptor.read.values[0]
            ).text


def _presentation(it: Characteristic) -> bytes | None:
    for each in it.descriptors:
        if shorten(each.uuid) == _PRESENTATION_FORMAT and each.read.values:
            return each.read.values[0]
    return None


def _words(uuid: bytes, value: bytes, presentation: bytes | None) -> str:
    """Return what a value means; nothing of what can be read in the octets."""
    return "" if is_text(value) else decode(uuid, value, presentation).text
