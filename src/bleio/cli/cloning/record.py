"""What is known of a device: enough to write a twin of it. Plain records without behaviour.

UUIDs are on-air bytes, properties on-air bits, times milliseconds. What a device has said is kept
as octets, for nothing else is sure to come back as it was; words are beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

MAX_VALUE_OCTETS = 512  # Vol 3, Part F, 3.2.9
MAX_ADVERTISING_OCTETS = 1650  # Vol 4, Part E, 7.7.65.13


class Access(str, Enum):
    """What a value asks of those that read it, or subscribe to it, as far as it is known.

    ENCRYPTED may be more in truth: a link that pairing has authenticated gets everything, and one
    that was refused and has not paired knows no better.
    """

    OPEN = "open"
    ENCRYPTED = "encrypted"
    AUTHENTICATED = "authenticated"
    REFUSED = "refused"  # for a reason that has nothing to do with encryption
    UNKNOWN = "unknown"


class Paired(str, Enum):
    """How the link was encrypted while the device was looked at."""

    NO = "no"
    BEFORE = "before"  # by a bond, from the start: what asks for encryption can't be told
    JUST_WORKS = "just works"
    AUTHENTICATED = "authenticated"


@dataclass(slots=True)
class Read:
    """What came of reading: the first value and those that differed, or why there is none.

    Attributes: shown: the first in words, empty if nothing knows them. refusal: in words.
    """

    access: Access = Access.UNKNOWN
    values: list[bytes] = field(default_factory=list)
    shown: str = ""
    refusal: str = ""


@dataclass(slots=True)
class Sent:
    """A value that the device sent by itself. after_ms: since the subscription."""

    after_ms: int
    value: bytes
    shown: str = ""


@dataclass(slots=True)
class Descriptor:
    """A descriptor, none of them a Client Characteristic Configuration."""

    uuid: bytes
    name: str = ""
    read: Read = field(default_factory=Read)


@dataclass(slots=True)
class Characteristic:
    """A characteristic. subscribing: what it asks of those that want to be told."""

    uuid: bytes
    properties: int
    name: str = ""
    read: Read = field(default_factory=Read)
    subscribing: Access = Access.UNKNOWN
    descriptors: list[Descriptor] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


@dataclass(slots=True)
class Service:
    """A primary service. includes: the UUIDs of services that it includes."""

    uuid: bytes
    name: str = ""
    includes: list[bytes] = field(default_factory=list)
    characteristics: list[Characteristic] = field(default_factory=list)


Place = tuple[int, int]  # a characteristic: which service, and which one in it


@dataclass(slots=True)
class Answer:
    """A value that followed a write. after_ms: since the write, or since the answer before."""

    after_ms: int
    place: Place
    value: bytes


@dataclass(slots=True)
class Exchange:
    """What was written, and what followed."""

    place: Place
    written: bytes
    answers: list[Answer] = field(default_factory=list)


@dataclass(slots=True)
class Advertising:
    """How the device advertises.

    Attributes: scan_response: None if there was none. interval_ms: None if it is not known.
    others: how many other contents were heard, which are not kept. rebuilt: whether the octets are
    made of fields, for the system does not report those on air.
    """

    data: bytes = b""
    scan_response: bytes | None = None
    connectable: bool = True
    interval_ms: float | None = None
    others: int = 0
    rebuilt: bool = False


@dataclass(slots=True)
class Record:
    """A device. address: None unless it was asked for. recorded_ms: 0 if nothing was."""

    name: str = ""
    address: bytes | None = None
    address_type: str = ""
    advertising: Advertising = field(default_factory=Advertising)
    paired: Paired = Paired.NO
    services: list[Service] = field(default_factory=list)
    recorded_ms: int = 0
    exchanges: list[Exchange] = field(default_factory=list)

    def at(self, place: Place) -> Characteristic:
        """Return the characteristic at a place. Raises: IndexError."""
        return self.services[place[0]].characteristics[place[1]]
