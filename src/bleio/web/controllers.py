"""What a device does on the air, as its controller's link layer has it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bleio.core.advertising import structures
from bleio.radio.air import phy
from bleio.radio.air.medium import Medium
from bleio.radio.air.propagation import SENSITIVITY_DBM, Propagation
from bleio.radio.air.station import Station
from bleio.radio.layer import LinkLayer

_NAMES = (0x09, 0x08)  # AD types: the complete local name, and a shortened one
_LONGEST_NAME = 60


def states_of(layer: LinkLayer, places: Mapping[Station, int]) -> list[str]:
    """Return what it does: advertising, scanning, and its links, by where the other ends are."""
    states = []
    if any(each.enabled for each in layer.all_advertisers):
        states.append("advertising")
    if layer.scanner.enabled or layer.initiator.parameters is not None:
        states.append("scanning")
    others = {places.get(end.other.layer.station) for end in layer.links.values()}
    states += sorted(f"link {other}" for other in others if other is not None)
    return states


def address_of(layer: LinkLayer) -> str:
    """Return the address that it has now, as text."""
    return str(layer.random_address or layer.public_address)


def advertised_name(layer: LinkLayer) -> str:
    """Return the name that it has in its advertising, as text that can be shown; may be empty."""
    for advertiser in layer.all_advertisers:
        for data in (advertiser.data, advertiser.scan_response):
            for structure in structures(data):
                if structure and structure[0] in _NAMES:
                    text = structure[1:].decode("utf-8", "replace")[:_LONGEST_NAME]
                    return "".join(
                        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text
                    )
    return ""


def about_air(propagation: Propagation) -> dict[str, object]:
    """Return what a page needs to know to draw how far a device is heard."""
    return {
        "sensitivity_dbm": SENSITIVITY_DBM[phy.LE_1M],
        "reference_loss_db": propagation.reference_loss_db,
        "exponent": propagation.exponent,
    }


def level_between(medium: Medium, one: Station, other: Station) -> tuple[int | None, float | None]:
    """Return the RSSI of one station at another, sent with 0 dBm, and how far apart they are.

    Returns: no RSSI where an antenna is off; no distance where that does not matter.
    """
    matters = medium.propagation.path_loss_db is None or one.placed or other.placed
    metres = round(math.dist(one.position, other.position), 2) if matters else None
    if not (one.antenna and other.antenna):
        return None, metres
    return medium.rssi_dbm(one, other, 0), metres
