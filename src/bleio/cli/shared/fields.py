"""What addresses, UUIDs and octets are in JSON, the same in all commands; see docs/json.md."""

from __future__ import annotations

from typing import Any

from bleio.api import UUID, Address
from bleio.core.uuid import expand, to_text
from bleio.names import uuid_name

ADDRESS_TYPES = {
    Address.PUBLIC: "public",
    Address.RANDOM_STATIC: "random_static",
    Address.RANDOM_PRIVATE_RESOLVABLE: "random_private_resolvable",
    Address.RANDOM_PRIVATE_NON_RESOLVABLE: "random_private_non_resolvable",
}


def address_text(address: Address) -> str:
    """Return such as aa:bb:cc:dd:ee:ff."""
    return address.address_bytes[::-1].hex(":")


def address_fields(address: Address) -> dict[str, str]:
    """Return the members `address` and `address_type`."""
    return {"address": address_text(address), "address_type": ADDRESS_TYPES[address.type]}


def uuid_fields(uuid: UUID | bytes) -> dict[str, Any]:
    """Return the member `uuid`, in 128 bits, and `name` where it has one.

    Args: uuid: an object, or octets as they are on air.
    """
    octets = uuid if isinstance(uuid, bytes) else bytes(uuid._octets)
    fields = {"uuid": to_text(expand(octets))}
    if (name := uuid_name(octets)) is not None:
        fields["name"] = name
    return fields
