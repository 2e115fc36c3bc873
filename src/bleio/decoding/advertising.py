"""Packets of advertising, scanning and connecting in words, and the data that they carry.

Spec: Vol 6, Part B, 2.3; Core Specification Supplement, Part A (data).
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from bleio.core.address import DeviceAddress
from bleio.core.advertising_fields import AdvertisingFields, parse
from bleio.decoding.control import connection_text
from bleio.decoding.names import company_name, uuid_text
from bleio.decoding.octets import Malformed, counted, quoted, value_text
from bleio.decoding.said import Said

ADV_IND, ADV_DIRECT_IND, ADV_NONCONN_IND, SCAN_REQ, SCAN_RSP, CONNECT_IND, ADV_SCAN_IND = range(7)
ADV_EXT_IND, AUX_CONNECT_RSP = 7, 8
_KINDS = {
    ADV_IND: ("Connectable", "ADV_IND"),
    ADV_DIRECT_IND: ("Directed", "ADV_DIRECT_IND"),
    ADV_NONCONN_IND: ("Nonconnectable", "ADV_NONCONN_IND"),
    SCAN_REQ: ("Scan Request", "SCAN_REQ"),
    SCAN_RSP: ("Scan Response", "SCAN_RSP"),
    CONNECT_IND: ("Connect", "CONNECT_IND"),
    ADV_SCAN_IND: ("Scannable", "ADV_SCAN_IND"),
    ADV_EXT_IND: ("Extended", "ADV_EXT_IND"),
    AUX_CONNECT_RSP: ("Connect Response", "AUX_CONNECT_RSP"),
}
_AUXILIARY = {SCAN_REQ: "AUX_SCAN_REQ", CONNECT_IND: "AUX_CONNECT_REQ"}
_MODES = ("", "connectable", "scannable", "")
_ADDRESS_OCTETS = 6
_CONNECT = Struct("<I3sBHHHH5sB")
_ADV_A, _TARGET_A, _CTE_INFO, _ADI, _AUX_PTR, _SYNC_INFO, _TX_POWER = (1 << bit for bit in range(7))
_HEADER_FIELDS = ((_CTE_INFO, 1), (_ADI, 2), (_AUX_PTR, 3), (_SYNC_INFO, 18), (_TX_POWER, 1))
_FLAGS = (
    (0x01, "limited discoverable"),
    (0x02, "general discoverable"),
    (0x04, "no BR/EDR"),
    (0x08, "BR/EDR controller"),
    (0x10, "BR/EDR host"),
)


class Connected(NamedTuple):
    """A link that a connection request makes."""

    access_address: int
    central: DeviceAddress
    peripheral: DeviceAddress
    interval: int
    latency: int


class Advertised(NamedTuple):
    """An advertising packet taken apart."""

    said: Said
    sender: DeviceAddress | None
    target: DeviceAddress | None
    connected: Connected | None = None
    name: str = ""  # that it says to have


def describe(octets: bytes, *, auxiliary: bool) -> Advertised:
    """Say what a packet with the access address of advertising says. Raises: Malformed."""
    if len(octets) < 2 or len(octets) - 2 != octets[1]:
        raise Malformed
    kind, body = octets[0] & 0x0F, octets[2:]
    tx_random, rx_random = octets[0] & 0x40 != 0, octets[0] & 0x80 != 0
    words, pdu = _KINDS.get(kind, (f"PDU type {kind}", f"{kind}"))
    if auxiliary:
        pdu = _AUXILIARY.get(kind, pdu)
    said = Said("ADV", words, (("PDU", pdu),), routine=True)
    if kind in (ADV_EXT_IND, AUX_CONNECT_RSP):
        return _extended(said, kind, body, tx_random, rx_random, auxiliary)
    if kind not in _KINDS:
        return Advertised(said, None, None)
    sender = _address(body, 0, tx_random)
    if kind in (ADV_DIRECT_IND, SCAN_REQ):
        if len(body) != 2 * _ADDRESS_OCTETS:
            raise Malformed
        return Advertised(said, sender, _address(body, _ADDRESS_OCTETS, rx_random))
    if kind == CONNECT_IND:
        target = _address(body, _ADDRESS_OCTETS, rx_random)
        return _connect(said, sender, target, body[2 * _ADDRESS_OCTETS :])
    fields = parse(body[_ADDRESS_OCTETS:])
    _add(said, fields_text(fields))
    return Advertised(said, sender, None, name=fields.complete_name or "")


def _connect(said: Said, sender: DeviceAddress, target: DeviceAddress, rest: bytes) -> Advertised:
    if len(rest) != _CONNECT.size:
        raise Malformed
    access_address, _, _, _, interval, latency, timeout, _, _ = _CONNECT.unpack(rest)
    said.protocol, said.routine = "LL", False  # a link begins
    _add(said, connection_text(interval, latency, timeout))
    said.details += (("access address", f"{access_address:08x}"),)
    connected = Connected(access_address, sender, target, interval, latency)
    return Advertised(said, sender, target, connected)


def _extended(
    said: Said, kind: int, body: bytes, tx_random: bool, rx_random: bool, auxiliary: bool
) -> Advertised:
    if not body:
        raise Malformed
    mode, end = body[0] >> 6, 1 + (body[0] & 0x3F)
    header, data = body[1:end], body[end:]
    if end > len(body):
        raise Malformed
    flags, position = header[0] if header else 0, 1
    sender = target = None
    if flags & _ADV_A:
        sender, position = _address(header, position, tx_random), position + _ADDRESS_OCTETS
    if flags & _TARGET_A:
        target, position = _address(header, position, rx_random), position + _ADDRESS_OCTETS
    position += sum(octets for flag, octets in _HEADER_FIELDS if flags & flag)
    if header and position > len(header):
        raise Malformed
    if kind == AUX_CONNECT_RSP:
        said.protocol, said.routine = "LL", False
    if kind == ADV_EXT_IND and auxiliary:
        # AUX_ADV_IND, AUX_SCAN_RSP and AUX_CHAIN_IND differ in nothing but their place.
        said.text, said.details = "Auxiliary", (("PDU", "AUX_ADV_IND or its like"),)
    fields = parse(data)
    _add(said, ", ".join(filter(None, (_MODES[mode], fields_text(fields)))))
    return Advertised(said, sender, target, name=fields.complete_name or "")


def _add(said: Said, more: str) -> None:
    if more:
        said.text += f": {more}"


def _address(octets: bytes, position: int, random: bool) -> DeviceAddress:
    part = octets[position : position + _ADDRESS_OCTETS]
    if len(part) != _ADDRESS_OCTETS:
        raise Malformed
    return DeviceAddress(part, random)


# Advertising data


def flag_names(flags: int) -> list[str]:
    """Return what the flags of advertising data say."""
    return [name for flag, name in _FLAGS if flags & flag]


def fields_text(fields: AdvertisingFields) -> str:
    """Say what advertising data says, its name first; empty if that is nothing."""
    parts = [*_names(fields), *_services(fields), *_manufacturers(fields), *_rest(fields)]
    return ", ".join(parts)


def _names(fields: AdvertisingFields) -> list[str]:
    parts = []
    if fields.complete_name is not None:
        parts.append(f"name {quoted(fields.complete_name)}")
    if fields.shortened_name is not None:
        parts.append(f"short name {quoted(fields.shortened_name)}")
    return parts


def _services(fields: AdvertisingFields) -> list[str]:
    parts = []
    for what, uuids in (
        ("services", fields.services),
        ("some services", fields.more_services),
        ("solicits", fields.solicited),
    ):
        if uuids:
            parts.append(f"{what} {' and '.join(uuid_text(uuid) for uuid in uuids)}")
    for uuid, data in fields.service_data:
        parts.append(f"data of {uuid_text(uuid)} {value_text(data)}")
    return parts


def _manufacturers(fields: AdvertisingFields) -> list[str]:
    return [
        f"data of {company_name(company)} {value_text(data)}"
        for company, data in fields.manufacturer_data
    ]


def _rest(fields: AdvertisingFields) -> list[str]:
    parts = []
    if fields.appearance is not None:
        parts.append(f"appearance 0x{fields.appearance:04x}")
    if fields.tx_power_dbm is not None:
        parts.append(f"power {fields.tx_power_dbm} dBm")
    if fields.flags is not None:
        parts.append(" and ".join(flag_names(fields.flags)) or "no flags")
    parts += [f"AD type 0x{each[0]:02x} {value_text(each[1:])}" for each in fields.others]
    if fields.cut:
        parts.append(f"cut after {counted(len(fields.cut), 'octet')}")
    return parts
