"""Packets and the summary of a scan as JSON objects, one a line: see schemas/scan.json."""

from __future__ import annotations

from typing import Any

from bleio import names
from bleio.api import ScanEntry
from bleio.cli.scanning.device import Device
from bleio.cli.scanning.devices import Devices
from bleio.cli.scanning.lines import PacketLines
from bleio.cli.shared.fields import address_fields, uuid_fields
from bleio.cli.shared.output import print_json
from bleio.core.advertising import structures
from bleio.core.advertising_fields import AdvertisingFields
from bleio.decoding.advertising import flag_names

_UNKNOWN_DBM = 127


class PacketObjects(PacketLines):
    """Prints an object for each packet. Args: raw: with its AD structures one by one."""

    def __init__(self, devices: Devices, *, raw: bool) -> None:
        super().__init__(devices, "")
        self._raw = raw

    def begin(self) -> None:
        """The first object says it."""

    def heard(
        self, entry: ScanEntry, device: Device, fields: AdvertisingFields, now_s: float
    ) -> None:
        """Print it."""
        print_json(packet_object(entry, fields, now_s, raw=self._raw))


def packet_object(
    entry: ScanEntry, fields: AdvertisingFields, now_s: float, *, raw: bool = False
) -> dict[str, Any]:
    """Return what a packet says. What it does not say has no member."""
    packet: dict[str, Any] = {
        "event": "advertisement",
        "time_s": round(now_s, 6),
        **address_fields(entry.address),
        "rssi_dbm": None if entry.rssi == _UNKNOWN_DBM else entry.rssi,
        "connectable": entry.connectable,
        "scan_response": entry.scan_response,
        "octets": entry.advertisement_bytes.hex(),
    }
    packet.update({key: value for key, value in _said(fields).items() if value not in (None, [])})
    if raw:
        packet["structures"] = [
            _structure(each) for each in structures(entry.advertisement_bytes) if each
        ]
    return packet


def _said(fields: AdvertisingFields) -> dict[str, Any]:
    return {
        "name": fields.complete_name,
        "shortened_name": fields.shortened_name,
        "services": [uuid_fields(each) for each in (*fields.services, *fields.more_services)],
        "solicited_services": [uuid_fields(each) for each in fields.solicited],
        "service_data": [
            {**uuid_fields(uuid), "octets": data.hex()} for uuid, data in fields.service_data
        ],
        "manufacturer_data": [
            {**_named({"company": company}, names.company_name(company)), "octets": data.hex()}
            for company, data in fields.manufacturer_data
        ],
        "appearance": None
        if fields.appearance is None
        else _named({"value": fields.appearance}, names.appearance_name(fields.appearance)),
        "tx_power_dbm": fields.tx_power_dbm,
        "flags": None if fields.flags is None else flag_names(fields.flags),
    }


def _structure(octets: bytes) -> dict[str, Any]:
    return {
        **_named({"type": octets[0]}, names.ad_type_name(octets[0])),
        "octets": octets[1:].hex(),
    }


def _named(members: dict[str, Any], name: str | None) -> dict[str, Any]:
    return members if name is None else {**members, "name": name}


def summary_object(devices: Devices, now_s: float, dropped: int) -> dict[str, Any]:
    """Return what came of a scan."""
    return {
        "event": "summary",
        "duration_s": round(now_s, 6),
        "devices": devices.found,
        "packets": devices.shown,
        "other_packets": devices.packets - devices.shown,
        "dropped_packets": dropped,
        "dropped_devices": devices.dropped,
    }
