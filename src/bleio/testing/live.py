"""What devices say on the air, among what they print, while a world runs.

Packets are shown by the radio ahead of their time, some are known to be lost only when others
follow, and what is heard over and over is counted until something else comes. So a line waits until
nothing can come before it any more and nothing about it can change, and what devices print waits
with it. That is a matter of simulated milliseconds, and depends on the simulation alone: the same
seed gives the same lines.

Nothing is written while the radio shows a packet, as that must not fail. Lines are written when a
device prints, some times a second, and at the end.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bleio.decoding.lines import WATCHED_US, Lines
from bleio.decoding.records import AirPacket, Decoded
from bleio.decoding.streaming import Held
from bleio.radio.air.radio import AirPdu, Direction
from bleio.testing.roster import Stream
from bleio.testing.words import EXCHANGE_US, as_packet, decoder_for

if TYPE_CHECKING:
    from bleio.testing.world import World


class Telling:
    """The `echo` of a world that adds packets in words. Call `attach`, and `finish` at the end.

    Args:
        stream: where to write.
        verbose: with the octets of packets in hexadecimal.

    Thread: any; a world's owner and its programs use it side by side.
    """

    def __init__(self, stream: Stream, *, verbose: bool = False) -> None:
        self._stream = stream
        self._verbose = verbose
        self._lines = Lines(verbose=verbose)
        self._lock = threading.Lock()
        # Times, then the order of coming; a packet has with it whether it can have been lost.
        self._waiting: list[tuple[int, int, AirPacket | str, bool]] = []
        self._came = 0
        self._answer_us = 0  # when the last packet of a peripheral is on air
        self._world: World | None = None

    def attach(self, world: World) -> None:
        """Tell what is said in a world from now on."""
        self._world = world
        if world.clock.pace is not None:  # somebody may be watching
            self._lines = Lines(verbose=self._verbose, longest_us=WATCHED_US)
        self._decoder = decoder_for(world.devices)
        self._held: Held[str] = Held(self._decoder)
        world.radio.watch(self._add)

    def flush(self) -> None:
        """All that can be written is."""

    def write(self, text: str) -> int:
        """Take a line that a device has printed. Raises: OSError of the stream."""
        assert self._world is not None
        with self._lock:
            now_us = self._world.clock.now_us
            # A program may have what an answer brings before the answer is on air; see `answers`.
            if now_us < self._answer_us <= now_us + EXCHANGE_US:
                now_us = self._answer_us
            self._push(now_us, text.removesuffix("\n"), certain=True)
        self.advance()
        return len(text)

    def advance(self, _now_s: float = 0.0) -> None:
        """Write what can be told by now. Raises: OSError of the stream."""
        assert self._world is not None
        with self._lock:
            now_us = self._world.radio.now_us
            self._decode_until(now_us)
            self._tell(self._held.settled(now_us))

    def finish(self) -> None:
        """Write the rest; the world goes on no more. Raises: OSError of the stream."""
        if self._world is None:
            return
        self._world.radio.unwatch(self._add)
        with self._lock:
            self._decode_until(None)
            self._tell(self._held.rest(self._world.clock.now_us))
            self._write(self._lines.flush())

    def _add(self, packet: AirPdu) -> None:
        assert self._world is not None
        with self._lock:
            if packet.direction == Direction.TO_CENTRAL:
                self._answer_us = packet.time_us
            certain = self._world.radio.medium.ideal and packet.crc_right
            self._push(packet.time_us, as_packet(packet), certain=certain)

    def _push(self, time_us: int, what: AirPacket | str, *, certain: bool) -> None:
        self._came += 1
        heapq.heappush(self._waiting, (time_us, self._came, what, certain))

    def _decode_until(self, now_us: int | None) -> None:
        waiting = self._waiting
        while waiting and (now_us is None or waiting[0][0] < now_us):
            _, _, what, certain = heapq.heappop(waiting)
            if isinstance(what, str):
                self._held.add(what)
                continue
            decoded = self._decoder.decode(what)
            if certain:
                decoded.open_until_us = 0
            self._held.add(decoded)

    def _tell(self, settled: Iterable[Decoded | str]) -> None:
        for each in settled:
            if isinstance(each, str):
                self._write(self._lines.flush())
                self._write((each,))
            else:
                self._write(self._lines.add(each))

    def _write(self, lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        if text:
            self._stream.write(text)
            self._stream.flush()
