"""Connecting by BlueZ: which object is a peer's, and having it connected.

BlueZ names a device by the address by which it was first heard, and later knows it by its identity.
So it is looked for by its address among all devices, then by name.

`Connect` may fail in ways that pass. BlueZ is busy with the same device, or forgets one that it
heard half a minute ago just now, or, in 5.66, does not answer at all for a device that it knows and
cannot hear. Those are tried again, as long as the program waits; a call that was not answered is
taken back by `Disconnect`, which is also how an attempt is cancelled.

A device has one object, whatever the type of its address. A program that asks for the other type
asks for a device that is not there, and waits for it as it would on any controller.

Linux may keep what was cancelled. If `Disconnect` comes in the few milliseconds between a device
being heard and being asked to connect, the kernel (6.1) tells the controller to give up before it
tells it to connect. The link comes up, and the kernel takes no notice of it: neither BlueZ nor its
management interface can end it or make another one to that device, until the adapter was off. All
that can be done is to say so: the kernel lists such a link as one that is being made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from bleio.backends.os.bluez.adapter import address_of
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.hearing import Hearing
from bleio.backends.os.bluez.kernel_links import KernelLink, KernelLinks
from bleio.backends.os.bluez.live_links import Link, LiveLinks
from bleio.backends.os.bluez.objects import ADAPTER, DEVICE, Objects
from bleio.backends.os.bluez.presence import Presence
from bleio.backends.os.bluez.shared_discovery import SharedDiscovery
from bleio.backends.os.links.errors import AdapterAway, SystemStuck
from bleio.backends.os.links.plain import address_text
from bleio.backends.tasks import to_the_end
from bleio.core.address import DeviceAddress

CONNECT_S = 25.0
KEPT_S = 3.0  # for BlueZ to answer, or to hear, where the kernel seems to keep a link
AGAIN_S = 0.2  # while BlueZ is busy with the same device
DISCONNECT_S = 5.0
LOOK_S = 0.01
GRACE_LOOKS = 100
LATE_LOOKS = 50
LISTED_LOOKS = 300  # as long as the kernel is making a link that was given up

_UNKNOWN = ("UnknownObject", "DoesNotExist", "UnknownMethod", "UnknownInterface")
KEPT = (
    "Asked BlueZ to connect to {}, but Linux keeps a link to it of which BlueZ knows nothing: "
    "end it with `bluetoothctl power off` and `bluetoothctl power on`"
)
_log = logging.getLogger(__name__)

_BUSY_TEXT = ("already in progress", "In Progress")


class OpenAdapter(Protocol):
    """BlueZ's adapter, as its System has it while it is open."""

    @property
    def objects(self) -> Objects: ...

    @property
    def path(self) -> str: ...

    @property
    def presence(self) -> Presence: ...

    @property
    def discovery(self) -> SharedDiscovery: ...

    @property
    def kernel_links(self) -> KernelLinks: ...

    @property
    def links(self) -> Path | None: ...


