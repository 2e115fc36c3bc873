"""How a device advertises: what it says, how often, and whether it takes links.

One packet tells little: a name is often in the scan response alone, the interval is between
packets, and some devices change what they say. So it is listened to for a while, and what was said
most is what the device says.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

from bleio import aio
from bleio.aio.opening import hears_extended
from bleio.api import Adapter
from bleio.backends.capabilities import Capability
from bleio.cli.cloning.record import Advertising
from bleio.cli.cloning.rhythm import interval_ms
from bleio.cli.devices.finding import Heard, Search, chosen, listen
from bleio.cli.devices.target import Target

_MOST_S = 4.0
_PACKETS = 25  # enough to tell the interval
_MOST_KINDS = 256  # of contents that are told apart
_BUFFER_OCTETS = 1 << 18
_WEAKEST_DBM = -127


async def find_any(adapter: Adapter, target: Target, timeout_s: float) -> Heard:
    """Return the one device that is meant, be it a beacon. Raises: NotFound."""
    search = Search(target)
    await listen(adapter, search, timeout_s)
    best = search.best()
    return best[0] if len(best) == 1 else chosen(search, timeout_s, adapter)


async def advertising_of(adapter: Adapter, heard: Heard, say: Callable[[str], None]) -> Advertising:
    """Listen to a device. It has been heard before, so something will come."""
    ear = _Ear(heard)
    with contextlib.suppress(asyncio.TimeoutError):  # a slow one: what was heard is what there is
        await asyncio.wait_for(_listen(adapter, ear), _MOST_S)
    if not ear.data:
        say(f"{heard} is silent now: the twin advertises nothing but its name.")
    return ear.advertising(rebuilt=_is_rebuilt(adapter))


def _is_rebuilt(adapter: Adapter) -> bool:
    backend = adapter._session.life.backend
    return backend is not None and Capability.RAW_ADVERTISING not in backend.capabilities


async def _listen(adapter: Adapter, ear: _Ear) -> None:
    options = {"buffer_size": _BUFFER_OCTETS, "minimum_rssi": _WEAKEST_DBM}
    loop = asyncio.get_running_loop()
    async with aio.scan(adapter, extended=hears_extended(adapter), **options) as entries:
        async for entry in entries:
            if entry.address == ear.heard.address:
                ear.hear(
                    entry.advertisement_bytes, entry.scan_response, entry.connectable, loop.time()
                )
            if len(ear.times_ms) >= _PACKETS:
                return


class _Ear:
    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.data: Counter[bytes] = Counter()
        self.times_ms: list[float] = []
        self._responses: Counter[bytes] = Counter()
        self._connectable = heard.connectable

    def hear(self, octets: bytes, is_response: bool, connectable: bool, now_s: float) -> None:
        counts = self._responses if is_response else self.data
        if octets in counts or len(counts) < _MOST_KINDS:
            counts[octets] += 1
        self._connectable |= connectable
        if not is_response:
            self.times_ms.append(now_s * 1000)

    def advertising(self, rebuilt: bool) -> Advertising:
        (data, _), *others = self.data.most_common() or [(_only_name(self.heard), 0)]
        response = next(iter(self._responses.most_common(1)), (None, 0))[0]
        interval = None if rebuilt else interval_ms(self.times_ms)
        return Advertising(data, response, self._connectable, interval, len(others), rebuilt)


def _only_name(heard: Heard) -> bytes:
    name = heard.name.encode()[:26]
    return bytes((len(name) + 1, 0x09)) + name if name else b""
