"""The advertisement under way: registered with BlueZ, and taken back when it has done its work.

BlueZ goes on advertising when a central has connected; on a board advertising has ended then. So
the advertisement is unregistered as soon as a link is seen. The program hears of the end at once,
and may start the next advertisement before BlueZ has answered; one lock has that wait.

An advertisement outlives a restart of bluetoothd and the time that its user has the adapter powered
off: it is what the program asked for, so it is registered again when the adapter is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from dbus_fast import Variant

from bleio.backends.base import AdvertisingParameters
from bleio.backends.capabilities import Capability, require
from bleio.backends.os.bluez.adapter import Adapter
from bleio.backends.os.bluez.advertisement import Limits, limits_of, wording
from bleio.backends.os.bluez.bus import UNKNOWN_METHOD, BusError, Call, Reply
from bleio.backends.os.bluez.objects import ADVERTISING_MANAGER
from bleio.errors import CallerError, InnerError, InvalidParameter

_log = logging.getLogger(__name__)

MOST_REMARKS = 64
RELEASED_S = 0.5  # in which an adapter that goes says so, too
RESUME_PAUSES_S = (0.2, 0.4, 0.8, 1.6, 3.2)
ADVERTISEMENT = "org.bluez.LEAdvertisement1"
_DOES_NOT_EXIST = "org.bluez.Error.DoesNotExist"
_NOT_PERMITTED = "org.bluez.Error.NotPermitted"
_INVALID_LENGTH = "org.bluez.Error.InvalidLength"


class AdvertiserOwner(Protocol):
    """What an advertiser needs of the peripheral."""

    @property
    def device_name(self) -> str:
        """The radio's own name."""

    async def settled(self) -> None:
        """Wait until all services are registered. Raises: CallerError if one is refused."""

    def advertising_ended(self) -> None:
        """Advertising has ended by itself."""


