"""bumble's own host on a controller of a simulated radio, beside adapters of ours on the same one.

bumble runs in a loop of its own on a thread of its own, so that tests are written as programs are.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import _bleio
from bumble.att import ATT_Error, ErrorCode
from bumble.core import UUID
from bumble.device import Connection, Device, Peer
from bumble.gatt import Characteristic, Service
from bumble.hci import Address
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.smp import OobContext, OobLegacyContext
from bumble.transport import open_transport

from bleio.api import IoCapability
from support.hci.world import ListenWorld
from support.pair import DEADLINE_S
from support.pairing import MODES, SERVICE, Desk, mistyped

T = TypeVar("T")

ADDRESS = "C4:F2:17:1A:1D:AA"
_PERMISSIONS = {
    "ENCRYPT_NO_MITM": Characteristic.READ_REQUIRES_ENCRYPTION,
    "ENCRYPT_WITH_MITM": Characteristic.READ_REQUIRES_AUTHENTICATION,
}
_LACKS = (ErrorCode.INSUFFICIENT_AUTHENTICATION, ErrorCode.INSUFFICIENT_ENCRYPTION)


class BumblePerson(PairingDelegate):
    """bumble's delegate that does as a person at the desk would."""

    def __init__(
        self,
        desk: Desk,
        side: str,
        io_capability: IoCapability,
        *,
        accepts: bool = True,
        passkey: int | None = None,
        errs: bool = False,
    ) -> None:
        super().__init__(PairingDelegate.IoCapability(int(io_capability)))
        self.desk, self.side = desk, side
        self.accepts, self.passkey, self.errs = accepts, passkey, errs

    async def accept(self) -> bool:
        return self.accepts

    async def compare_numbers(self, number: int, digits: int) -> bool:
        self.desk.show(self.side, number)
        other = await asyncio.to_thread(self.desk.other, self.side)
        return other == number and not self.errs

    async def get_number(self) -> int | None:
        if self.passkey is not None:
            return self.passkey
        return mistyped(await asyncio.to_thread(self.desk.other, self.side), self.errs)

    async def display_number(self, number: int, digits: int) -> None:
        self.desk.show(self.side, number)


class BumbleHost:
    """bumble's device and the radio that it is on; `adapter` is where ours joins it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bumble")
        self._thread.start()
        self._stack = AsyncExitStack()
        self.oob = OobContext()
        self.device: Device
        self.adapter: str
        try:
            self.run(self._open())
        except BaseException:
            self.close()
            raise

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin something in bumble's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Do something in bumble's loop, and wait for it."""
        return self.start(coroutine).result(3 * DEADLINE_S)

    async def _open(self) -> None:
        world = await self._stack.enter_async_context(ListenWorld())
        self.adapter = f"hci:{world.foreign_transport}"
        transport = await self._stack.enter_async_context(
            await open_transport(world.foreign_transport)
        )
        self.device = Device.with_hci("bumble", Address(ADDRESS), transport.source, transport.sink)
        await self.device.power_on()

    def close(self) -> None:
        try:
            self.run(self._shut_down())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _shut_down(self) -> None:
        await self.device.power_off()
        await asyncio.sleep(0.05)
        await self._stack.aclose()

    def pairs_like(
        self,
        person: BumblePerson,
        *,
        secure_connections: bool,
        temporary_key: bytes | None = None,
        oob: PairingConfig.OobConfig | None = None,
    ) -> None:
        """Say how bumble pairs from now on."""
        if temporary_key is not None:
            oob = PairingConfig.OobConfig(None, None, OobLegacyContext(temporary_key))
        self.device.pairing_config_factory = lambda _: PairingConfig(
            sc=secure_connections, mitm=True, bonding=True, delegate=person, oob=oob
        )

    # As peripheral

    def serve(self) -> None:
        """Publish a value for each mode that bumble has."""
        self.device.add_service(
            Service(
                UUID.from_16_bits(SERVICE),
                [
                    Characteristic(
                        UUID.from_16_bits(uuid),
                        Characteristic.Properties.READ,
                        Characteristic.READABLE | _PERMISSIONS[mode],
                        mode.encode(),
                    )
                    for uuid, mode in MODES.items()
                    if mode in _PERMISSIONS
                ],
            )
        )

    def advertise(self) -> None:
        self.run(self.device.start_advertising(auto_restart=False))

    # As central

    def connect(self, address: _bleio.Address) -> Connection:
        async def connect() -> Connection:
            kinds = (Address.PUBLIC_DEVICE_ADDRESS, Address.RANDOM_DEVICE_ADDRESS)
            peer = Address(address.address_bytes, kinds[address.type != address.PUBLIC])
            return await self.device.connect(peer)

        return self.run(connect())

    def readable_modes(self, connection: Connection) -> set[str]:
        """Return the modes whose values our server lets bumble read."""

        async def read() -> set[str]:
            peer = Peer(connection)
            (service,) = await peer.discover_service(UUID.from_16_bits(SERVICE))
            found = set()
            for characteristic in await service.discover_characteristics():
                try:
                    found.add((await characteristic.read_value()).decode())
                except ATT_Error as error:
                    if error.error_code not in _LACKS:
                        raise
            return found

        return self.run(read())

    def connection(self) -> Connection:
        (connection,) = self.device.connections.values()
        return connection

    def answer_security_requests(self, connection: Connection) -> None:
        """Pair when the peripheral asks for it; bumble leaves that to the program."""

        def pair(_: Any) -> None:
            asyncio.ensure_future(self._pair(connection))  # noqa: RUF006

        self._loop.call_soon_threadsafe(connection.on, connection.EVENT_SECURITY_REQUEST, pair)

    async def _pair(self, connection: Connection) -> None:
        try:
            await connection.pair()
        except Exception as error:
            self.failure = error

    def pair(self, connection: Connection) -> None:
        self.run(connection.pair())

    def request_pairing(self, connection: Connection) -> None:
        """Ask the central to pair, as a peripheral does."""
        self._loop.call_soon_threadsafe(connection.request_pairing)
