"""Advertising data: its AD structures, and the prefixes that programs filter them by.

Data is a run of structures: a length octet, then that many octets, of which the first is the AD
type. Spec: Vol 3, Part C, 11. Prefixes are a run of the same form that each stand for the
beginning of a structure.
"""

from __future__ import annotations

from collections.abc import Iterator


def structures(data: bytes) -> Iterator[bytes]:
    """Yield each AD structure from its type octet on; a last one that was cut as far as it goes.

    A length of 0 ends the data early.
    """
    position, end = 0, len(data)
    while position + 1 < end and (length := data[position]):
        yield data[position + 1 : position + 1 + length]
        position += 1 + length


class Prefixes:
    """A filter of advertising data, read once and then applied to many packets.

    A prefix that the end of the filter cuts short matches nothing; one of length 0 matches every
    structure. A filter without prefixes matches every packet.
    """

    __slots__ = ("_cut", "_whole")

    def __init__(self, octets: bytes) -> None:
        whole = []
        position = 0
        while position < len(octets):
            end = position + 1 + octets[position]
            whole.append(octets[position + 1 : end])
            position = end
        self._cut = position > len(octets)
        if self._cut:
            whole.pop()
        self._whole = tuple(whole)

    @property
    def match_everything(self) -> bool:
        """Whether there are none, not even one that was cut."""
        return not self._whole and not self._cut

    def match_any(self, data: bytes) -> bool:
        """Tell whether any prefix begins any structure of the data."""
        if not self._whole:
            return not self._cut
        return any(structure.startswith(self._whole) for structure in structures(data))

    def match_all(self, data: bytes) -> bool:
        """Tell whether every prefix begins some structure of the data."""
        if self._cut:
            return False
        found = tuple(structures(data))
        return all(
            any(structure.startswith(prefix) for structure in found) for prefix in self._whole
        )
