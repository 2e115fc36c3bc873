"""Which data channel a connection event uses: Channel Selection Algorithm #2.

Algorithm #2 computes the channel from the event's number and the access address alone, so events
can be skipped; #1 would have to step through all of them. Auxiliary advertising packets take their
channels from the same numbers. Spec: Vol 6, Part B, 4.5.8.3.
"""

from __future__ import annotations

from functools import lru_cache

DATA_CHANNELS = 37
ALL_DATA_CHANNELS = (1 << DATA_CHANNELS) - 1


def _reverse_bits(octet: int) -> int:
    return int(f"{octet:08b}"[::-1], 2)


_REVERSED = tuple(_reverse_bits(octet) for octet in range(256))


def event_number(access_address: int, event: int) -> int:
    """The pseudo random number of an event."""
    identifier = access_address >> 16 ^ access_address & 0xFFFF
    number = event & 0xFFFF ^ identifier
    for _ in range(3):
        number = _REVERSED[number >> 8] << 8 | _REVERSED[number & 0xFF]
        number = 17 * number + identifier & 0xFFFF
    return number ^ identifier


@lru_cache(maxsize=64)
def _used(channel_map: int) -> tuple[int, ...]:
    return tuple(channel for channel in range(DATA_CHANNELS) if channel_map >> channel & 1)


def data_channel(access_address: int, event: int, channel_map: int) -> int:
    """The channel of a connection event."""
    number = event_number(access_address, event)
    channel = number % DATA_CHANNELS
    if channel_map >> channel & 1:
        return channel
    used = _used(channel_map)
    return used[len(used) * number >> 16]