class Reaching:
    """See the module."""

    def __init__(self, adapter: OpenAdapter) -> None:
        self.paths: dict[DeviceAddress, str] = {}  # of links, ours and peers'
        self._adapter = adapter
        self._objects = adapter.objects
        self._hearing = Hearing(adapter.objects, adapter.discovery)
        self._live = LiveLinks(adapter.links)
        self._leaving: dict[str, asyncio.Future[None]] = {}  # what is taken back now, by path

    async def close(self) -> None:
        """Know nothing any more. Idempotent."""
        for leaving in self._leaving.values():
            leaving.cancel()
        await self._live.close()
        self._hearing.close()
        self.paths.clear()

    async def end_links_of_the_dead(self) -> None:
        """End the links that killed programs have left to this bluetoothd."""
        found = await self._live.open()
        ours = [path for adapter, path in found if self._record(path) == (adapter, path)]
        up = [path for path in ours if self.device(path).get("Connected")]
        if up:
            _log.info("Ending links that a killed program has left: %s", ", ".join(up))
        await asyncio.gather(*(self.disconnect(path) for path in up))
        for each in found:
            await self._live.remove(each)

    async def note_up(self, path: str) -> None:
        """A link that we asked for is up; ours to end, should this program be killed."""
        await self._live.add(self._record(path))

    async def note_ended(self, path: str) -> None:
        """Any link to a device has ended."""
        await self._live.remove(self._record(path))

    def _record(self, path: str) -> Link:
        adapter = self._objects.get(path.rpartition("/")[0], ADAPTER) or {}
        return str(adapter.get("Address", "")), path

    def device(self, path: str) -> Mapping[str, Any]:
        """Return the properties of a device, none if BlueZ does not know it."""
        return self._objects.get(path, DEVICE) or {}

    def path(self, peer: DeviceAddress) -> str:
        """Return the object path that a peer has, or will have once it is heard."""
        if peer in self.paths:
            return self.paths[peer]
        text, below = address_text(peer), self._adapter.path + "/"
        for path in self._objects.paths(DEVICE):
            if path.startswith(below) and self.device(path).get("Address") == text:
                return path
        return self._named(peer)

    def _named(self, peer: DeviceAddress) -> str:
        """Return the path that BlueZ gives to a device that it has first heard by this address."""
        return f"{self._adapter.path}/dev_{address_text(peer).replace(':', '_')}"

    def peers_at(self, path: str) -> list[DeviceAddress]:
        """Return the addresses by which programs may know the device of a path.

        One that came to us was not looked for: its path has the address that it came with.
        """
        known = [peer for peer, each in self.paths.items() if each == path]
        with suppress(ValueError):  # since a bond, the identity of one that came by another address
            known.append(address_of(self.device(path)))
        digits = path.rpartition("/dev_")[2].replace("_", "")
        with suppress(ValueError):
            octets = bytes.fromhex(digits)[::-1]
            if len(octets) == 6:
                known += [DeviceAddress(octets), DeviceAddress(octets, random=True)]
        return list(dict.fromkeys(known))

    def is_another(self, path: str, peer: DeviceAddress) -> bool:
        """Whether BlueZ knows the device of a path by the same octets, as the other type."""
        device = self.device(path)
        other = "public" if peer.random else "random"
        return device.get("Address") == address_text(peer) and device.get("AddressType") == other

    def is_encrypted(self, peer: DeviceAddress) -> bool | None:
        """Whether the link to a peer is now, as the kernel says; None: it cannot be asked.

        Any thread may ask.
        """
        path = self.paths.get(peer) or self._named(peer)
        links = self._kernel_links_to(path, peer)
        return None if links is None else any(each.is_encrypted for each in links)

    def _kernel_links_to(self, path: str, peer: DeviceAddress) -> list[KernelLink] | None:
        octets = [peer.octets]
        with suppress(ValueError):  # since a bond, the kernel knows it by its identity
            octets.append(address_of(self.device(path)).octets)
        links = self._adapter.kernel_links.all()
        return None if links is None else [each for each in links if each.octets in octets]

    async def connect(self, peer: DeviceAddress) -> tuple[str, bool]:
        """Have BlueZ connect, and hear the device first if it is unknown.

        Returns: its path; whether the link is ours. It is another program's if our call was
            refused, since that program was just connecting, and the link came then.
        Raises: BusError, AdapterAway, SystemStuck.
        """
        self.paths.pop(peer, None)
        while True:
            self._require_adapter()
            path = self.path(peer)
            while path in self._leaving:  # it would end the new link, too
                await asyncio.wait({self._leaving[path]})
            await self._hearing.hear(path, partial(self._not_heard, peer))
            if self.is_another(path, peer):
                await asyncio.sleep(AGAIN_S)
                continue
            try:
                is_ours = await self._ask(path, peer)
                break
            except BusError as error:
                # BlueZ may also have forgotten it just now.
                if not error.name.endswith(_UNKNOWN) and not _is_busy(error):
                    raise
            await asyncio.sleep(AGAIN_S)
            if self.device(path).get("Connected"):
                is_ours = False
                break
        self.paths[peer] = path
        return path, is_ours

    async def resolved(self, path: str) -> bool:
        """Wait for the services of a connected device. Returns: False if its link fell."""
        while self.device(path).get("Connected"):
            if self.device(path).get("ServicesResolved"):
                return True
            await asyncio.sleep(LOOK_S)
        return False

    def _is_kept(self, peer: DeviceAddress) -> bool:
        """Whether the kernel is making a link to a peer, asked when BlueZ is not."""
        links = self._adapter.kernel_links.all() or ()
        return any(not each.is_up and each.octets == peer.octets for each in links)

    def _not_heard(self, peer: DeviceAddress, for_s: float) -> None:
        """A device that is kept connected does not advertise. BlueZ does not know it, so it is not
        BlueZ that connects to it. Raises: SystemStuck."""
        if for_s >= KEPT_S and self._is_kept(peer):
            raise SystemStuck(KEPT.format(peer))

    def _require_adapter(self) -> None:
        try:
            self._adapter.presence.require()
        except BusError as error:
            raise AdapterAway(error.text) from None

    async def _ask(self, path: str, peer: DeviceAddress) -> bool:
        """Have BlueZ connect. Returns: whether the link is ours. Raises: BusError, SystemStuck."""
        was_kept = self._is_kept(peer)  # or another program connects, which BlueZ says at once
        limit_s = KEPT_S if was_kept else CONNECT_S
        try:
            await self._objects.bus.call(path, DEVICE, "Connect", timeout_s=limit_s)
        except BusError as error:
            if error.name.endswith("AlreadyConnected"):
                return False
            has_no_reply = error.name.endswith("NoReply")
            if has_no_reply:
                await self.disconnect(path)
            if was_kept and not _is_busy(error) and self._is_kept(peer):
                raise SystemStuck(KEPT.format(peer)) from None
            if has_no_reply:
                raise BusError("org.bluez.Error.InProgress", "In Progress") from None
            raise
        except asyncio.CancelledError:
            leaving = self._leaving[path] = asyncio.ensure_future(self._take_back(path, peer))
            leaving.add_done_callback(lambda _: self._leaving.pop(path))
            await to_the_end(leaving)
            raise
        return True

    async def _take_back(self, path: str, peer: DeviceAddress) -> None:
        """End what `Connect` began. Its link may come up as BlueZ says that it has given it up.

        A device that is near is given a moment to be connected first. Linux (seen in 6.1) that is
        told to give up just when it has heard the device, and has not begun to connect, sends its
        controller the end before the beginning. Then it knows nothing of the link that comes up,
        waits for it for ever, and makes no other until the adapter has been switched off.
        """
        for _ in range(GRACE_LOOKS):
            if self.device(path).get("Connected"):
                break
            await asyncio.sleep(LOOK_S)
        await self.disconnect(path)
        for look in range(LISTED_LOOKS):
            if self.device(path).get("Connected"):
                await self.disconnect(path)
                break
            if look >= LATE_LOOKS and not self._kernel_links_to(path, peer):
                break
            await asyncio.sleep(LOOK_S)

    async def disconnect(self, path: str) -> None:
        """End a link, or an attempt to make one."""
        with suppress(BusError):  # it is gone, which is what was wanted
            await self._objects.bus.call(path, DEVICE, "Disconnect", timeout_s=DISCONNECT_S)


def _is_busy(error: BusError) -> bool:
    return error.name.endswith("InProgress") or any(each in error.text for each in _BUSY_TEXT)
