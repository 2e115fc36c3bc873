"""The agent that BlueZ asks in pairing: it passes the questions to the program.

BlueZ decides how to pair, and asks an agent what only a user can know. One agent is registered for
each adapter that is open, never as the default one: that is the desktop's, for all that its user
pairs there. BlueZ asks ours in pairings that we began, and in those that peers begin where there is
no other agent, and in those that BlueZ begins by itself, since it reads some values (of keyboards,
say) as soon as it has found them; our link may not be there yet. A question about a device that no
link and no connect of ours goes to is refused.

Without any agent nobody says yes: BlueZ 5.66 then leaves a read of a protected value unanswered
until ATT gives the link up. So ours is there from the start, with a program's delegate or without.
Without one every peer is accepted, by Just Works, as on a board.

What BlueZ does not say: whether a passkey is of LE Secure Connections (it counts as if not), and
that a pairing has begun, if it asks nothing. Just Works begun by us asks nothing. Then the program
is asked whether it accepts when it is done, and if it does not, the bond is forgotten at once.

A question takes as long as a person does; meanwhile the peer may give up. BlueZ cancels the
question then, and an answer that comes later is dropped.

Nor does BlueZ say that a pairing has failed that a peer began, once its question is answered. The
peer may try again on the same link, and what the program answered before must not answer then: the
numbers are others. So a pairing is over when it was refused, when the next one asks (with another
passkey, or anything after an answer), and `BOND_S` after an answer of which no bond came.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from bleio.backends.base import Link, PairingAgent
from bleio.backends.os.bluez.bus import CALL_TIMEOUT_S, Bus, BusError, Call, Reply
from bleio.core.address import DeviceAddress
from bleio.core.pairing import IoCapability, PairingMethod, PairingQuestion
from bleio.errors import PairingFailed

T = TypeVar("T")

MANAGER = "org.bluez.AgentManager1"
MANAGER_PATH = "/org/bluez"
AGENT = "org.bluez.Agent1"
REFUSED = "the pairing was refused"
MOST_PAIRINGS = 16  # at once; peers decide how many begin
CLOSE_S = 2.0  # for bluetoothd's answer when the adapter is closed; it may hang
BOND_S = 60.0  # from an answer to the bond; SMP gives up 30 s after the last packet

_CAPABILITIES = {
    IoCapability.DISPLAY_ONLY: "DisplayOnly",
    IoCapability.DISPLAY_YES_NO: "DisplayYesNo",
    IoCapability.KEYBOARD_ONLY: "KeyboardOnly",
    IoCapability.NO_INPUT_NO_OUTPUT: "NoInputNoOutput",
    IoCapability.KEYBOARD_DISPLAY: "KeyboardDisplay",
}
_METHODS = {
    "RequestAuthorization": PairingMethod.JUST_WORKS,
    "RequestConfirmation": PairingMethod.NUMERIC_COMPARISON,
    "RequestPasskey": PairingMethod.PASSKEY_ENTRY,
    "DisplayPasskey": PairingMethod.PASSKEY_ENTRY,
}

_numbers = itertools.count(1)
_log = logging.getLogger(__name__)


class Party(Protocol):
    """A link, or a connect that is under way."""

    @property
    def peer(self) -> DeviceAddress: ...

    @property
    def is_central(self) -> bool: ...


class AgentOwner(Protocol):
    """What knows the program's delegate and the links."""

    @property
    def agent(self) -> PairingAgent | None: ...

    def party_at(self, device: str) -> Party | None:
        """Return what pairs with a device by its object path; None if that is not of ours."""


class Pairing:
    """One pairing with one device. `question`: None until BlueZ has asked something."""

    def __init__(self, party: Party) -> None:
        self.party = party
        self.question: PairingQuestion | None = None
        self.passkey: int | None = None  # that is shown
        self.accepted: asyncio.Future[bool] | None = None
        self.waits: set[asyncio.Future[Any]] = set()
        self.expiry: asyncio.TimerHandle | None = None

    def is_before(self, passkey: int | None) -> bool:
        """Whether what is asked now is of a later pairing. Args: `passkey`: to be shown, if any."""
        if passkey is not None and self.passkey is not None:
            return passkey != self.passkey  # the same again tells how many digits were typed
        return self.question is not None and not self.waits


