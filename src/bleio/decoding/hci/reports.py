"""Advertising reports of HCI in words. Spec: Vol 4, Part E, 7.7.65.2 and 7.7.65.13."""

from __future__ import annotations

from struct import Struct

from bleio.core.address import DeviceAddress
from bleio.core.advertising_fields import parse
from bleio.decoding.advertising import fields_text
from bleio.decoding.names import DeviceNames
from bleio.decoding.octets import Malformed, unpack

_LEGACY = Struct("<BB6sB")
_U8, _RSSI = Struct("<B"), Struct("<b")
_EXTENDED = Struct("<HB6sBBBbbHB6sB")
_LEGACY_KINDS = ("Connectable", "Directed", "Scannable", "Nonconnectable", "Scan Response")


def reports(event: bytes, devices: DeviceNames, *, extended: bool) -> list[str]:
    """Say what an advertising report reports, from the number of reports on.

    Raises: Malformed.
    """
    (count,) = unpack(_U8, event)
    position, texts = 1, []
    for _ in range(count):
        if extended:
            fields = unpack(_EXTENDED, event, position)
            kind, random, octets, rssi_dbm, length = *fields[:3], fields[7], fields[11]
            position += _EXTENDED.size + length
            data, shown = event[position - length : position], _extended_kind(kind)
        else:
            kind, random, octets, length = unpack(_LEGACY, event, position)
            position += _LEGACY.size + length + 1
            data = event[position - length - 1 : position - 1]
            (rssi_dbm,) = unpack(_RSSI, event, position - 1)
            shown = _LEGACY_KINDS[kind] if kind < len(_LEGACY_KINDS) else f"kind {kind}"
        if position > len(event):
            raise Malformed
        address = DeviceAddress(octets, random & 1 == 1)
        texts.append(f"{_name(address, data, devices)} at {rssi_dbm} dBm, {shown}{_more(data)}")
    if position != len(event) or not texts:
        raise Malformed
    return texts


def _name(address: DeviceAddress, data: bytes, devices: DeviceNames) -> str:
    name = parse(data).complete_name
    if name:
        devices.suggest(address, name)
    return devices.of(address)


def _more(data: bytes) -> str:
    text = fields_text(parse(data))
    return f", {text}" if text else ""


def _extended_kind(kind: int) -> str:
    names = ((1, "connectable"), (2, "scannable"), (4, "directed"), (8, "scan response"))
    told = [name for bit, name in names if kind & bit] or ["nonconnectable"]
    if kind >> 5 & 3:
        told.append("not whole")
    return " and ".join(told)
