"""A device of ours with an attacker on its only link, in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from bleio.backends.base import OobData
from bleio.backends.hci.bonds.store import Bond, BondStore, MemoryBondStore
from bleio.backends.hci.security.shared import SharedSecurity
from bleio.backends.hci.security.smp.pdu import PAIRING_FAILED
from bleio.core.address import DeviceAddress
from bleio.core.pairing import IoCapability, PairingQuestion, SecuritySettings
from bleio.core.security import LinkSecurity
from bleio.errors import InnerError
from support.attacker import ADDRESS, Attacker
from support.hci.engine import until
from support.hci.world import Device, VirtualWorld


class Asked:
    """A pairing agent that agrees to everything and remembers what it was asked."""

    has_oob = False

    def __init__(self, io_capability: IoCapability) -> None:
        self.io_capability = io_capability
        self.questions: list[tuple[Any, ...]] = []
        self.endings: list[str | None] = []
        self.passkey: int | None = 0

    async def accept(self, request: PairingQuestion) -> bool:
        self.questions.append(("accept", request))
        return True

    async def display_passkey(self, request: PairingQuestion, passkey: int) -> None:
        self.questions.append(("display", request, passkey))

    async def enter_passkey(self, request: PairingQuestion) -> int | None:
        self.questions.append(("enter", request))
        return self.passkey

    async def compare(self, request: PairingQuestion, number: int) -> bool:
        self.questions.append(("compare", request, number))
        return True

    async def peer_oob(self, peer: DeviceAddress) -> OobData | None:
        raise AssertionError("it says that there is none")

    def ended(self, request: PairingQuestion, reason: str | None) -> None:
        self.endings.append(reason)

    def bond_used(self, peer: DeviceAddress, authenticated: bool) -> None:
        """A bond is no pairing."""


class Carried(Asked):
    """An agent to whom the peer's out-of-band data was carried."""

    has_oob = True

    def __init__(self, data: OobData) -> None:
        super().__init__(IoCapability.NO_INPUT_NO_OUTPUT)
        self.data = data

    async def peer_oob(self, peer: DeviceAddress) -> OobData | None:
        return self.data


class Victim:
    """Our device, its link, and who is at the other end of it."""

    def __init__(self, device: Device, attacker: Attacker, store: BondStore) -> None:
        self.device = device
        self.attacker = attacker
        self.store = store
        self.link: Any = None

    @property
    def security(self) -> LinkSecurity:
        return self.link.security

    @property
    def manager(self) -> SharedSecurity:
        assert self.device.backend._open is not None
        return self.device.backend._open.security.shared

    def bonds(self) -> list[tuple[bool, Bond]]:
        return self.store.all()

    async def meet(self, role: str) -> None:
        """Get a link; `role` is the victim's."""
        backend, attacker = self.device.backend, self.attacker
        if role == "central":
            await attacker.advertise()
            connecting = asyncio.ensure_future(backend.connect(attacker.address, 10))
            await attacker.connected.wait()
            mtu = await attacker.att.get()
            attacker.send(0x0004, b"\x03" + mtu[1:])  # the exchange of MTU, for connect to return
            self.link = await connecting
        else:
            await self.device.advertise()
            await attacker.connect(self.device.address)
            await until(lambda: self.device.engine.links)
            (self.link,) = self.device.engine.links

    async def meet_again(self) -> None:
        """Get another link in the same roles."""
        role = "central" if self.link.is_central else "peripheral"
        await self.attacker.disconnect()
        await until(lambda: not self.link.connected)
        self.attacker.connected.clear()
        self.attacker.gone.clear()
        while not self.attacker.encrypted.empty():
            self.attacker.encrypted.get_nowait()
        await self.meet(role)

    def refused(self) -> bool:
        """Whether, as central, it has found that the peer has not its keys."""
        return bool(self.link._security.keys_lost)

    async def pair(self, *args: Any, **kwargs: Any) -> Bond | int | None:
        """Pair, the central asking. Returns: what the attacker got, or why we refused."""
        result = await self._pair(*args, **kwargs)
        await self.settle()
        while not self.attacker.smp.empty():  # a refusal of its last PDU
            result = (await self.attacker.receive(PAIRING_FAILED))[1]
        return result

    async def _pair(self, *args: Any, **kwargs: Any) -> Bond | int | None:
        if not self.link.is_central:
            return await self.attacker.pair(*args, **kwargs)
        asking = asyncio.ensure_future(self.link.pair())
        try:
            return await self.attacker.answer_pairing(*args, **kwargs)
        finally:
            with suppress(InnerError):
                await asking

    async def settle(self) -> None:
        """Let all that is on the way arrive."""
        await asyncio.sleep(0.5)


@asynccontextmanager
async def attacked(
    role: str = "peripheral",
    *,
    settings: SecuritySettings | None = None,
    agent: Any = None,
    address: str | None = None,
    store: BondStore | None = None,
) -> AsyncIterator[Victim]:
    """Provide a victim whose link leads to an attacker; `role` is the victim's."""
    store = MemoryBondStore() if store is None else store
    async with VirtualWorld() as world:
        device = await world.device(bonds=lambda identity: store)
        device.backend.settings = settings or SecuritySettings()
        device.backend.agent = agent
        async with Attacker(address or ADDRESS) as attacker:
            victim = Victim(device, attacker, store)
            await victim.meet(role)
            yield victim