class Advertiser:
    """One advertisement at a time. Args: `owner`: hears of its end."""

    def __init__(self, adapter: Adapter, owner: AdvertiserOwner) -> None:
        self._adapter, self._owner = adapter, owner
        self._lock = asyncio.Lock()
        self._wish: dict[str, Variant] | None = None  # what is to be on the air
        self._path = ""  # of the registered one
        self._said: dict[str, Variant] = {}  # there, also if it is not wished for any more
        self._number = self._starts = self._goings = 0
        self._remarked: set[str] = set()  # once is enough
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_active(self) -> bool:
        """Whether it is advertising, or will when the adapter is back."""
        return self._wish is not None

    async def start(self, parameters: AdvertisingParameters) -> None:
        """See `Backend.start_advertising`."""
        platform = self._adapter.platform
        if parameters.high_duty_cycle and parameters.directed_to is None:
            raise CallerError("Only directed advertising has a high duty cycle")
        for capability, is_asked in (
            (Capability.DIRECTED_ADVERTISING, parameters.directed_to is not None),
            (Capability.ANONYMOUS_ADVERTISING, parameters.anonymous),
        ):
            if is_asked:
                require(platform, self._adapter.capabilities, capability)
        self._adapter.presence.require()
        said = wording(parameters, self._limits(), platform, self._owner.device_name)
        for remark in said.remarks:
            if remark not in self._remarked and len(self._remarked) < MOST_REMARKS:
                self._remarked.add(remark)
                _log.warning("%s", remark)
        self._starts += 1
        async with self._lock:
            self._wish = None
            await self._unregister()
            await self._owner.settled()
            self._wish = said.properties
            try:
                await self._register()
            except BaseException:
                self._wish = None
                raise

    async def stop(self) -> None:
        """See `Backend.stop_advertising`."""
        await self._stop(self._starts)

    async def _stop(self, starts: int) -> None:
        """Stop what was started until then; what came later goes on. Args: how many starts."""
        if self._starts == starts:
            self._wish = None
        async with self._lock:
            if self._starts == starts:
                self._wish = None
                await self._unregister()

    async def close(self) -> None:
        """Take it back; nothing is told any more. Idempotent."""
        for task in self._tasks:
            task.cancel()
        await self.stop()

    def link_came(self) -> None:
        """A central has connected: advertising has ended, if it was under way."""
        if self._wish is not None:
            self._wish = None
            self._do(partial(self._stop, self._starts))
            self._owner.advertising_ended()

    def adapter_went(self, registrations_too: bool) -> None:
        """The adapter cannot be used; what is wished for stays."""
        self._goings += 1
        if registrations_too and self._path:
            self._adapter.objects.bus.unserve(self._path)
            self._path = ""

    def adapter_came(self) -> None:
        """Advertise again, if that was under way."""
        if self._wish is not None:
            self._do(self._resume)

    # With BlueZ

    def _limits(self) -> Limits:
        manager = self._adapter.objects.get(self._adapter.path, ADVERTISING_MANAGER)
        return limits_of(manager or {}, self._adapter.has_long_fields)

    async def _register(self) -> None:
        self._number += 1
        path = f"/bleio/advertisement{self._number}"
        bus = self._adapter.objects.bus
        bus.serve(path, self._called)
        self._path, self._said = path, self._wish or {}
        try:
            await self._call("RegisterAdvertisement", "oa{sv}", path, {})
        except BusError as error:
            bus.unserve(path)
            self._path = ""
            raise self._explained(error) from error
        except BaseException:
            # Cancelled: BlueZ may have registered it all the same.
            self._do(partial(self._stop, self._starts))
            raise

    async def _unregister(self) -> None:
        path, self._path = self._path, ""
        if not path:
            return
        try:
            await self._call("UnregisterAdvertisement", "o", path)
        except BusError as error:
            if error.name != _DOES_NOT_EXIST:
                _log.debug("Unregistering an advertisement: %s", error)
        finally:
            self._adapter.objects.bus.unserve(path)

    async def _call(self, member: str, signature: str, *body: object) -> None:
        await self._adapter.call(ADVERTISING_MANAGER, member, signature, *body)

    def _explained(self, error: BusError) -> InnerError:
        name = self._adapter.name
        if error.name == _INVALID_LENGTH:
            return InvalidParameter(f"{name} has no room for that much advertising data: {error}")
        if error.name == _NOT_PERMITTED:
            manager = self._adapter.objects.get(self._adapter.path, ADVERTISING_MANAGER) or {}
            return CallerError(
                f"{name} cannot advertise: all its advertisements are in use"
                f" ({manager.get('ActiveInstances', '?')} by programs on this computer); end the"
                " other program, and see what advertises with `bluetoothctl show`"
            )
        if error.name == "org.bluez.Error.Failed":
            return CallerError(
                f"{name} refuses to advertise ({error}): the adapter may be busy with what"
                " another program advertises, see `bluetoothctl show`, or unable to send this"
            )
        return error

    def _called(self, call: Call) -> Reply:
        """BlueZ wants to know, or tells, something of the advertisement."""
        match call.interface, call.member:
            case "org.freedesktop.DBus.Properties", "GetAll":
                return Reply("a{sv}", [self._said])
            case "org.freedesktop.DBus.Properties", "Set":
                return Reply()  # the transmit power that was chosen
            case "org.freedesktop.DBus.ObjectManager", "GetManagedObjects":
                objects = {call.path: {ADVERTISEMENT: self._said}}
                return Reply("a{oa{sa{sv}}}", [objects])
            case "org.bluez.LEAdvertisement1", "Release":
                self._released(call.path)
                return Reply()
        raise BusError(UNKNOWN_METHOD, call.member)

    def _released(self, path: str) -> None:
        """BlueZ has ended it: with the adapter, which may be back, or for reasons of its own."""
        if path != self._path:
            return
        self._adapter.objects.bus.unserve(path)
        self._path = ""
        self._do(partial(self._released_for_good, self._starts, self._goings))

    async def _released_for_good(self, starts: int, goings: int) -> None:
        await asyncio.sleep(RELEASED_S)
        is_as_then = (self._starts, self._goings) == (starts, goings)
        if is_as_then and self._wish is not None and self._adapter.presence.is_usable:
            self._end()

    async def _resume(self) -> None:
        """An adapter that has just come says that it is on a little before it can advertise."""
        for pause_s in RESUME_PAUSES_S:
            try:
                await self._resume_once()
                return
            except InnerError as error:
                failure = error
            await asyncio.sleep(pause_s)
        if self._wish is not None:
            _log.warning("%s advertises no longer: %s", self._adapter.name, failure)
            self._end()

    async def _resume_once(self) -> None:
        async with self._lock:
            if self._wish is not None and self._adapter.presence.is_usable:
                await self._unregister()  # BlueZ has it still if it was only powered off
                await self._owner.settled()
                if self._wish is not None:
                    await self._register()

    def _end(self) -> None:
        self._wish = None
        self._owner.advertising_ended()

    def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.debug("While advertising: %s", task.exception())
