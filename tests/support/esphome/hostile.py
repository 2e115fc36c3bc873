"""Bad proxies: what answers at their port is written by a test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from aioesphomeapi import api_pb2 as pb

from support.esphome.framing import Plain
from support.esphome.server import ALL_FEATURES
from support.esphome.session import NUMBERS

Script = Callable[["Line"], Awaitable[None]]


class Line:
    """One client's connection, as a script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._framing = Plain()

    async def send(self, *messages: Any) -> None:
        await self._write(
            *(self._packet(type(message), message.SerializeToString()) for message in messages)
        )

    async def send_octets(self, kind: Any, octets: bytes) -> None:
        """Send what need not be a message of that kind."""
        await self._write(self._packet(kind, octets))

    def _packet(self, kind: Any, octets: bytes) -> bytes:
        return self._framing.packet(NUMBERS[kind], octets)

    async def _write(self, *packets: bytes) -> None:
        self.writer.write(b"".join(packets))
        await self.writer.drain()
        await asyncio.sleep(0)  # the client is in this loop, and there is room for megabytes

    async def wait_for(self, kind: Any) -> Any:
        """Return the next message of a kind; others are ignored."""
        while True:
            number, octets = await self._framing.read(self.reader)
            if number == NUMBERS[kind]:
                message = kind()
                message.ParseFromString(octets)
                return message

    async def introduce(self, features: int = ALL_FEATURES, **info: Any) -> None:
        """Say all that makes a client take it for a proxy, up to its scan."""
        info = {
            "name": "bad",
            "mac_address": "02:00:00:00:00:01",
            "bluetooth_mac_address": "02:00:00:00:00:01",
            "bluetooth_proxy_feature_flags": int(features),
            **info,
        }
        await self.wait_for(pb.HelloRequest)
        await self.send(pb.HelloResponse(api_version_major=1, api_version_minor=12, name="bad"))
        await self.wait_for(pb.DeviceInfoRequest)
        await self.send(pb.DeviceInfoResponse(**info))
        await self.wait_for(pb.SubscribeBluetoothConnectionsFreeRequest)
        await self.send(pb.BluetoothConnectionsFreeResponse(free=3, limit=3))
        await self.wait_for(pb.SubscribeBluetoothLEAdvertisementsRequest)


class BadProxy:
    """A port with a script behind it, which runs for each client."""

    def __init__(self, script: Script) -> None:
        self.port = 0
        self.clients = 0
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> BadProxy:
        self._server = await asyncio.start_server(self._come, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *args: Any) -> None:
        self._server.close()
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
            await asyncio.sleep(0)  # who came meanwhile

    def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        task = asyncio.ensure_future(self._serve(Line(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, line: Line) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._script(line)
        finally:
            line.writer.transport.abort()
