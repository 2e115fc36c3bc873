"""Decoded packets as lines of text, with those counted that say nothing new.

    0.104120  reader -> sensor  ATT Read Battery Level (0x0012)
    0.104350  sensor -> reader  ATT Read Response Battery Level (0x0012) = 4b  LOST
    0.119350  reader <-> sensor  12 empty, 2 LOST
    0.194120  reader -> sensor  LL Ping Request  (after 2 empty)

Nearly all packets of an air are advertisements that were there before, and the empty packets of
links. So what does not stand alone is gathered until something does: a line for each thing that is
told, with how often and for how long, in the order in which each was first told. The few empty
packets that come between any two others of a link are told at the end of the second one's line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bleio.decoding.records import Decoded

OCTETS = " " * 15  # begins lines of octets, and no others
_HEX_OCTETS = 32
_MAX_GATHERED = 256
_FEW = 4
WATCHED_US = 2_000_000  # what those that watch should wait for a line at most


class Lines:
    """Makes lines of records, in the order of time.

    Args:
        verbose: with the octets of packets in hexadecimal.
        longest_us: for how long to gather; for those that watch. 0 is without an end.
    """

    def __init__(self, *, verbose: bool = False, longest_us: int = 0) -> None:
        self._verbose = verbose
        self._longest_us = longest_us
        self._gathered: dict[tuple[str, ...], _Gathered] = {}

    def add(self, decoded: Decoded) -> Iterator[str]:
        """Take the next packet. Returns: the lines that are finished by it, without line ends."""
        if self._gathered and self._longest_us:
            first = next(iter(self._gathered.values())).first
            if decoded.time_us - first.time_us > self._longest_us:
                yield from self.flush()
        if not _says_little(decoded):
            after = self._few_before(decoded)
            yield from self.flush()
            yield from self._of(decoded, after)
            return
        key = _link_of(decoded)
        if not decoded.empty:
            key = (decoded.sender, decoded.receiver, decoded.text)
        gathered = self._gathered.get(key)
        if gathered is None:
            if len(self._gathered) >= _MAX_GATHERED:
                yield from self.flush()
            gathered = self._gathered[key] = _Gathered(decoded)
        gathered.take(decoded)

    def flush(self) -> Iterator[str]:
        """Finish what was gathered; before a line of something else, and at the end."""
        gathered, self._gathered = self._gathered, {}
        for each in gathered.values():
            if each.number == 1 and not each.first.empty:
                yield from self._of(each.first)
            else:
                yield each.line()
                yield from self._hex(each.first)

    def _few_before(self, decoded: Decoded) -> str:
        """Take the few empty packets that come before this one on its link. Returns: words."""
        if len(self._gathered) == 1:
            gathered = self._gathered.get(_link_of(decoded))
            if gathered is not None and gathered.number <= _FEW:
                self._gathered.clear()
                return f"  (after {gathered.empty_text()})"
        return ""

    def _of(self, decoded: Decoded, after: str = "") -> Iterator[str]:
        yield line(decoded, after)
        yield from self._hex(decoded)

    def _hex(self, decoded: Decoded) -> Iterator[str]:
        if self._verbose:
            octets = decoded.octets
            for start in range(0, len(octets), _HEX_OCTETS):
                yield OCTETS + octets[start : start + _HEX_OCTETS].hex(" ")


class _Gathered:
    """Packets that are told in one line."""

    def __init__(self, first: Decoded) -> None:
        self.first = first
        self.number = self._lost = 0
        self._last_us = first.time_us

    def take(self, decoded: Decoded) -> None:
        self.number += 1
        self._lost += decoded.lost
        self._last_us = decoded.time_us

    def empty_text(self) -> str:
        """Return how many empty ones there are."""
        return f"{self.number} empty" + (f", {self._lost} LOST" if self._lost else "")

    def line(self) -> str:
        first = self.first
        if first.empty:
            return f"{_time(first)}{first.sender} <-> {first.receiver}  {self.empty_text()}"
        took_s = (self._last_us - first.time_us) / 1e6
        return f"{line(first)}  ({self.number} times in {took_s:.3g} s)"


def lines(
    records: Iterable[Decoded], *, verbose: bool = False, longest_us: int = 0
) -> Iterator[str]:
    """Make lines of records; for the arguments see `Lines`."""
    maker = Lines(verbose=verbose, longest_us=longest_us)
    for decoded in records:
        yield from maker.add(decoded)
    yield from maker.flush()


def line(decoded: Decoded, more: str = "") -> str:
    """Return one packet as a line. Args: more: what to add to what it says."""
    receiver = f" -> {decoded.receiver}" if decoded.receiver else ""
    text = f"{_time(decoded)}{decoded.sender}{receiver}  {decoded.protocol} {decoded.text}"
    again, lost = " (again)" if decoded.again else "", "  LOST" if decoded.lost else ""
    return f"{text}{again}{more}{lost}"


def _time(decoded: Decoded) -> str:
    return f" {decoded.time_us / 1e6:12.6f}  "


def _says_little(decoded: Decoded) -> bool:
    return decoded.empty or (decoded.routine and not decoded.lost)


def _link_of(decoded: Decoded) -> tuple[str, ...]:
    one, other = sorted((decoded.sender, decoded.receiver))
    return (one, other, "")
