"""Packets that are shown ahead of their time, decoded in its order, among other things.

A simulated radio shows packets ahead of their time, and some are known to be lost only when others
follow. So what is told waits until nothing can come before it any more and nothing about it can
change; what else has happened, such as what devices print, waits with it. That is a matter of
milliseconds, and depends on what is shown alone: the same packets give the same order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from bleio.decoding.air import AirDecoder
from bleio.decoding.records import AirPacket, Decoded
from bleio.decoding.streaming import Held

T = TypeVar("T")


class InTime(Generic[T]):
    """Takes packets and other things as they come, and yields them in order.

    Args: decoder: of the packets.
    """

    def __init__(self, decoder: AirDecoder) -> None:
        self._decoder = decoder
        self._held: Held[T] = Held(decoder)
        # Times, then the order of coming; whether it is a packet, and one that cannot be lost.
        self._waiting: list[tuple[int, int, AirPacket | T, bool, bool]] = []
        self._came = 0

    def add_packet(self, packet: AirPacket, *, certain: bool) -> None:
        """Take a packet. Args: certain: it cannot be lost."""
        self._push(packet.time_us, packet, is_packet=True, certain=certain)

    def add(self, time_us: int, what: T) -> None:
        """Take something else."""
        self._push(time_us, what, is_packet=False, certain=True)

    def until(self, now_us: int) -> Iterator[Decoded | T]:
        """Yield what can be told by now."""
        self._decode_until(now_us)
        yield from self._held.settled(now_us)

    def rest(self, now_us: int) -> Iterator[Decoded | T]:
        """Yield all that is left; no more comes until now."""
        self._decode_until(None)
        yield from self._held.rest(now_us)

    def _push(self, time_us: int, what: AirPacket | T, *, is_packet: bool, certain: bool) -> None:
        self._came += 1
        heapq.heappush(self._waiting, (time_us, self._came, what, is_packet, certain))

    def _decode_until(self, now_us: int | None) -> None:
        waiting = self._waiting
        while waiting and (now_us is None or waiting[0][0] < now_us):
            _, _, what, is_packet, certain = heapq.heappop(waiting)
            if not is_packet:
                self._held.add(what)  # type: ignore[arg-type]
                continue
            assert isinstance(what, AirPacket)
            decoded = self._decoder.decode(what)
            if certain:
                decoded.open_until_us = 0
            self._held.add(decoded)


class _Sender(Protocol):
    @property
    def name(self) -> str:
        """What the device is called."""


class Shown(Protocol):
    """A packet as the simulated radio shows it."""

    @property
    def time_us(self) -> int:
        """When it begins."""

    @property
    def access_address(self) -> int:
        """Which link it belongs to."""

    @property
    def direction(self) -> int:
        """What kind of packet it is, as captures have it."""

    @property
    def octets(self) -> bytes:
        """As they are on the air."""

    @property
    def clear_octets(self) -> bytes:
        """The same before they were enciphered; empty if they were not."""

    @property
    def sender(self) -> _Sender:
        """The device that sends it."""

    @property
    def crc_right(self) -> bool:
        """Whether it is as it was sent."""

    @property
    def channel(self) -> int:
        """Where it is sent."""


def as_packet(packet: Shown, sender: str | None = None) -> AirPacket:
    """Return a packet as decoders take it, in clear text. Args: sender: what to call that."""
    return AirPacket(
        packet.time_us,
        packet.access_address,
        packet.direction,
        packet.clear_octets or packet.octets,
        packet.sender.name if sender is None else sender,
        packet.crc_right,
        enciphered=False,
        channel=packet.channel,
    )
