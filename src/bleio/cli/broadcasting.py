"""What `bleio advertise` sends, made of its options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from bleio import names
from bleio.api._advertising import LEGACY_OCTETS
from bleio.core.advertising_fields import AdvertisingFields, build
from bleio.names import Kind
from bleio.values import parse_value

_GENERAL_DISCOVERABLE, _NO_CLASSIC = 0x02, 0x04


@dataclass
class Broadcast:
    """Octets of a packet and of its scan response. `takes_name`: whether one may be added."""

    data: bytes
    scan_response: bytes = b""
    name: str = ""
    takes_name: bool = False
    extended: bool = False
    connectable: bool = True

    def add_name(self, name: str) -> None:
        """Say the name too: in the packet if there is room, else in the scan response.

        Raises: click.UsageError if there is room in neither.
        """
        structure = build(AdvertisingFields(complete_name=name))
        if len(self.data) + len(structure) <= LEGACY_OCTETS or self.extended:
            self.data += structure
        elif len(structure) <= LEGACY_OCTETS:
            self.scan_response += structure
        else:
            raise click.UsageError(
                f"The name has {len(name.encode())} octets, and a packet has room for"
                f" {LEGACY_OCTETS - 2}: take a shorter one, or --extended."
            )
        self.name = name


def made_of(
    *,
    name: str | None,
    no_name: bool,
    services: Sequence[str],
    manufacturers: Sequence[str],
    service_data: Sequence[str],
    appearance: int | None,
    data: str | None,
    scan_response: str | None,
    extended: bool,
    connectable: bool,
) -> Broadcast:
    """Return what the options say. Raises: click.UsageError with a sentence."""
    fields = any((name, services, manufacturers, service_data, appearance is not None))
    if name is not None and no_name:
        raise click.UsageError("Take either --name or --no-name.")
    if data is not None:
        if fields:
            raise click.UsageError("--data is all that is advertised: leave out the other fields.")
        return _raw(data, scan_response or "", extended, connectable)
    if scan_response is not None:
        raise click.UsageError("--scan-response goes with --data; fields are put there as needed.")
    broadcast = Broadcast(_fields(services, manufacturers, service_data, appearance))
    broadcast.extended, broadcast.connectable = extended, connectable
    _check_size(broadcast)
    if name is not None:
        broadcast.add_name(name)
    broadcast.takes_name = name is None and not no_name
    return broadcast


def _raw(data: str, scan_response: str, extended: bool, connectable: bool) -> Broadcast:
    broadcast = Broadcast(_octets(data, "--data"), _octets(scan_response, "--scan-response"))
    broadcast.extended, broadcast.connectable = extended, connectable
    _check_size(broadcast)
    return broadcast


def _octets(text: str, option: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x").replace(":", " "))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not hexadecimal.", param_hint=option) from None


def _check_size(broadcast: Broadcast) -> None:
    """Raises: click.UsageError if it is more than fits."""
    size = len(broadcast.data)
    if size > LEGACY_OCTETS and not broadcast.extended:
        raise click.UsageError(
            f"That is {size} octets, and {LEGACY_OCTETS} fit: leave something out, or take"
            " --extended."
        )
    if len(broadcast.scan_response) > LEGACY_OCTETS:
        raise click.UsageError(f"A scan response has {LEGACY_OCTETS} octets at most.")
    if size > LEGACY_OCTETS and broadcast.scan_response:
        raise click.UsageError("There is no scan response beside more than 31 octets.")
    if size > (most := 238 if broadcast.connectable else 255):
        raise click.UsageError(f"That is {size} octets, and {most} fit at most.")


def _fields(
    services: Sequence[str],
    manufacturers: Sequence[str],
    service_data: Sequence[str],
    appearance: int | None,
) -> bytes:
    uuids = sorted({_service(text): None for text in services}, key=len)
    fields = AdvertisingFields(
        flags=_GENERAL_DISCOVERABLE | _NO_CLASSIC,
        services=tuple(uuids),
        service_data=tuple(sorted((_data_of_service(each) for each in service_data), key=_size)),
        manufacturer_data=tuple(_data_of_company(each) for each in manufacturers),
        appearance=appearance,
    )
    try:
        return build(fields)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None


def _size(data: tuple[bytes, bytes]) -> int:
    return len(data[0])


def _service(text: str) -> bytes:
    try:
        uuids = names.find_uuid(text, Kind.SERVICE)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if len(uuids) > 1:
        raise click.UsageError(f"{text!r} is the name of {len(uuids)} services: take a UUID.")
    return uuids[0]


def _data_of_service(text: str) -> tuple[bytes, bytes]:
    service, value = _divided(text, "--service-data", "180f:u8:87")
    return _service(service), value


def _data_of_company(text: str) -> tuple[int, bytes]:
    company, value = _divided(text, "--manufacturer", "0x004c:0215")
    numbers = names.find_companies(company)
    if len(numbers) == 1:
        return numbers[0], value
    if numbers:
        some = [f"0x{each:04x} {names.company_name(each)}" for each in numbers[:4]]
        raise click.UsageError(
            f"{len(numbers)} companies have {company!r} in their names, such as {', '.join(some)}:"
            " take a number."
        )
    like = names.suggest_companies(company)
    meant = f"; did you mean {' or '.join(map(repr, like))}?" if like else "."
    raise click.UsageError(f"{company!r} is no company, nor a number such as 0x004c{meant}")


def _divided(text: str, option: str, example: str) -> tuple[str, bytes]:
    whose, colon, value = text.partition(":")
    if not colon or not whose:
        raise click.UsageError(f"{option} {text!r} says no value: write such as {example}.")
    try:
        return whose, parse_value(value)
    except ValueError as error:
        raise click.UsageError(f"{option} {text!r}: {error}.") from None
