"""One simulated proxy: a port in the network, a radio, and slots for links."""

from __future__ import annotations

import asyncio
from typing import Any

from aioesphomeapi import api_pb2 as pb
from aioesphomeapi.model import BluetoothProxyFeature as Feature

from bleio.backends.base import Link, Report, ScanParameters
from bleio.backends.hci import HciBackend
from bleio.gatt.server import LocalServer
from support.esphome.framing import Encrypted, Framing, Plain
from support.esphome.session import Session

ALL_FEATURES = (
    Feature.PASSIVE_SCAN
    | Feature.ACTIVE_CONNECTIONS
    | Feature.REMOTE_CACHING
    | Feature.PAIRING
    | Feature.CACHE_CLEARING
    | Feature.RAW_ADVERTISEMENTS
    | Feature.FEATURE_STATE_AND_MODE
    | Feature.CONNECTION_PARAMS_SETTING
)

PASSIVE, ACTIVE = pb.BLUETOOTH_SCANNER_MODE_PASSIVE, pb.BLUETOOTH_SCANNER_MODE_ACTIVE


class Proxy:
    """See the module; it is the backend's `Events`.

    Args:
        name: what it calls itself.
        radio: its own adapter string, `virtual` or `virtual:NAME`.
        key: encryption key in base64; none: in the clear.
        slots: how many links it can have.
        features, api_version: what it says that it can do.
    """

    def __init__(
        self,
        name: str,
        radio: str = "virtual",
        *,
        key: str | None = None,
        slots: int = 3,
        features: int = ALL_FEATURES,
        api_version: tuple[int, int] = (1, 12),
    ) -> None:
        self.name = name
        self.key = key
        self.slots = slots
        self.features = int(features)
        self.api_version = api_version
        self.mode = self.configured_mode = ACTIVE
        self.backend = HciBackend(radio)
        self.sessions: list[Session] = []
        self.subscriber: Session | None = None
        self.port = 0
        self._server: asyncio.Server | None = None
        self._scanning = asyncio.Lock()

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Take the radio and the port; a port of 0 is one that is free."""
        await self.backend.open(LocalServer(self.name), self.name, self)
        await self.scan(self.mode)
        await self.listen(host, port)

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Be there in the network (again)."""
        self._server = await asyncio.start_server(self._serve, host, port or self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def vanish(self) -> None:
        """Be gone from the network from one moment to the next, as without power."""
        assert self._server is not None
        self._server.close()
        for session in list(self.sessions):
            session.abort()
        while self.sessions:
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        await self.vanish()
        await self.backend.close()

    async def scan(self, mode: int) -> None:
        """Scan actively or passively from now on."""
        async with self._scanning:
            await self.backend.stop_scan()
            self.mode = mode
            await self.backend.start_scan(ScanParameters(active=mode == ACTIVE))
        if self.subscriber is not None:
            self.subscriber.scanning()

    @property
    def taken(self) -> list[int]:
        """The addresses that have slots."""
        return [address for session in self.sessions for address in sorted(session.slots)]

    def slots_changed(self) -> None:
        for session in self.sessions:
            session.slots_changed()

    def info(self) -> Any:
        """Return what it says of itself."""
        address = self.backend.address.octets[::-1].hex(":").upper()
        return pb.DeviceInfoResponse(
            name=self.name,
            mac_address=address,
            bluetooth_mac_address=address,
            esphome_version="2026.1.0",
            bluetooth_proxy_feature_flags=self.features,
            legacy_bluetooth_proxy_version=5 if self.features else 0,
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, self._framing(), writer)
        self.sessions.append(session)
        try:
            await session.run(reader)
        finally:
            await session.end()
            self.sessions.remove(session)
            if self.subscriber is session:
                self.subscriber = None
            self.slots_changed()

    def _framing(self) -> Framing:
        return Plain() if self.key is None else Encrypted(self.name, self.key)

    # Events of the radio

    def reported(self, report: Report) -> None:
        if self.subscriber is not None:
            self.subscriber.reported(report)

    def advertising_ended(self) -> None:
        """It never advertises."""

    def link_opened(self, link: Link) -> None:
        """Told of by the session that asked for it."""

    def link_closed(self, link: Link) -> None:
        for session in self.sessions:
            session.link_closed(link)

    def lost(self, error: Exception) -> None:
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.abort()
