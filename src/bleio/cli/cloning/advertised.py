"""Advertising data as source: a structure a line, each with what it says."""

from __future__ import annotations

from bleio.cli.cloning import literals
from bleio.cli.cloning.literals import assigned, comment, commented
from bleio.cli.cloning.record import Advertising
from bleio.core.advertising import structures
from bleio.core.advertising_fields import AdType, parse
from bleio.decoding.advertising import fields_text

_DEFAULT_INTERVAL_MS, _MIN_INTERVAL_MS, _MAX_INTERVAL_MS = 100, 20, 10_240
_MAX_CONNECTABLE_OCTETS, _MAX_OCTETS, _LEGACY_OCTETS = 238, 255, 31  # what _bleio sends
_NAMES = (AdType.SHORTENED_NAME, AdType.COMPLETE_NAME)


def advertising(it: Advertising) -> list[str]:
    """Return the constants."""
    data = _data(it)
    lines = []
    if it.rebuilt:
        lines += comment("Made of what the system said: the octets on air may be in another order.")
    if it.others:
        lines += comment(f"It said other things as well, {it.others}; this is what it said most.")
    if len(data) < len(it.data):
        lines += comment(f"This is what _bleio can send of {len(it.data)} octets.")
    lines += _constant("ADVERTISEMENT", data)
    if response := scan_response(it):
        lines += _constant("SCAN_RESPONSE", response)
    interval_ms = it.interval_ms or _DEFAULT_INTERVAL_MS
    interval_ms = min(max(interval_ms, _MIN_INTERVAL_MS), _MAX_INTERVAL_MS)
    said = "" if it.interval_ms else "not measured"
    return [*lines, *commented(f"INTERVAL_S = {interval_ms / 1000!r}", said)]


def start(it: Advertising, indent: str = "") -> str:
    """Return the call that begins to advertise."""
    response = ", scan_response=SCAN_RESPONSE" if scan_response(it) else ""
    connectable = "" if it.connectable else ", connectable=False"
    arguments = f"ADVERTISEMENT{response}{connectable}, interval=INTERVAL_S"
    line = f"{indent}adapter.start_advertising({arguments})"
    if literals.fits(line):
        return line
    return f"{indent}adapter.start_advertising(\n{indent}    {arguments}\n{indent})"


def scan_response(it: Advertising) -> bytes:
    """Return what can be sent of it: nothing beside data that is longer than a legacy packet."""
    if len(_data(it)) > _LEGACY_OCTETS:
        return b""
    return _cut(it.scan_response or b"", _LEGACY_OCTETS)


def _data(it: Advertising) -> bytes:
    return _cut(it.data, _MAX_CONNECTABLE_OCTETS if it.connectable else _MAX_OCTETS)


def _cut(data: bytes, most_octets: int) -> bytes:
    """Return the structures that there is room for."""
    kept = b""
    for each in _split(data):
        if len(kept) + len(each) > most_octets:
            break
        kept += each
    return kept


def _split(data: bytes) -> list[bytes]:
    """Return structures with their length octets; last, what is none."""
    found, position = [], 0
    for each in structures(data):
        found.append(data[position : position + 1 + len(each)])
        position += 1 + len(each)
    return [*found, data[position:]] if position < len(data) else found


def _constant(name: str, data: bytes) -> list[str]:
    found = _split(data)
    if len(found) < 2:
        if len(parts := _pieces(data)) == 1 and literals.fits(line := f"{name} = {parts[0]}"):
            return commented(line, _said(data))
        return assigned(name, data, _said(data))
    lines = [f"{name} = ("]
    for each in found:
        parts = _pieces(each)
        if len(parts) == 1:
            lines += commented(f"    {parts[0]}", _said(each))
        else:
            lines += [*comment(_said(each), "    "), *(f"    {part}" for part in parts)]
    return [*lines, ")"]


def _pieces(structure: bytes) -> list[str]:
    """Return literals: of a name its text, of all else hexadecimal octets."""
    if len(structure) > 2 and structure[1] in _NAMES and literals.is_text(structure[2:]):
        return [literals.octets(structure[:2])[:-1] + literals.octets(structure[2:])[2:]]
    return literals.pieces(structure, hexadecimal=True)


def _said(structure: bytes) -> str:
    return fields_text(parse(structure)) or "nothing that has a meaning"
