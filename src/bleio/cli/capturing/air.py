"""Records what is on the air of a shared simulated radio, until somebody or something ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum

from bleio.cli.capturing.blocks import Blocks
from bleio.cli.capturing.sinks import FileSink
from bleio.cli.shared.output import say
from bleio.radio.sharing import shared

_MOST_HELD_OCTETS = 1 << 20  # while what writes is busy


class Ended(Enum):
    """Why a recording has ended by itself."""

    COUNT = "that many packets have come"
    TIME = "the time is over"
    RADIO = "the radio has ended"


class Recording:
    """What comes from one radio and goes to sinks. `blocks` counts.

    Args:
        name: of the radio, which is started if it does not run.
        count: of packets, after which to end.
        duration_s: after which to end.
    """

    def __init__(
        self,
        name: str,
        sinks: Sequence[FileSink],
        *,
        decipher: bool = False,
        count: int | None = None,
        duration_s: float | None = None,
    ) -> None:
        self.blocks = Blocks()
        self._name = name
        self._sinks = sinks
        self._decipher = decipher
        self._count = count
        self._duration_s = duration_s
        self._arrived = bytearray()
        self._news = asyncio.Event()
        self._radio_ended = False
        self._watch: shared.Watch | None = None

    async def run(self) -> Ended:
        """Record. Raises: OSError from a sink; ControllerLost if the radio cannot be watched."""
        watch = await shared.watch(self._name, self._take, self._lost, decipher=self._decipher)
        self._watch = watch
        try:
            say(f"Recording virtual:{self._name}; Ctrl-C ends.")
            return await asyncio.wait_for(self._record(watch), self._duration_s)
        except (TimeoutError, asyncio.TimeoutError):
            return Ended.TIME
        finally:
            watch.close()

    def _take(self, octets: bytes) -> None:
        self._arrived += octets
        if len(self._arrived) > _MOST_HELD_OCTETS and self._watch is not None:
            self._watch.pause()
        self._news.set()

    def _lost(self) -> None:
        self._radio_ended = True
        self._news.set()

    async def _record(self, watch: shared.Watch) -> Ended:
        while True:
            await self._news.wait()
            self._news.clear()
            radio_ended, arrived = self._radio_ended, bytes(self._arrived)
            self._arrived.clear()
            watch.resume()
            blocks = self._wanted(arrived)
            for sink in self._sinks:
                await sink.write(blocks)
            if self._has_all():
                return Ended.COUNT
            if radio_ended:
                return Ended.RADIO

    def _wanted(self, arrived: bytes) -> bytes:
        """Return the blocks that are whole now, up to the last packet that is wanted."""
        wanted = []
        for block in self.blocks.add(arrived):
            wanted.append(block)
            if self._has_all():
                break
        return b"".join(wanted)

    def _has_all(self) -> bool:
        return self._count is not None and self.blocks.packets >= self._count
