"""Which proxy a link goes through.

habluetooth decides: the proxy that hears the device best, less a little for each link that it is
making, for each failure with this device, and for its last slot. Here is what comes before: that a
device is waited for until it is heard, by all that can hear it; that habluetooth learns what each
of them has heard; and that a program is told in a sentence if those that hear it have no slots.

An attempt may fail though the device is there, since in a proxy one radio is shared by scanning,
links and the network. `links.connecting` makes another one, which may go through another proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from aioesphomeapi.api_pb2 import (  # type: ignore[attr-defined]
    BluetoothLERawAdvertisement,
    BluetoothLERawAdvertisementsResponse,
)
from bleak import BleakClient
from habluetooth.wrappers import HaBleakClientWrapper

from bleio.backends.os.esphome.heard import FRESH_S, Heard, address_in, text_of
from bleio.backends.os.esphome.manager import Manager
from bleio.backends.os.esphome.proxy import Proxy, ProxySession
from bleio.errors import CallerError, ControllerLost

SETTLE_S = 0.4  # proxies report what they hear in batches, several times a second
LINK_TIMEOUT_S = 20.0
SLOT_S = 2.0


class RoutesOwner(Protocol):
    """The fleet."""

    @property
    def proxies(self) -> Sequence[Proxy]:
        """All of them, in the order of the adapter string."""

    def nothing_left(self) -> ControllerLost:
        """Return why no proxy can be used."""


class Routes:
    """See the module."""

    def __init__(self, owner: RoutesOwner, manager: Manager) -> None:
        self._owner = owner
        self._manager = manager
        self._clock = asyncio.get_running_loop().time
        self._awaited: dict[int, list[asyncio.Event]] = {}

    def heard(self, address: int) -> None:
        """A packet of a device was heard."""
        if self._awaited:
            for event in self._awaited.get(address, ()):
                event.set()

    async def link_to(self, address: str, on_end: Callable[[], None]) -> BleakClient:
        """Connect to a device; waits for it to be heard. Args: on_end: called when the link ends.

        Raises: ControllerLost if there is no proxy; CallerError if those that hear the device have
            no slot, or only listen; BleakError, TimeoutError if the attempt fails.
        """
        number = address_in(address)
        await self._wait_for_slot(number)
        self._forget_services(number)
        self._tell_manager(number)
        with self._manager.in_place():
            link = HaBleakClientWrapper(address, partial(_ended, on_end), timeout=LINK_TIMEOUT_S)
        try:
            await link.connect()
        finally:
            self._have_manager_forget(number)
        return link

    # Hearing

    def _listening(self, address: int) -> list[tuple[Proxy, ProxySession, Heard]]:
        """Return which proxies hear a device, and what they have heard."""
        now_s = self._clock()
        return [
            (proxy, proxy.session, heard)
            for proxy in self._owner.proxies
            if proxy.session is not None
            and (heard := proxy.table.fresh(address, now_s)) is not None
        ]

    async def _wait_until_heard(self, address: int) -> None:
        """Wait for a device, and then for all proxies to tell that they hear it too."""
        while True:
            if listening := self._listening(address):
                first_s = min(heard.first_s for _, _, heard in listening)
                left_s = first_s + SETTLE_S - self._clock()
                if left_s <= 0:
                    return
                await asyncio.sleep(left_s)
            elif any(proxy.session for proxy in self._owner.proxies):
                await self._next_packet(address)
            else:
                raise self._owner.nothing_left()

    async def _next_packet(self, address: int) -> None:
        event = asyncio.Event()
        waiting = self._awaited.setdefault(address, [])
        waiting.append(event)
        try:
            with contextlib.suppress(asyncio.TimeoutError):  # to see whether there are proxies
                await asyncio.wait_for(event.wait(), FRESH_S)
        finally:
            waiting.remove(event)
            if not waiting:
                del self._awaited[address]

    def _tell_manager(self, address: int) -> None:
        """Let habluetooth know how well each proxy hears the device."""
        for _, session, heard in self._listening(address):
            advertisement = BluetoothLERawAdvertisement(
                address=address,
                rssi=round(heard.rssi_dbm),
                address_type=heard.kind,
                data=heard.data,
            )
            message = BluetoothLERawAdvertisementsResponse(advertisements=[advertisement])
            session.scanner.async_on_raw_advertisements(message)

    def _have_manager_forget(self, address: int) -> None:
        """Or it would choose by what was heard minutes ago; it has no function for that."""
        self._manager.async_clear_advertisement_history(text_of(address))
        for proxy in self._owner.proxies:
            if proxy.session is not None:
                proxy.session.scanner._previous_service_info.pop(text_of(address), None)

    # What may be in the way

    def _forget_services(self, address: int) -> None:
        """Have services discovered anew: a device may have others than it had."""
        for proxy in self._owner.proxies:
            if proxy.session is not None:
                cache = proxy.session.data.bluetooth_device.cache
                cache.clear_gatt_services_cache(address)
                cache.clear_gatt_mtu_cache(address)

    async def _wait_for_slot(self, address: int) -> None:
        """Wait until a proxy that hears the device has a slot; it may just be getting one back.

        Raises: CallerError if that takes long, or if all that hear it only listen.
        """
        deadline_s = self._clock() + SLOT_S
        while True:
            await self._wait_until_heard(address)
            refusal = self._refusal(address)
            if refusal is None:
                return
            if self._clock() >= deadline_s:
                raise refusal
            await asyncio.sleep(SLOT_S / 20)

    def _refusal(self, address: int) -> CallerError | None:
        """Return why no proxy that hears a device can connect to it now; None if one can."""
        listening = self._listening(address)
        connecting = [(proxy, session) for proxy, session, _ in listening if session.connects]
        device = text_of(address)
        if not connecting:
            names = ", ".join(str(proxy.place) for proxy, _, _ in listening)
            return CallerError(
                f"Only ESPHome proxies that cannot connect hear {device} ({names}):"
                " set `active: true` below `bluetooth_proxy:` in their configuration"
            )
        if any(session.slots[0] for _, session in connecting):
            return None
        names = ", ".join(f"{proxy.place} has {session.slots[1]}" for proxy, session in connecting)
        return CallerError(
            f"All connection slots of the ESPHome proxies that hear {device} are taken"
            f" ({names}): end another connection, or raise `connection_slots` below"
            " `bluetooth_proxy:` in their configuration"
        )


def _ended(on_end: Callable[[], None], client: BleakClient) -> None:
    on_end()
