"""The packets of ESPHome's native API: a number and a protobuf message, in the clear or encrypted.

In the clear a packet is 0x00, its length and its number, both as variable-length integers, and the
message. Encrypted it is 0x01, 16 bits of length, and a Noise message that holds number, length and
message; both sides have said hello before and shown that they have the same key.
"""

from __future__ import annotations

import asyncio
import base64
import struct
from typing import Protocol

from cryptography.exceptions import InvalidTag
from noise.connection import NoiseConnection

Packet = tuple[int, bytes]

_PROTOCOL = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
_PROLOGUE = b"NoiseAPIInit\x00\x00"
_HEADER = struct.Struct(">BH")
_INNER_HEADER = struct.Struct(">HH")


class BadClient(Exception):
    """The client does not speak as this server does. `answer`: what it is told before the end."""

    def __init__(self, message: str, answer: bytes = b"") -> None:
        super().__init__(message)
        self.answer = answer


class Framing(Protocol):
    """How one connection's packets look."""

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what comes before the first packet. Raises: BadClient."""

    async def read(self, reader: asyncio.StreamReader) -> Packet:
        """Read a packet. Raises: BadClient, asyncio.IncompleteReadError."""

    def packet(self, number: int, message: bytes) -> bytes:
        """Return the octets of a packet."""


class Plain:
    """In the clear."""

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """There is no greeting."""

    async def read(self, reader: asyncio.StreamReader) -> Packet:
        if await reader.readexactly(1) != b"\x00":
            raise BadClient("it wants encryption", b"\x00Bad indicator byte")
        length, number = await _read_varint(reader), await _read_varint(reader)
        return number, await reader.readexactly(length)

    def packet(self, number: int, message: bytes) -> bytes:
        return b"\x00" + varint(len(message)) + varint(number) + message


class Encrypted:
    """With a key of 32 octets, in base64 as in ESPHome's files."""

    def __init__(self, name: str, key: str) -> None:
        self._name = name
        self._noise = NoiseConnection.from_name(_PROTOCOL)
        self._noise.set_as_responder()
        self._noise.set_psks(base64.b64decode(key))
        self._noise.set_prologue(_PROLOGUE)
        self._noise.start_handshake()

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._read_frame(reader)
        writer.write(_frame(b"\x01" + self._name.encode() + b"\x00"))
        proof = await self._read_frame(reader)
        try:
            self._noise.read_message(proof[1:])
        except InvalidTag:
            raise BadClient("it has another key", _frame(b"\x01Handshake MAC failure")) from None
        writer.write(_frame(b"\x00" + bytes(self._noise.write_message())))

    async def read(self, reader: asyncio.StreamReader) -> Packet:
        inner = bytes(self._noise.decrypt(await self._read_frame(reader)))
        number, length = _INNER_HEADER.unpack_from(inner)
        return number, inner[_INNER_HEADER.size : _INNER_HEADER.size + length]

    def packet(self, number: int, message: bytes) -> bytes:
        inner = _INNER_HEADER.pack(number, len(message)) + message
        return _frame(bytes(self._noise.encrypt(inner)))

    async def _read_frame(self, reader: asyncio.StreamReader) -> bytes:
        marker, length = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        if marker != 1:
            raise BadClient("it wants no encryption", _frame(b"\x01Bad indicator byte"))
        return await reader.readexactly(length)


def _frame(octets: bytes) -> bytes:
    return _HEADER.pack(1, len(octets)) + octets


def varint(number: int) -> bytes:
    """Return a number as protobuf has it: seven bits an octet, the least significant first."""
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


async def _read_varint(reader: asyncio.StreamReader) -> int:
    number = 0
    for shift in range(0, 28, 7):
        (octet,) = await reader.readexactly(1)
        number |= (octet & 0x7F) << shift
        if not octet & 0x80:
            return number
    raise BadClient("it sends numbers without an end")
