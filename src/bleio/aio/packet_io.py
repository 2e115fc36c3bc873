"""Packets of a PacketBuffer: see `bleio.aio`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from bleio.aio.objects import packets_of
from bleio.api import Characteristic, PacketBuffer
from bleio.api._arguments import DEINITIALIZED, ReadableBuffer, instance
from bleio.errors import BluetoothError
from bleio.runtime.awaiting import finished, until
from bleio.runtime.packet_writer import NO_ROOM


async def packet_buffer(
    characteristic: Characteristic, *, buffer_size: int, max_packet_size: int | None = None
) -> PacketBuffer:
    """Make a PacketBuffer, which subscribes to a peer's characteristic; see `PacketBuffer`."""
    instance("characteristic", characteristic, Characteristic)
    buffer = PacketBuffer.__new__(PacketBuffer)
    operation = buffer._begin(characteristic, buffer_size, max_packet_size)
    await finished(characteristic._session.engine, operation)
    return buffer


def packets(buffer: Any) -> AsyncIterator[bytes]:
    """Iterate over the packets that come in. It ends with a peer's link, after what came before;
    for a local characteristic it goes on from client to client.

    Packets that are not taken wait in the buffer, which drops the oldest when it is full.
    Raises: TypeError; BluetoothError if none can come; ValueError after `deinit`.
    """
    inner = packets_of(buffer)
    if not inner._receives:
        raise BluetoothError("Reads not supported on Characteristic")
    return _Packets(inner)


class _Packets:
    def __init__(self, buffer: PacketBuffer) -> None:
        self._buffer = buffer
        self._ring = buffer._end.ring

    def __repr__(self) -> str:
        return f"<packets of {self._buffer!r}>"

    def __aiter__(self) -> _Packets:
        return self

    async def __anext__(self) -> bytes:
        buffer = self._buffer
        if not buffer._listening.alive:
            raise ValueError(DEINITIALIZED)
        while (packet := self._ring.take()) is None:
            if self._is_over():
                raise StopAsyncIteration
            await until(buffer._engine, self._ring.arrived, self._is_ready)
        return packet

    def _is_ready(self) -> bool:
        return bool(self._ring.packets) or self._is_over()

    def _is_over(self) -> bool:
        return not self._buffer._listening.alive or self._buffer._end.link_gone


async def send(buffer: Any, data: ReadableBuffer, *, header: ReadableBuffer | None = None) -> int:
    """Send data, with the header before it if it begins a packet; see `PacketBuffer.write`.

    Waits while the packet before it is on its way and this one does not fit. A task that is
    cancelled has sent nothing. Returns: how many octets were taken; 0 if there is no peer.
    Raises: as there.
    """
    inner = packets_of(buffer)
    taken = inner._write(data, header, False)

    def has_written() -> bool:
        nonlocal taken
        taken = inner._write(data, header, False)
        return taken != NO_ROOM or inner._end.writer is not writer

    while taken == NO_ROOM:
        writer = inner._end.writer  # another peer has another one
        await until(inner._engine, writer.room, has_written)
    return taken
