"""Pairing with BlueZ, and what is known of a link's security there.

BlueZ says of a device that it is paired, and no more. As central it encrypts a paired link before
anybody can use it. Links that peers make are encrypted by honest ones soon after they are up, and
by a stranger with a bonded device's address never. So what is said here is what a link may be;
whether it is encrypted at this moment, the kernel says where it can be asked
(`reaching.is_encrypted`). Where it cannot, paired counts as encrypted, and only the permissions of
values, which the kernel holds on each link, protect anything. How strong the keys are is known of
pairings that this process has seen: by the questions that were asked. Of others nothing is claimed.

`Pair` is asked for a device that is not paired only: BlueZ 5.66 does not answer it for others, and
ends with a fault of its own when the link to such a device goes. It is asked once, however many
wait, and while BlueZ pairs by itself (since a value needed it, or the peer has begun), its end is
waited for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bleio.backends.base import Link
from bleio.backends.os.bluez.agent import REFUSED, Agent
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.objects import ADAPTER, DEVICE, Objects
from bleio.backends.os.links.errors import of_dbus
from bleio.backends.tasks import abandon
from bleio.core.pairing import PairingMethod
from bleio.core.security import LinkSecurity
from bleio.errors import LinkLost, PairingFailed

PAIR_S = 80.0
AGAIN_S = 0.2
UNDER_WAY_S = 40.0  # longer than SMP's 30 s
PAIRED_S = 3.0  # from BlueZ's answer to its signal


class Bonding:
    """See the module."""

    def __init__(self, objects: Objects, agent: Agent) -> None:
        self.agent = agent
        self._objects = objects
        self._strength: dict[str, PairingMethod] = {}
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._waiting: Counter[str] = Counter()  # how many wait for each

    def _device(self, path: str) -> Mapping[str, Any]:
        return self._objects.get(path, DEVICE) or {}

    def security(self, path: str) -> LinkSecurity:
        """Return what is known of the link to a device."""
        if not self._device(path).get("Paired"):
            return LinkSecurity()
        method = self._strength.get(path)
        return LinkSecurity(
            encrypted=True,
            has_keys=True,
            authenticated=method in (PairingMethod.NUMERIC_COMPARISON, PairingMethod.PASSKEY_ENTRY),
            secure_connections=method is PairingMethod.NUMERIC_COMPARISON,
        )

    def paired(self, path: str, is_paired: bool) -> None:
        """BlueZ says that a device is paired now, or is no longer."""
        if not is_paired:
            self._strength.pop(path, None)
        elif path not in self._under_way:
            self._note(path)

    def ended(self, path: str, reason: str) -> None:
        """The link to a device has ended, or all that BlueZ had of it."""
        self.agent.ended(path, reason)
        if not self._device(path).get("Paired"):
            self._strength.pop(path, None)

    def _note(self, path: str) -> None:
        method = self.agent.ended(path, None)
        if method is not None:
            self._strength[path] = method

    async def pair(self, path: str, link: Link) -> LinkSecurity:
        """Pair with a connected device, or wait until it is.

        Raises: PairingFailed, LinkLost.
        """
        if not self._device(path).get("Paired"):
            if path not in self._under_way:
                pairing = asyncio.ensure_future(self._pair(path, link))
                self._under_way[path] = pairing
                pairing.add_done_callback(lambda done: self._over(path, done))
            self._waiting[path] += 1
            try:
                await asyncio.shield(self._under_way[path])
            except asyncio.CancelledError:
                if self._waiting[path] == 1:  # nobody else wants it
                    await self._cancel_pairing(path)
                raise
            finally:
                self._waiting[path] -= 1
                if not self._waiting[path]:
                    del self._waiting[path]
        return self.security(path)

    def _over(self, path: str, pairing: asyncio.Future[None]) -> None:
        self._under_way.pop(path, None)
        if not pairing.cancelled():
            pairing.exception()  # those that wait are told, if any are left

    async def _pair(self, path: str, link: Link) -> None:
        self.agent.began(path, link)
        try:
            await self._ask(path)
            await self._until_paired(path)
            accepted = False
            with suppress(PairingFailed):
                accepted = await self.agent.accept_afterwards(path, link)
            if not accepted:
                self.agent.ended(path, REFUSED)
                await self._forget(path)
                raise PairingFailed
        except BusError as error:
            self.agent.ended(path, error.text or error.name)
            if error.name.endswith(("UnknownObject", "DoesNotExist", "NotConnected")):
                raise LinkLost from None
            found = of_dbus(error.name, error.text)
            raise (found if isinstance(found, LinkLost) else PairingFailed()) from None
        self._note(path)

    async def _ask(self, path: str) -> None:
        """Have BlueZ pair, unless it does so by itself. Raises: BusError."""
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + UNDER_WAY_S
        if self.agent.has_asked(path):
            # A read that had BlueZ pair may return before its signal: Pair is never answered then.
            await self._until_paired(path)
        while not self._device(path).get("Paired"):
            try:
                await self._answered_or_paired(path)
                return
            except BusError as error:
                if error.name.endswith("AlreadyExists"):
                    return
                if not error.name.endswith("InProgress") or clock() > deadline_s:
                    raise
            await asyncio.sleep(AGAIN_S)

    async def _answered_or_paired(self, path: str) -> None:
        """Call `Pair`. BlueZ 5.66 does not answer if it has just paired by itself for a value."""
        call = self._objects.bus.call(path, DEVICE, "Pair", timeout_s=PAIR_S)
        answer = asyncio.ensure_future(call)
        try:
            while not answer.done() and not self._device(path).get("Paired"):
                await asyncio.wait({answer}, timeout=AGAIN_S)
            await asyncio.wait({answer}, timeout=AGAIN_S)  # the usual order
            if answer.done():
                answer.result()
        finally:
            abandon(answer)

    async def _until_paired(self, path: str) -> None:
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + PAIRED_S
        while not self._device(path).get("Paired") and clock() < deadline_s:
            await asyncio.sleep(0.01)

    async def _forget(self, path: str) -> None:
        adapter = path.rpartition("/")[0]
        with suppress(BusError):
            await self._objects.bus.call(adapter, ADAPTER, "RemoveDevice", "o", path)

    async def _cancel_pairing(self, path: str) -> None:
        with suppress(BusError):
            await self._objects.bus.call(path, DEVICE, "CancelPairing", timeout_s=2.0)
