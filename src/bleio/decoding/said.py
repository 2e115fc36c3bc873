"""What one PDU says, apart from what is to be remembered of it.

A decoder describes first and learns afterwards: what came with a wrong CRC, or comes a second time,
is described as well and teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field

from bleio.decoding.octets import counted


@dataclass(slots=True)
class Said:
    """The words for one PDU; see `Decoded` for the fields that it shares with it.

    learn: what is to be called, in order, if the PDU has arrived.
    """

    protocol: str
    text: str
    details: tuple[tuple[str, str], ...] = ()
    _: KW_ONLY
    trouble: bool = False
    routine: bool = False
    attribute: int = 0
    learn: list[Callable[[], object]] = field(default_factory=list)


def malformed(protocol: str, what: str, octets: bytes) -> Said:
    """Return what is said of octets that make no sense."""
    return Said(
        protocol, f"malformed {what}, {counted(len(octets), 'octet')}".replace("  ", " "),
        trouble=True,
    )  # fmt: skip
