"""`audiopwmio`, `audiocore` and `audiobusio`: what a board plays, and what it hears."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bleio.board.pins import DEINITED, Claim, Pin


class Sound:
    """A board's speaker and microphone, for a test."""

    __slots__ = ("_ends_us", "_now_us", "_sample", "level")

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._sample: RawSample | None = None
        self._ends_us: float = 0
        self.level = 0
        """How loud it is, as the amplitude of samples that the microphone records; rw."""

    @property
    def playing(self) -> RawSample | None:
        """What is played now."""
        if self._now_us() >= self._ends_us:
            self._sample = None
        return self._sample

    @property
    def tone_hz(self) -> float | None:
        """The frequency of the tone that is played: how often a second the sample is over.

        None while nothing is played. It is right for samples of one period, as tones are made.
        """
        sample = self.playing
        return None if sample is None else sample.sample_rate / sample.frames

    def play(self, sample: RawSample, *, loop: bool) -> None:
        """Begin with a sample, which is over in its time unless it is a loop."""
        lasts_us = math.inf if loop else sample.frames / sample.sample_rate * 1e6
        self._sample, self._ends_us = sample, self._now_us() + lasts_us

    def stop(self) -> None:
        """Be silent; also as power went."""
        self._sample = None


class RawSample:
    """`audiocore.RawSample`: samples in memory."""

    def __init__(self, buffer: Any, *, channel_count: int = 1, sample_rate: int = 8000) -> None:
        if channel_count not in (1, 2) or sample_rate <= 0:
            raise ValueError("channel_count must be 1 or 2, and sample_rate above 0")
        if not len(buffer):
            raise ValueError("buffer is empty")
        self.buffer = buffer
        self.channel_count = channel_count
        self.sample_rate = sample_rate
        self.frames = len(buffer) / channel_count
        """How many moments there are samples for."""

    def deinit(self) -> None:
        """Forget the samples; what is played of them goes on."""
        self.buffer = b""

    def __enter__(self) -> RawSample:
        return self

    def __exit__(self, *error: object) -> None:
        self.deinit()


class SoundFile:
    """`audiocore.WaveFile` and `audiomp3.MP3Decoder`: there to be imported."""

    def __init__(self, file: object, buffer: object = None) -> None:
        raise NotImplementedError("A pretend board plays tones and samples, but no sound files")


class PWMAudioOut(Claim):
    """`audiopwmio.PWMAudioOut`: the speaker. A sample that is not looped ends in its time."""

    def __init__(self, left_channel: Pin, *, right_channel: Pin | None = None) -> None:
        super().__init__(left_channel, right_channel)
        self._board = left_channel.board

    def play(self, sample: RawSample, *, loop: bool = False) -> None:
        """Play a sample from its beginning, in place of what is played."""
        self._check()
        if not len(sample.buffer):
            raise ValueError(DEINITED)
        self._board.sound.play(sample, loop=loop)

    def stop(self) -> None:
        """Be silent."""
        self._check()
        self._board.sound.stop()

    @property
    def playing(self) -> bool:
        """Whether a sample is played."""
        self._check()
        self._board.look()
        return self._board.sound.playing is not None

    def deinit(self) -> None:
        """Be silent, and free the pins."""
        if hasattr(self, "_board"):
            self._board.sound.stop()
        super().deinit()


class PDMIn(Claim):
    """`audiobusio.PDMIn`: the microphone, which hears a square wave of `board.sound.level`."""

    def __init__(
        self,
        clock_pin: Pin,
        data_pin: Pin,
        *,
        sample_rate: int = 16_000,
        bit_depth: int = 8,
        mono: bool = True,
        oversample: int = 64,
        startup_delay: float = 0.11,
    ) -> None:
        if sample_rate <= 0 or bit_depth not in (8, 16) or oversample % 8 or startup_delay < 0:
            raise ValueError("PDMIn wants a sample_rate above 0, 8 or 16 bits, oversample of 8")
        if not mono:
            raise NotImplementedError("A pretend board has one microphone; leave mono at True")
        super().__init__(clock_pin, data_pin)
        self._board = clock_pin.board
        self._middle = 1 << (bit_depth - 1)
        self.sample_rate = sample_rate

    def record(self, destination: Any, destination_length: int) -> int:
        """Fill a buffer with samples. Returns: how many."""
        self._check()
        self._board.look()
        level = min(self._board.sound.level, self._middle - 1)
        count = min(destination_length, len(destination))
        for index in range(count):
            destination[index] = self._middle + (level if index % 2 else -level)
        return count
