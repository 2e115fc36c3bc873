"""What the peer sends while encryption starts, held until the controller has reported it.

Events and data may come by different ways: a USB controller has an endpoint for each, and either
may be tens of milliseconds behind the other. So the first PDUs of an encrypted link may be here
before the event that says that it is encrypted: the keys of a pairing, or a client's request for a
protected value. Taken at once they would be refused as plain, a pairing would end or a client would
read "insufficient encryption" on a link that has it.

Nothing is marked on such a PDU, so it cannot be told from one in the clear by itself. What can be
told comes from the link layer (Vol 6, Part B, 5.1.3.1). A peripheral's host is asked for the key
when the central has begun; from then on no plain data may come, a controller ends the link at any.
So what a peripheral holds from its answer on was encrypted, unless the data is what comes late. A
central's host cannot see when the peer has stopped to send in the clear. A peer that has no keys
gains nothing by that: its encryption never succeeds, and what it sent is then taken as plain.
Somebody who injects keys of a pairing is found out by the genuine ones, which come too
(`link_pairing.Settling`). And a central holds only what would be worthless if it were taken as
plain, and what is harmless: keys, values that the peer tells, and what it asks of our server, whose
answers are encrypted by then. What it writes to us is taken at once, as plain (`att_waits`).

Held in order, for all channels together, for a bounded time and amount. When the time is up, or
there is no more room, all is taken as the link is by then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from bleio.att import codec
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.security.smp import pdu

# Twice the greatest distance between data and events that dongles were seen to have.
HELD_S = 0.1
MAX_HELD = 64  # PDUs

_TAKEN_AT_ONCE = codec.WRITES | codec.RESPONSES | {codec.HANDLE_VALUE_CFM}


def att_waits(octets: bytes, is_central: bool) -> bool:
    """Whether an ATT PDU waits while encryption starts. `is_central`: we are."""
    return not (is_central and octets and octets[0] in _TAKEN_AT_ONCE)


def smp_waits(octets: bytes, is_central: bool) -> bool:
    """The same of an SMP PDU."""
    return not is_central or bool(octets and octets[0] in pdu.KEYS)


class HeldData:
    """The PDUs of one link that wait for encryption. `waits`: hold what comes. Data plane."""

    def __init__(self, layer: HciLayer) -> None:
        self.waits = False
        self._layer = layer
        self._held: deque[tuple[Callable[[bytes], None], bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._held)

    def begin(self) -> None:
        """Encryption is being started; what comes from now on may be encrypted."""
        self.waits = True

    def hold(self, take: Callable[[bytes], None], octets: bytes) -> None:
        """Keep a PDU, for `take` to be called with later."""
        self._layer.counters.early_data += 1
        self._held.append((take, octets))
        if len(self._held) >= MAX_HELD:
            self.release()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HELD_S, self.release)

    def release(self) -> None:
        """Hold no more, and have all taken in the order in which it came."""
        self.waits = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held, self._held = self._held, deque()
        for take, octets in held:
            self._layer.shielded(take, octets)

    def drop(self) -> None:
        """The link is gone, and nothing has proven what was held."""
        self._layer.counters.unproven_data += len(self._held)
        self._held.clear()
        self.release()
