"""What devices say on the air, among what they print, while a world runs.

Packets and lines are brought into order by `bleio.decoding.intime`, and what is heard over and over
is counted until something else comes. So a line waits for some simulated milliseconds; the same
seed gives the same lines.

Nothing is written while the radio shows a packet, as that must not fail. Lines are written when a
device prints, some times a second, and at the end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bleio.decoding.intime import InTime, as_packet
from bleio.decoding.lines import WATCHED_US, Lines
from bleio.decoding.records import Decoded
from bleio.radio.air.radio import AirPdu, Direction
from bleio.testing.roster import Stream
from bleio.testing.words import EXCHANGE_US, decoder_for

if TYPE_CHECKING:
    from bleio.testing.objects import PacketObjects
    from bleio.testing.world import World


class Telling:
    """The `echo` of a world that adds packets in words. Call `attach`, and `finish` at the end.

    Args:
        stream: where to write.
        verbose: with the octets of packets in hexadecimal.
        objects: for programs: each packet is an object, and none is counted with others.

    Thread: any; a world's owner and its programs use it side by side.
    """

    def __init__(
        self, stream: Stream, *, verbose: bool = False, objects: PacketObjects | None = None
    ) -> None:
        self._stream = stream
        self._verbose = verbose
        self._lines: Lines | PacketObjects = objects or Lines(verbose=verbose)
        self._lock = threading.Lock()
        self._answer_us = 0  # when the last packet of a peripheral is on air
        self._world: World | None = None

    def attach(self, world: World) -> None:
        """Tell what is said in a world from now on."""
        self._world = world
        if world.clock.pace is not None and isinstance(self._lines, Lines):  # somebody may watch
            self._lines = Lines(verbose=self._verbose, longest_us=WATCHED_US)
        self._in_time: InTime[str] = InTime(decoder_for(world.devices))
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
            self._in_time.add(now_us, text.removesuffix("\n"))
        self.advance()
        return len(text)

    def advance(self, _now_s: float = 0.0) -> None:
        """Write what can be told by now. Raises: OSError of the stream."""
        assert self._world is not None
        with self._lock:
            self._tell(self._in_time.until(self._world.radio.now_us))

    def finish(self) -> None:
        """Write the rest; the world goes on no more. Raises: OSError of the stream."""
        if self._world is None:
            return
        self._world.radio.unwatch(self._add)
        with self._lock:
            self._tell(self._in_time.rest(self._world.clock.now_us))
            self._write(self._lines.flush())

    def _add(self, packet: AirPdu) -> None:
        assert self._world is not None
        with self._lock:
            if packet.direction == Direction.TO_CENTRAL:
                self._answer_us = packet.time_us
            certain = self._world.radio.medium.ideal and packet.crc_right
            self._in_time.add_packet(as_packet(packet), certain=certain)

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
