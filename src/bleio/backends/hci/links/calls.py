"""Waiting, as a coroutine, for what a bearer tells by a call.

A bearer is sans-I/O: it runs procedures and indications when their turn comes, and tells their end
by a call. Programs await it. A caller that is cancelled gives up its procedure, since its answer
would be nobody's; an indication that is on its way cannot be taken back.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from bleio.att.client import Procedure
from bleio.att.codec import TRANSACTION_TIMEOUT_S
from bleio.errors import CallerError, InnerError, LinkLost
from bleio.gatt.bearer import Bearer

MTU_EXCHANGE_S = 5.0  # connect returns after this, whatever the peer does

T = TypeVar("T")


class _Outcome(Generic[T]):
    """What is waited for; told once it is no longer wanted, it is dropped."""

    def __init__(self) -> None:
        self.future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def done(self, result: T, error: Exception | None) -> None:
        """Take a procedure's end."""
        if self.future.done():
            return  # cancelled: its caller is gone
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class _Confirmation(_Outcome[None]):
    def confirmed(self, error: Exception | None) -> None:
        """Take an indication's end."""
        self.done(None, error)


async def run(
    bearer: Bearer, procedure: Procedure[T], step_limit_s: float = TRANSACTION_TIMEOUT_S
) -> T:
    """Run a client procedure on the bearer; cancelling abandons it."""
    outcome = _Outcome[T]()
    job = bearer.client.att.run(procedure, outcome.done, step_limit_s)
    try:
        return await outcome.future
    except asyncio.CancelledError:
        bearer.client.att.abandon(job, CallerError("The call was cancelled"))
        raise


async def indicate(bearer: Bearer, handle: int, value: bytes) -> None:
    """Send an indication and wait for its confirmation."""
    confirmation = _Confirmation()
    bearer.indicate(handle, value, confirmation.confirmed)
    await confirmation.future


async def exchange_mtu(bearer: Bearer) -> None:
    """Agree on a larger MTU; if the peer does not, it stays as it is. Raises: LinkLost."""
    try:
        await run(bearer, bearer.client.exchange_mtu(), MTU_EXCHANGE_S)
    except LinkLost:
        raise
    except InnerError:
        return
