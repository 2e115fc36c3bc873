"""A controller that a test writes by hand: good by default, as bad as wanted in single answers."""

from __future__ import annotations

import asyncio
import struct
import tempfile
from collections.abc import Callable
from typing import Any

from bumble.hci import HCI_SUPPORTED_COMMANDS_MASKS

from bleio.backends.hci.controller.opcodes import Opcode
from bleio.core.hci import Event

PEER = b"\x01\x02\x03\x04\x05\xc6"
Answer = Callable[[bytes], "bytes | None"]  # parameters to return parameters with status


def event(code: int, parameters: bytes) -> bytes:
    return bytes((0x04, code, len(parameters))) + parameters


def le_event(subevent: int, parameters: bytes) -> bytes:
    return event(Event.LE_META, bytes((subevent,)) + parameters)


def connection_complete(
    handle: int = 0x40, *, status: int = 0, central: bool = False, peer: bytes = PEER
) -> bytes:
    role = 0 if central else 1
    head = struct.pack("<BHBB6s", status, handle, role, 1, peer)
    return le_event(0x01, head + struct.pack("<HHHB", 24, 0, 400, 0))


def disconnection(handle: int = 0x40, reason: int = 0x13) -> bytes:
    return event(Event.DISCONNECTION_COMPLETE, struct.pack("<BHB", 0, handle, reason))


def acl(handle: int, channel: int, payload: bytes) -> bytes:
    sdu = struct.pack("<HH", len(payload), channel) + payload
    return struct.pack("<BHH", 0x02, handle | 0x2000, len(sdu)) + sdu


_SUPPORTED = (0x1001, 0x2003, 0x2002, 0x2022, 0x2032)
_SUPPORTED_EXTENDED = (0x203A, 0x203B)
_ANSWERED_BY_STATUS = {
    Opcode.DISCONNECT,
    Opcode.LE_CREATE_CONNECTION,
    Opcode.LE_EXTENDED_CREATE_CONNECTION,
    Opcode.LE_ENABLE_ENCRYPTION,
    Opcode.LE_CONNECTION_UPDATE,
    Opcode.LE_SET_PHY,
}


def _supported(extended: bool) -> bytes:
    """The bits of the commands that a host asks about before it uses them."""
    codes = _SUPPORTED + (_SUPPORTED_EXTENDED if extended else ())
    return sum(HCI_SUPPORTED_COMMANDS_MASKS[code] for code in codes).to_bytes(64, "little")


class ScriptedController:
    """Answers commands; `answers` replaces single answers, None is silence.

    `commands` are those received, as (opcode, parameters); `data` the ACL packets. With `unix` it
    is at a socket of Unix, so the test can run in simulated time.
    """

    def __init__(self, extended: bool = False, unix: bool = False) -> None:
        self.commands: list[tuple[int, bytes]] = []
        self.data: list[bytes] = []
        self.answers: dict[int, Answer] = {
            0x1002: lambda _: b"\x00" + _supported(extended),
            0x1001: lambda _: bytes.fromhex("000b00000b00000000"),
            0x2003: lambda _: b"\x00" + struct.pack("<Q", 0x1121 if extended else 0x21),
            0x1005: lambda _: bytes.fromhex("00000000000000"),
            0x2002: lambda _: struct.pack("<BHB", 0, 251, 4),
            0x1009: lambda _: b"\x00" + bytes(6),
            0x2023: lambda _: struct.pack("<BHH", 0, 251, 2120),
            0x203A: lambda _: struct.pack("<BH", 0, 1650),
            0x203B: lambda _: b"\x00\x04",
        }
        self._writer: asyncio.StreamWriter | None = None
        self._unix = unix

    async def __aenter__(self) -> ScriptedController:
        self._folder = tempfile.TemporaryDirectory(prefix="bleio-")  # socket paths are short
        if self._unix:
            path = f"{self._folder.name}/hci"
            self._server = await asyncio.start_unix_server(self._serve, path)
            self.transport = f"unix:{path}"
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            port = self._server.sockets[0].getsockname()[1]
            self.transport = f"tcp-client:127.0.0.1:{port}"
        return self

    async def __aexit__(self, *args: Any) -> None:
        self.hang_up()
        self._server.close()
        await self._server.wait_closed()
        await asyncio.sleep(0.01)
        self._folder.cleanup()

    def send(self, *packets: bytes) -> None:
        assert self._writer is not None
        self._writer.write(b"".join(packets))

    @property
    def connected(self) -> bool:
        """Whether a host has come; its connection may be open before it is accepted here."""
        return self._writer is not None

    def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def sent(self, opcode: int) -> list[bytes]:
        """The parameters of all commands of one kind."""
        return [parameters for code, parameters in self.commands if code == opcode]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        try:
            while True:
                await self._packet(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _packet(self, reader: asyncio.StreamReader) -> None:
        kind = (await reader.readexactly(1))[0]
        if kind == 0x02:
            head = await reader.readexactly(4)
            self.data.append(head + await reader.readexactly(struct.unpack("<HH", head)[1]))
            return
        opcode, octets = struct.unpack("<HB", await reader.readexactly(3))
        parameters = await reader.readexactly(octets)
        self.commands.append((opcode, parameters))
        self._answer(opcode, parameters)

    def _answer(self, opcode: int, parameters: bytes) -> None:
        answer = self.answers.get(opcode, lambda _: b"\x00")(parameters)
        if answer is None:
            return
        if opcode in _ANSWERED_BY_STATUS:
            self.send(event(Event.COMMAND_STATUS, answer[:1] + struct.pack("<BH", 1, opcode)))
        else:
            self.send(event(Event.COMMAND_COMPLETE, struct.pack("<BH", 1, opcode) + answer))
