"""`_bleio.UUID`."""

from __future__ import annotations

import re

from bleio.api._arguments import (
    ReadableBuffer,
    WriteableBuffer,
    described,
    integer,
    public,
    readable,
    writable,
)
from bleio.core.uuid import to_text, uuid16

_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_TEXT_FORM = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"


@public
class UUID:
    """A 16- or 128-bit UUID; the two sizes are never equal, even where one stands for the other.

    Spec: Vol 3, Part B, 2.5.1.
    Args: value: an int for 16 bits; 36 characters of text or 16 octets, least significant first,
        for 128 bits, which are never reduced.
    Raises: ValueError, also for a value of another type.
    """

    __slots__ = ("_octets",)

    def __init__(self, value: int | ReadableBuffer) -> None:
        self._octets = _octets(value)

    @classmethod
    def _on_air(cls, octets: bytes) -> UUID:
        """Wrap 2 or 16 octets as they are on air."""
        uuid = cls.__new__(cls)
        uuid._octets = octets
        return uuid

    @property
    def uuid16(self) -> int:
        """The 16-bit number, or octets 12 and 13 of a 128-bit one, where SIG UUIDs differ."""
        start = 0 if len(self._octets) == 2 else 12
        return int.from_bytes(self._octets[start : start + 2], "little")

    @property
    def uuid128(self) -> bytes:
        """All 16 octets, least significant first. Raises: AttributeError for a 16-bit one."""
        if len(self._octets) != 16:
            raise AttributeError("not a 128-bit UUID")
        return self._octets

    @property
    def size(self) -> int:
        """16 or 128 bits."""
        return len(self._octets) * 8

    def pack_into(self, buffer: WriteableBuffer, offset: int = 0) -> None:
        """Write the 2 or 16 octets, least significant first, into `buffer` from `offset` on.

        Raises: TypeError, ValueError if they do not fit.
        """
        view = writable(buffer)
        offset = integer("offset", offset)
        if not 0 <= offset <= len(view):
            raise ValueError(f"offset must be 0-{len(view)}")
        octets = self._octets
        if len(view) - offset < len(octets):
            raise ValueError(f"buffer length must be >= {len(octets)}")
        view[offset : offset + len(octets)] = octets

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UUID) and self._octets == other._octets

    def __hash__(self) -> int:
        return hash(self._octets)

    @described
    def __repr__(self) -> str:
        if len(self._octets) == 2:
            return f"UUID(0x{self.uuid16:04x})"
        return f"UUID('{to_text(self._octets)}')"


def _octets(value: object) -> bytes:
    if isinstance(value, int) and not isinstance(value, bool):  # which is no int on boards
        if not 0 <= value <= 0xFFFF:
            raise ValueError("value must be 0-65535")
        return uuid16(value)
    if isinstance(value, str):
        if not _TEXT.fullmatch(value):
            raise ValueError(f"UUID string not '{_TEXT_FORM}'")
        return bytes.fromhex(value.replace("-", ""))[::-1]
    try:
        octets = readable(value)
    except TypeError:
        raise ValueError("UUID value is not str, int or byte buffer") from None
    if len(octets) != 16:
        raise ValueError("value length must be 16")
    return octets
