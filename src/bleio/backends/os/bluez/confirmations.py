"""Waiting for indications to be confirmed.

BlueZ says of which characteristic a value was confirmed, and neither which value nor by whom. So
one value of a characteristic is under way at a time, and the first confirmation is taken for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bleio.core.codes import Properties
from bleio.errors import LinkLost
from bleio.gatt.model import LocalCharacteristic

CONFIRMATION_S = 30.0  # ATT's transaction time-out, Vol 3, Part F, 3.3.3


class Confirmations:
    """Those of all characteristics."""

    def __init__(self) -> None:
        self._turns: dict[LocalCharacteristic, asyncio.Lock] = {}
        self._waiting: dict[LocalCharacteristic, asyncio.Future[None]] = {}

    async def of(
        self, characteristic: LocalCharacteristic, send: Callable[[], bool], timeout_s: float
    ) -> bool:
        """Send a value and wait for its confirmation, behind the values before it.

        Args: send: returns whether there is anybody to send to.
        Returns: whether it was confirmed, or there was nobody. Raises: LinkLost.
        """
        async with self._turns.setdefault(characteristic, asyncio.Lock()):
            waiting = asyncio.get_running_loop().create_future()
            self._waiting[characteristic] = waiting
            try:
                if send():
                    await asyncio.wait_for(waiting, timeout_s)
                return True
            except (asyncio.TimeoutError, TimeoutError):
                return False
            finally:
                del self._waiting[characteristic]

    def confirmed(self, characteristic: LocalCharacteristic) -> None:
        """A client has confirmed."""
        waiting = self._waiting.get(characteristic)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def fail(self, characteristic: LocalCharacteristic) -> None:
        """No client is left that could confirm."""
        waiting = self._waiting.get(characteristic)
        if waiting is not None and not waiting.done():
            waiting.set_exception(LinkLost())

    def forget(self, characteristic: LocalCharacteristic) -> None:
        """It is offered no longer."""
        self.fail(characteristic)
        turn = self._turns.get(characteristic)
        if turn is not None and not turn.locked():
            del self._turns[characteristic]


def ways_of(characteristic: LocalCharacteristic) -> tuple[bool, bool]:
    """Return how clients can ask for its values, as (notify, indicate)."""
    properties = characteristic.properties
    return bool(properties & Properties.NOTIFY), bool(properties & Properties.INDICATE)


def subscription_of(characteristic: LocalCharacteristic) -> tuple[bool, bool]:
    """Return what a subscription is called: one way, notifications first."""
    notifies, indicates = ways_of(characteristic)
    return notifies, indicates and not notifies
