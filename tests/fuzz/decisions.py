"""Octets as decisions: what a random generator would say, said by a fuzzer's input.

A fuzzer changes octets and looks at what the program did. Were its octets only the seed of a
generator, each change would change everything; here each decision has octets of its own, so a
change of one leaves the others as they are. Once the octets have run out every decision is the
first of its choices, and `left` is 0: targets end then.
"""

from __future__ import annotations

from random import Random


class Decisions(Random):
    """A `Random` whose every answer comes from an input, in order."""

    def __init__(self, octets: bytes) -> None:
        super().__init__(0)
        self._octets = octets
        self._at = 0

    @property
    def left(self) -> int:
        """Octets that have decided nothing yet."""
        return len(self._octets) - self._at

    def take(self, count: int) -> bytes:
        """Return octets as they stand in the input; fewer at its end."""
        taken = self._octets[self._at : self._at + count]
        self._at += len(taken)
        return taken

    def rest(self) -> bytes:
        """Return all octets that are left."""
        return self.take(self.left)

    # What `Random` builds all of its methods on.

    def random(self) -> float:
        return int.from_bytes(self.take(1), "little") / 256

    def getrandbits(self, bits: int) -> int:
        octets = -(-bits // 8)
        return int.from_bytes(self.take(octets), "little") & ((1 << bits) - 1)

    def randbytes(self, count: int) -> bytes:
        return self.take(count).ljust(count, b"\0")

    def _randbelow(self, limit: int) -> int:
        octets = max(1, -(-(limit - 1).bit_length() // 8))
        return int.from_bytes(self.take(octets), "little") % limit
