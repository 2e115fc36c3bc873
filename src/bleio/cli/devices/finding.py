"""Finding the device that is meant: the first search of every command that talks to one.

A name may belong to several devices, and is often in the scan response alone. So the search goes on
for `SETTLE_S` after the first that fits; an address ends it at once. Whole names come before those
that differ in case, and those before ones that only begin like it.

A search in vain says what was heard in place of it, likely ones first, each as a command that can
be typed. Names are what anybody chooses to send: they are shown escaped, and devices beyond
`MOST_DEVICES` are counted and not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from bleio import aio
from bleio.aio.opening import hears_extended, open_now
from bleio.api import Adapter, Address, ScanEntry
from bleio.cli.devices.problems import NotFound
from bleio.cli.devices.retyping import retyped
from bleio.cli.devices.target import Target
from bleio.cli.shared.hints import heard_nothing
from bleio.core.address import DeviceAddress
from bleio.core.advertising_fields import parse
from bleio.decoding.octets import quoted

SETTLE_S = 1.0
MOST_DEVICES = 4_096
_MOST_SHOWN = 8
_NEAR = 0.6  # of SequenceMatcher's ratio
_BUFFER_OCTETS = 1 << 18
_WEAKEST_DBM = -127


@dataclass
class Heard:
    """One device of the air, with what its packets have said so far."""

    address: Address
    name: str = ""
    rssi_dbm: int = _WEAKEST_DBM
    connectable: bool = False

    @property
    def address_text(self) -> str:
        """The address, as users type it."""
        return self.address.address_bytes[::-1].hex(":")

    def __str__(self) -> str:
        return f"{quoted(self.name)} ({self.address_text})" if self.name else self.address_text


@dataclass
class Search:
    """What a scan has heard, and which of it fits."""

    target: Target
    devices: dict[DeviceAddress, Heard] = field(default_factory=dict)
    others: int = 0  # packets of devices beyond MOST_DEVICES
    fitting: dict[DeviceAddress, Heard] = field(default_factory=dict)

    def add(self, entry: ScanEntry) -> None:
        """Take a packet."""
        address = entry.address._device()
        device = self.devices.get(address) or self.fitting.get(address)
        if device is None:
            device = Heard(entry.address)
            if len(self.devices) < MOST_DEVICES:
                self.devices[address] = device
            else:
                self.others += 1
        device.rssi_dbm = entry.rssi
        device.connectable |= entry.connectable
        fields = parse(entry.advertisement_bytes)
        device.name = fields.complete_name or device.name or fields.shortened_name or ""
        if self.rank(device) is not None and len(self.fitting) < MOST_DEVICES:
            self.fitting[address] = device

    def rank(self, device: Heard) -> int | None:
        """Return how well a device fits, 0 is best; None if it does not."""
        if self.target.is_address(device.address._device()):
            return 0
        return self.target.rank(device.name) if device.name else None

    @property
    def is_over(self) -> bool:
        """Whether nothing that could still be heard matters."""
        return any(
            self.target.is_address(address) and device.connectable
            for address, device in self.fitting.items()
        )

    def best(self) -> list[Heard]:
        """Return the devices that fit best: those that take links if any does, strongest first."""
        ranks = [(self.rank(each), each) for each in self.fitting.values()]
        ranked = [(rank, each) for rank, each in ranks if rank is not None]
        best = min((rank for rank, _ in ranked), default=None)
        fitting = [each for rank, each in ranked if rank == best]
        able = [each for each in fitting if each.connectable]
        return sorted(able or fitting, key=lambda each: -each.rssi_dbm)


async def find(adapter: Adapter, target: Target, *, timeout_s: float = 10.0) -> Heard:
    """Return the one device that is meant, which is advertising and takes links.

    Raises: NotFound, with what was heard; what a scan raises.
    """
    search = Search(target)
    await listen(adapter, search, timeout_s)
    return chosen(search, timeout_s, adapter)


async def listen(adapter: Adapter, search: Search, timeout_s: float) -> None:
    """Scan until what is meant was heard, or the time is over: that of hearing, not of opening."""
    await open_now(adapter)
    fits = asyncio.Event()
    listening = asyncio.ensure_future(_listen(adapter, search, fits))
    waiting = asyncio.ensure_future(fits.wait())
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    try:
        either = {listening, waiting}
        await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            left_s = max(0.0, deadline_s - loop.time())
            await asyncio.wait({listening}, timeout=min(SETTLE_S, left_s))
    finally:
        waiting.cancel()
        listening.cancel()
        ended = await asyncio.gather(listening, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _listen(adapter: Adapter, search: Search, fits: asyncio.Event) -> None:
    options = {"buffer_size": _BUFFER_OCTETS, "minimum_rssi": _WEAKEST_DBM}
    async with aio.scan(adapter, extended=hears_extended(adapter), **options) as entries:
        async for entry in entries:
            search.add(entry)
            if search.fitting:
                fits.set()
            if search.is_over:
                return


def repr_of(adapter: Adapter) -> str:
    """Return what messages call the adapter: its string."""
    backend = adapter._session.life.backend
    return backend.name if backend is not None else "the adapter"


def chosen(search: Search, timeout_s: float, adapter: Adapter) -> Heard:
    """Return the one device that fits. Raises: NotFound."""
    target, best, where = search.target, search.best(), repr_of(adapter)
    if len(best) == 1 and best[0].connectable:
        return best[0]
    if len(best) == 1:
        raise NotFound(
            f"{_capital(best[0])} is heard on {where}, but takes no connections now: it is a beacon"
            " or has a link to another device. Have it advertise as connectable, and try again."
        )
    if best:
        raise NotFound(
            f"{len(best)} devices that {where} hears fit {target.text!r}; take one of them:\n"
            + commands_for(best, target)
        )
    said = f"No device {target} was heard within {timeout_s:g} s on {where}."
    devices = likely_first(search.devices.values(), target)
    if not devices:
        raise NotFound(f"{said} {heard_nothing(adapter)}")
    raise NotFound(f"{said} What was:\n{commands_for(devices, target, search.others)}")


def _capital(device: Heard) -> str:
    return f"The device {device}"


def likely_first(devices: Iterable[Heard], target: Target) -> list[Heard]:
    """Return devices in order: those whose name or address is near, then the strongest."""

    def order(device: Heard) -> tuple[float, bool, bool, int]:
        near = max(
            _likeness(target.text, device.name),
            _likeness(target.text, device.name[: len(target.text) + 1]),
            _likeness(target.text, device.address_text),
        )
        near = near if near >= _NEAR else 0.0
        return (-near, not device.connectable, not device.name, -device.rssi_dbm)

    return sorted(devices, key=order)


def _likeness(one: str, other: str) -> float:
    one, other = one.casefold()[:64], other.casefold()[:64]
    return SequenceMatcher(None, one, other).ratio() if one and other else 0.0


def commands_for(devices: list[Heard], target: Target, more_packets: int = 0) -> str:
    """Return lines to type in place of the one that was typed, with what each would reach."""
    lines = []
    for each in devices[:_MOST_SHOWN]:
        name = f"{quoted(each.name)}, " if each.name else ""
        links = "" if each.connectable else ", takes no connections"
        address = each.address_text
        command = retyped(target.text, address) or f"bleio explore {address}"
        lines.append(f"  {command}  # {name}{each.rssi_dbm} dBm{links}")
    if len(devices) > _MOST_SHOWN or more_packets:
        number = f"{'at least ' if more_packets else ''}{len(devices) - _MOST_SHOWN}"
        lines.append(f"and {number} more, which bleio scan shows")
    return "\n".join(lines)
