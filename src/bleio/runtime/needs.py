"""What a program's wishes need of a backend, so that what it cannot do is refused with a sentence.

`Life.require` is where the answer is compared with the backend's capabilities; here it is made. A
wish that is CircuitPython's default needs nothing: the program has not asked for it, and a backend
that does otherwise does what the program would get on another board.
"""

from __future__ import annotations

from collections.abc import Iterator

from bleio.backends.base import AdvertisingParameters, ScanParameters
from bleio.backends.capabilities import Capability
from bleio.core.advertising_fields import parse
from bleio.runtime.delegate import Delegate

_SCAN = ScanParameters()
_ADVERTISING = AdvertisingParameters(b"")


def of_advertising(parameters: AdvertisingParameters) -> Iterator[Capability]:
    """Yield what advertising with these parameters needs.

    Data that ends within a structure can be said in octets alone. Which fields a system can say
    otherwise, and in which packet, is known to its backend, which refuses the rest.
    """
    yield Capability.PERIPHERAL
    if parse(parameters.data).cut or parse(parameters.scan_response).cut:
        yield Capability.RAW_ADVERTISING
    if not parameters.connectable:
        yield Capability.NON_CONNECTABLE_ADVERTISING
    if parameters.directed_to is not None:
        yield Capability.DIRECTED_ADVERTISING
    if parameters.anonymous:
        yield Capability.ANONYMOUS_ADVERTISING
    if parameters.interval_us != _ADVERTISING.interval_us:
        yield Capability.ADVERTISING_INTERVAL


def of_scan(parameters: ScanParameters) -> Iterator[Capability]:
    """Yield what scanning with these parameters needs."""
    if not parameters.active:
        yield Capability.PASSIVE_SCANNING
    timing = (parameters.interval_us, parameters.window_us)
    if timing != (_SCAN.interval_us, _SCAN.window_us):
        yield Capability.SCAN_TIMING


def of_delegate(delegate: Delegate | None) -> Iterator[Capability]:
    """Yield what it needs that this delegate answers in pairing."""
    if delegate is not None:
        yield Capability.PAIRING_DELEGATE
        if delegate.has_oob:
            yield Capability.OUT_OF_BAND