def _rejected() -> BusError:
    return BusError("org.bluez.Error.Rejected", "The program refuses")


class Agent:
    """See the module. Args: `bus`: where it is served and where it is that pairing is asked for."""

    def __init__(self, bus: Bus, owner: AgentOwner) -> None:
        self._bus, self._owner = bus, owner
        self._path = f"/org/bleio/agent/{os.getpid()}/{next(_numbers)}"
        self._registered: str | None = None
        self._pairings: dict[str, Pairing] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._turn = asyncio.Lock()

    # Registration

    async def register(self) -> None:
        """Have BlueZ ask from now on, with what the program's delegate can show and ask now.

        Raises: BusError.
        """
        async with self._turn:
            agent = self._owner.agent
            can = IoCapability.NO_INPUT_NO_OUTPUT if agent is None else agent.io_capability
            wanted = _CAPABILITIES[can]
            if wanted == self._registered:
                return
            if self._registered is not None:
                await self._unregister()
            self._bus.serve(self._path, self._asked)
            member = "RegisterAgent"
            await self._bus.call(MANAGER_PATH, MANAGER, member, "os", self._path, wanted)
            self._registered = wanted

    async def close(self) -> None:
        """Be asked no more. Idempotent."""
        for device in tuple(self._pairings):
            self.ended(device, "the adapter was closed")
        if self._registered is not None:
            await self._unregister(CLOSE_S)
        self._bus.unserve(self._path)
        for task in self._tasks:
            task.cancel()

    def forgotten(self) -> None:
        """bluetoothd has ended, and knows no agent any more."""
        self._registered = None
        for device in tuple(self._pairings):
            self.ended(device, "bluetoothd has ended")

    async def _unregister(self, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._registered = None
        with suppress(BusError):
            member = "UnregisterAgent"
            await self._bus.call(
                MANAGER_PATH, MANAGER, member, "o", self._path, timeout_s=timeout_s
            )

    # Pairings

    def began(self, device: str, party: Party) -> Pairing:
        """A pairing is under way. Raises: PairingFailed if there are too many."""
        pairing = self._pairings.get(device)
        if pairing is None:
            if len(self._pairings) >= MOST_PAIRINGS:
                raise PairingFailed
            pairing = self._pairings[device] = Pairing(party)
        return pairing

    def ended(self, device: str, reason: str | None) -> PairingMethod | None:
        """A pairing is over; does nothing if there was none. Args: `reason`: None: it succeeded.

        Returns: how it was done, as far as BlueZ has asked.
        """
        pairing = self._pairings.pop(device, None)
        if pairing is None:
            return None
        for wait in pairing.waits:
            wait.cancel()
        if pairing.expiry is not None:
            pairing.expiry.cancel()
        question, agent = pairing.question, self._owner.agent
        if question is not None and agent is not None:
            agent.ended(question, reason)
        return None if question is None else question.method

    def has_asked(self, device: str) -> bool:
        """Whether BlueZ has asked something in a pairing that is not over."""
        pairing = self._pairings.get(device)
        return pairing is not None and pairing.question is not None

    async def accept_afterwards(self, device: str, link: Link) -> bool:
        """Ask the program about a pairing for which BlueZ has asked nothing: Just Works."""
        pairing = self.began(device, link)
        if pairing.question is not None:
            return True
        return await self._accept(pairing, PairingMethod.JUST_WORKS)

    # What BlueZ asks

    def _asked(self, call: Call) -> Reply | Awaitable[Reply]:
        """Answer a call of BlueZ's. Raises: BusError."""
        if call.interface != AGENT:
            raise BusError("org.freedesktop.DBus.Error.UnknownInterface", call.interface)
        if call.member == "Release":
            self._registered = None
            return Reply()
        if call.member == "Cancel":
            for device in tuple(self._pairings):
                self._cancel(device)
            return Reply()
        if call.member in _METHODS and call.body and isinstance(call.body[0], str):
            return self._question(call, call.body[0])
        raise _rejected()  # what is not of LE

    def _question(self, call: Call, device: str) -> Reply | Awaitable[Reply]:
        party = self._owner.party_at(device)
        if party is None:
            raise _rejected()
        numbers = [each for each in call.body[1:] if isinstance(each, int)]
        number = numbers[0] if numbers else 0
        is_shown = call.member == "DisplayPasskey"
        before = self._pairings.get(device)
        if before is not None and before.is_before(number if is_shown else None):
            self.ended(device, "another pairing has begun")
        try:
            pairing = self.began(device, party)
        except PairingFailed:
            raise _rejected() from None
        if not is_shown:
            return self._answer(device, pairing, call.member, number)
        if pairing.passkey is None:
            pairing.passkey = number
            self._spawn(self._display(device, pairing, number))
        return Reply()

    async def _display(self, device: str, pairing: Pairing, passkey: int) -> None:
        agent = self._owner.agent
        method = PairingMethod.PASSKEY_ENTRY
        if self._pairings.get(device) is not pairing:
            return
        try:
            if agent is None or not await self._accept(pairing, method):
                raise PairingFailed
            assert pairing.question is not None
            await self._wait(pairing, agent.display_passkey(pairing.question, passkey))
        except PairingFailed:
            self._drop(device, pairing, REFUSED)
            with suppress(BusError):
                await self._bus.call(device, "org.bluez.Device1", "CancelPairing")
        else:
            self._await_bond(device, pairing)

    async def _answer(self, device: str, pairing: Pairing, member: str, number: int) -> Reply:
        try:
            reply = await self._reply(pairing, member, number)
        except PairingFailed:
            self._drop(device, pairing, REFUSED)
            raise _rejected() from None
        except asyncio.CancelledError:
            raise BusError("org.bluez.Error.Canceled", "The pairing has ended") from None
        self._await_bond(device, pairing)
        return reply

    async def _reply(self, pairing: Pairing, member: str, number: int) -> Reply:
        """Ask the program. Raises: PairingFailed if it refuses."""
        if not await self._accept(pairing, _METHODS[member]):
            raise PairingFailed
        if member == "RequestAuthorization":
            return Reply()
        agent, question = self._owner.agent, pairing.question
        if agent is None or question is None:
            raise PairingFailed
        if member == "RequestPasskey":
            passkey = await self._wait(pairing, agent.enter_passkey(question))
            if passkey is None:
                raise PairingFailed
            return Reply("u", [passkey])
        if not await self._wait(pairing, agent.compare(question, number)):
            raise PairingFailed
        return Reply()

    def _await_bond(self, device: str, pairing: Pairing) -> None:
        if self._pairings.get(device) is pairing:
            late = partial(self._drop, device, pairing, "no bond has come of it")
            pairing.expiry = asyncio.get_running_loop().call_later(BOND_S, late)

    def _drop(self, device: str, pairing: Pairing, reason: str) -> None:
        """A pairing has failed, unless it is over already."""
        if self._pairings.get(device) is pairing:
            self.ended(device, reason)

    async def _accept(self, pairing: Pairing, method: PairingMethod) -> bool:
        """Ask once for each pairing whether to pair at all. Raises: PairingFailed."""
        party, agent = pairing.party, self._owner.agent
        if pairing.question is None:
            is_new = method is PairingMethod.NUMERIC_COMPARISON  # no other is certain
            pairing.question = PairingQuestion(party.peer, method, is_new, party.is_central)
            if agent is not None:
                accepting = asyncio.ensure_future(agent.accept(pairing.question))
                pairing.accepted = accepting
        if pairing.accepted is None:
            return True
        return await self._wait(pairing, pairing.accepted)

    async def _wait(self, pairing: Pairing, answer: Awaitable[T]) -> T:
        """Wait for the program, until BlueZ cancels the question."""
        future = asyncio.ensure_future(answer)
        pairing.waits.add(future)
        try:
            return await future
        finally:
            pairing.waits.discard(future)

    def _cancel(self, device: str) -> None:
        pairing = self._pairings.get(device)
        if pairing is not None and pairing.waits:
            self.ended(device, "the other device has ended the pairing")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("Showing a passkey: %r", error)
