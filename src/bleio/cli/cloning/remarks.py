"""What the user should know of a twin before it is given away: what is in it, and what is not."""

from __future__ import annotations

from collections.abc import Iterator

from bleio.cli.cloning.record import Access, Paired, Record
from bleio.cli.cloning.rhythm import steps_ms
from bleio.core.uuid import expand, uuid16
from bleio.decoding.octets import counted, value_text

# What tells one device from another of its kind.
_TELLING = {
    expand(uuid16(0x2A25)): "serial number",
    expand(uuid16(0x2A23)): "System ID, which is made of its address",
}


def summary(record: Record) -> str:
    """Return what was learnt, in a line."""
    characteristics = [each for service in record.services for each in service.characteristics]
    sent = sum(
        len(steps_ms([sent.after_ms for sent in each.sent], record.recorded_ms))
        for each in characteristics
    )
    parts = [
        counted(len(record.services), "service"),
        counted(len(characteristics), "characteristic"),
    ]
    if record.recorded_ms:
        parts.append(f"{counted(sent, 'value')} sent in {record.recorded_ms / 1000:.3g} s")
    if record.exchanges:
        parts.append(counted(sum(bool(each.answers) for each in record.exchanges), "answer"))
    return ", ".join(parts) if record.advertising.connectable else "it takes no links"


def remarks(record: Record, address: bytes | None) -> Iterator[str]:
    """Yield sentences. Args: address: the device's, which may be in what it says."""
    for service in record.services:
        for each in service.characteristics:
            if (what := _TELLING.get(expand(each.uuid))) and each.read.values:
                shown = each.read.shown or value_text(each.read.values[0])
                yield f"The twin has the device's {what}: {shown}."
    if address is not None and any(
        address in each or address[::-1] in each for each in _said(record)
    ):
        yield "The device's address is in what it says, so it is in the twin."
    closed = sum(
        each.read.access in (Access.ENCRYPTED, Access.AUTHENTICATED) and not each.read.values
        for service in record.services
        for each in service.characteristics
    )
    if closed:
        how = "--pair" if record.paired is Paired.NO else "--pairing terminal"
        yield f"{counted(closed, 'value')} could not be read without more security; {how} may help."
    for exchange in record.exchanges:
        if not exchange.answers:
            yield f"It did not answer {value_text(exchange.written)}."


def _said(record: Record) -> Iterator[bytes]:
    """Yield all octets that a device has said."""
    yield record.advertising.data
    yield record.advertising.scan_response or b""
    for service in record.services:
        for each in service.characteristics:
            yield from each.read.values
            yield from (sent.value for sent in each.sent)
            for descriptor in each.descriptors:
                yield from descriptor.read.values
