"""One end of a link between little systems: GATT by reaching over to the peer's model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bleio.backends.base import Link
from bleio.backends.capabilities import Capability
from bleio.core.address import DeviceAddress
from bleio.core.codes import AttErrorCode, HciErrorCode, Properties, SecurityMode
from bleio.core.security import LinkSecurity
from bleio.core.uuid import expand
from bleio.errors import AttError, CallerError, LinkLost
from bleio.gatt.model import (
    MAX_VALUE_OCTETS,
    LocalCharacteristic,
    LocalDescriptor,
    LocalService,
    RemoteCharacteristic,
    RemoteDescriptor,
    RemoteListener,
    RemoteService,
    RemoteValue,
)

if TYPE_CHECKING:
    from support.little.backend import LittleBackend

MTU = 185  # one that operating systems pick; no program has a say
LocalValue = LocalCharacteristic | LocalDescriptor

_READ = Properties.READ
_WRITE = Properties.WRITE
_COMMAND = Properties.WRITE_WITHOUT_RESPONSE
_SENT = Properties.NOTIFY | Properties.INDICATE


class LittleLink(Link):
    """See `Link`. `other` is the same link as the peer has it."""

    other: LittleLink

    def __init__(self, system: LittleBackend, peer: DeviceAddress, is_central: bool) -> None:
        self.peer, self.is_central, self.connected = peer, is_central, True
        self.security, self.mtu, self.interval_us = LinkSecurity(), MTU, 0
        self.system = system
        self.silent = False  # a test wants no more answers from this end
        self._locals: dict[RemoteValue, LocalValue] = {}
        self._listeners: dict[LocalValue, list[RemoteListener]] = {}
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # The client's side

    async def discover(self, uuids: Sequence[bytes] | None) -> list[RemoteService]:
        await self._answer()
        offered = [each for each in self.other.system.server.services if not each.secondary]
        if uuids is not None:
            offered = [
                each for uuid in uuids for each in offered if expand(each.uuid) == expand(uuid)
            ]
        return [self._found(service) for service in offered]

    def _found(self, local: LocalService) -> RemoteService:
        service = RemoteService(local.uuid, 0, 0)
        for one in local.characteristics:
            characteristic = RemoteCharacteristic(one.uuid, one.properties, 0, 0, service=service)
            self._locals[characteristic] = one
            for each in one.descriptors:
                descriptor = RemoteDescriptor(each.uuid, 0)
                self._locals[descriptor] = each
                characteristic.descriptors.append(descriptor)
            service.characteristics.append(characteristic)
        return service

    async def read(self, value: RemoteValue) -> bytes:
        await self._answer()
        local = self._local(value)
        self._permit(local, _READ, local.read_perm, AttErrorCode.READ_NOT_PERMITTED)
        return local.value

    async def write(self, value: RemoteValue, octets: bytes) -> None:
        await self._answer()
        local = self._local(value)
        self._permit(local, _WRITE, local.write_perm, AttErrorCode.WRITE_NOT_PERMITTED)
        self.other.system.written(local, octets)

    async def write_command(
        self, characteristic: RemoteCharacteristic, octets: bytes, signed: bool = False
    ) -> None:
        """`signed`: it has no keys for that, so the command goes as it is."""
        if self.connected and len(octets) > self.max_value_octets:
            raise CallerError("Value is too long for a write without response")
        await self._answer()
        try:
            local = self._local(characteristic)
            self._permit(local, _COMMAND, local.write_perm, AttErrorCode.WRITE_NOT_PERMITTED)
            self.other.system.written(local, octets)
        except AttError:
            return  # nobody answers a command

    async def subscribe(
        self, characteristic: RemoteCharacteristic, notify: bool, indicate: bool
    ) -> None:
        if not characteristic.properties & _SENT:
            raise CallerError("No CCCD for this Characteristic")
        await self._answer()
        local = self._local(characteristic)
        assert isinstance(local, LocalCharacteristic)
        self.other.system.subscribe(self.other, local, notify or indicate)

    def listen(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        listeners = self._listeners.setdefault(self._locals[characteristic], [])
        if listener not in listeners:
            listeners.append(listener)

    def unlisten(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        listeners = self._listeners.get(self._locals[characteristic], [])
        if listener in listeners:
            listeners.remove(listener)

    def deliver(self, local: LocalCharacteristic, value: bytes) -> None:
        """The peer's system sends a value."""
        for listener in tuple(self._listeners.get(local, ())):
            listener.notified(value[: self.max_value_octets])

    # What it cannot do

    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        raise self._cannot(Capability.SUBSCRIBERS)

    async def notify(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        raise self._cannot(Capability.SUBSCRIBERS)

    async def indicate(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        raise self._cannot(Capability.SUBSCRIBERS)

    async def pair(self) -> None:
        raise self._cannot(Capability.PAIRING)

    async def set_interval(self, interval_us: int) -> None:
        raise self._cannot(Capability.CONNECTION_INTERVAL)

    def _cannot(self, capability: Capability) -> NotImplementedError:
        return NotImplementedError(capability.refusal(self.system.name))

    # The end

    async def disconnect(self) -> None:
        await asyncio.sleep(0)
        self.close(HciErrorCode.LOCAL_HOST_TERMINATED)

    def close(self, reason: int) -> None:
        """Both ends are gone. Idempotent."""
        for end in (self, self.other):
            if end.connected:
                end.connected = False
                end._closed.set_exception(LinkLost(reason))
                end._closed.exception()  # not an error if nobody waits
                end.system.link_gone(end)

    def closed_listeners(self) -> Iterator[RemoteListener]:
        """Yield once each that is to hear of the end."""
        yield from {id(one): one for group in self._listeners.values() for one in group}.values()

    # The peer

    async def _answer(self) -> None:
        """Wait for the peer, for ever if it is silent. Raises: LinkLost."""
        await asyncio.sleep(0)
        if self._closed.done() or self.other.silent:
            await asyncio.shield(self._closed)

    def _local(self, value: RemoteValue) -> LocalValue:
        local = self._locals.get(value)
        if local is None or not self.other.system.offers(local):
            raise AttError(AttErrorCode.INVALID_HANDLE)
        return local

    def _permit(self, local: LocalValue, kind: Properties, mode: int, refusal: int) -> None:
        """Check an access, pairing as an operating system does: when a value needs it."""
        declared = local.properties if isinstance(local, LocalCharacteristic) else kind
        if mode == SecurityMode.NO_ACCESS or (declared and not declared & kind):
            raise AttError(refusal)
        if mode != SecurityMode.OPEN:
            for end in (self, self.other):
                end.security.encrypted = end.security.has_keys = True
                end.security.key_size = 16


def check_length(local: LocalValue, octets: bytes) -> None:
    """Raises: AttError if a value must not have that length."""
    wrong = local.fixed_length and len(octets) != local.max_length
    if wrong or len(octets) > min(local.max_length, MAX_VALUE_OCTETS):
        raise AttError(AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH)
