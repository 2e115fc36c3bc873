"""Packets in words as objects, for programs that read JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bleio.decoding.records import Decoded


def packet_fields(packet: Decoded) -> dict[str, Any]:
    """Return the members of a packet: what a `Decoded` has, with octets in hexadecimal."""
    fields = asdict(packet)
    del fields["open_until_us"]
    fields["octets"] = packet.octets.hex()
    fields["details"] = dict(packet.details)
    return fields
