"""Devices and packets as lines of text, for pipes, logs and terminals that cannot move a cursor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from bleio.api import Address, ScanEntry
from bleio.cli.scanning.device import Device
from bleio.cli.scanning.devices import Devices
from bleio.cli.shared.output import print_line, say, shown
from bleio.core.advertising import structures
from bleio.core.advertising_fields import AdvertisingFields, parse
from bleio.decoding.advertising import fields_text
from bleio.decoding.names import company_name, uuid_text
from bleio.decoding.octets import counted, quoted
from bleio.names import ad_type_name, appearance_name

TYPES = {
    Address.PUBLIC: "public",
    Address.RANDOM_STATIC: "static",
    Address.RANDOM_PRIVATE_RESOLVABLE: "resolvable",
    Address.RANDOM_PRIVATE_NON_RESOLVABLE: "non-resolvable",
}
_INDENT = " " * 12
_OCTETS_A_LINE = 16


class ChangeLines:
    """Prints a line when a device comes, says something else, or is gone."""

    def __init__(self, devices: Devices, where: str) -> None:
        self._devices, self._where = devices, where

    def begin(self) -> None:
        """Say so."""
        say(f"Scanning on {self._where}; Ctrl-C ends it.")

    def heard(
        self, entry: ScanEntry, device: Device, fields: AdvertisingFields, now_s: float
    ) -> None:
        """What it means is told by `tick`."""

    def tick(self, now_s: float) -> None:
        """Print what has changed."""
        self._print_changes(now_s, last=False)

    def end(self, now_s: float) -> None:
        """Print what has changed, the youngest devices too."""
        self._print_changes(now_s, last=True)

    def hint(self, text: str) -> None:
        """Print it where results are not."""
        say(text)

    def _print_changes(self, now_s: float, *, last: bool) -> None:
        for change, device in self._devices.changes(now_s, settled=last):
            print_line(f"{now_s:8.3f} s  {change.value} {device_text(device)}")


class PacketLines(ChangeLines):
    """Prints each packet, with its octets and what they say."""

    def heard(
        self, entry: ScanEntry, device: Device, fields: AdvertisingFields, now_s: float
    ) -> None:
        """Print it."""
        kind = "scan response" if entry.scan_response else "advertisement"
        links = "connectable" if entry.connectable else "not connectable"
        print_line(
            f"{now_s:8.3f} s  {device.address_text} {TYPES[device.address.type]}"
            f" {strength_text(device.rssi_dbm)}  {kind}, {links}"
        )
        for line in structure_lines(entry.advertisement_bytes):
            print_line(_INDENT + line)

    def _print_changes(self, now_s: float, *, last: bool) -> None:
        """Count the devices; each packet has been printed already."""
        deque(self._devices.changes(now_s, settled=last), maxlen=0)


def summary_text(devices: Devices, now_s: float, dropped: int) -> str:
    """Return what came of a scan, and what was lost in it."""
    text = f"{counted(devices.found, 'device')}, {counted(devices.shown, 'packet')}"
    if others := devices.packets - devices.shown:
        text += f" (and {counted(others, 'packet')} of devices that do not fit)"
    text += f" in {now_s:.1f} s."
    if devices.dropped:
        text += (
            f" {counted(devices.dropped, 'device')} had to leave the table, which holds"
            f" {devices.most}: those that were silent for the longest time."
        )
    if dropped:
        text += f" {counted(dropped, 'packet')} came too fast and were dropped."
    return text


def device_text(device: Device) -> str:
    """Return all that is known of a device, in a line."""
    parts = [
        f"{device.address_text} {TYPES[device.address.type]:<8}",
        strength_text(device.rssi_dbm),
        "connectable" if device.connectable else "",
        quoted(device.name) if device.name else "",
        says_text(device),
    ]
    return "  ".join(filter(None, parts))


def says_text(device: Device) -> str:
    """Return the services, the makers and the looks of a device by name."""
    parts = []
    if device.services:
        parts.append(", ".join(uuid_text(uuid) for uuid in device.services))
    if device.companies:
        parts.append(", ".join(shown(company_name(each)) for each in device.companies))
    if device.appearance:
        appearance = appearance_name(device.appearance)
        parts.append(appearance or f"appearance 0x{device.appearance:04x}")
    return "; ".join(parts)


def strength_text(rssi_dbm: int | None) -> str:
    """Return a strength, of the same width for all."""
    return "   ? dBm" if rssi_dbm is None else f"{rssi_dbm:4} dBm"


def structure_lines(data: bytes) -> Iterator[str]:
    """Yield lines with the octets and the meaning of each AD structure."""
    for octets, meaning in said_by_structure(data):
        if len(octets) <= _OCTETS_A_LINE:
            yield f"{octets.hex(' '):<{3 * _OCTETS_A_LINE}} {meaning}"
            continue
        yield meaning
        for start in range(0, len(octets), _OCTETS_A_LINE):
            yield f"  {octets[start : start + _OCTETS_A_LINE].hex(' ')}"


def said_by_structure(data: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield the octets of each AD structure, and what it says. All octets are in one of them."""
    position = 0
    for structure in structures(data):
        if len(structure) < data[position]:
            break
        octets = data[position : position + 1 + len(structure)]
        name = ad_type_name(structure[0]) or f"AD type 0x{structure[0]:02x}"
        said = fields_text(parse(octets))
        yield octets, f"{name}: {said}" if said else name
        position += len(octets)
    if rest := data[position:]:
        yield rest, f"cut after {counted(len(rest), 'octet')}" if any(rest) else "padding"
