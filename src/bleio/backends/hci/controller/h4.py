"""Cutting a line of octets into H4 packets, also when octets are on it that belong to none.

A line has no frames: where a packet ends the next one begins, and one octet too many would make
nonsense of all that follows. Such octets are there, a glitch as a controller wakes, or the text
that its boot loader prints. So an octet that begins no packet is skipped, that one alone, and the
next one is looked at, as CircuitPython's HCI port does it.

What may surprise: a stray octet may look like the beginning of a packet, and then what follows is
taken for a header, and the genuine packet waits in the middle of one that never becomes whole. A
controller sends a packet in one go. So a packet of which nothing has come for `STALLED_S` was none:
its first octet is skipped, and the rest looked at again. An answer comes half a second late that
way, well before a command counts as not answered.

Only the packets are known that a controller sends to a host of LE: data and events. What has an
impossible length is none either; it would be waited for, octet by octet, for a long time. A line on
which nothing but noise comes is given up with a sentence: it is the wrong device, or the wrong
speed.

Spec: Vol 4, Part A, 2.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from bleio.backends.hci.counters import HciCounters
from bleio.core.hci import ACL_PACKET, EVENT_PACKET

STALLED_S = 0.5
MAX_DATA_OCTETS = 4096  # of an ACL packet; controllers have buffers of 27 to about 1024
MAX_NOISE_OCTETS = 16384  # without a packet; boot loaders print a few thousand

_ACL_HEADER_OCTETS = 5  # with the packet type
_EVENT_HEADER_OCTETS = 3
_PACKET_TYPES = (bytes((ACL_PACKET,)), bytes((EVENT_PACKET,)))


class PacketTaker(Protocol):
    """What is given the packets, and is told when none are to be expected."""

    def on_packet(self, packet: bytes) -> None: ...

    def on_noise(self, why: str) -> None:
        """Too much has come that is no packet. Called once, with a sentence's words."""


class H4Parser:
    """One line. Thread: that of the asyncio loop on which its owner is told.

    `feed_data` and `reset` are also the names by which bumble's transports know a parser.
    """

    def __init__(self, owner: PacketTaker, counters: HciCounters) -> None:
        self._owner = owner
        self._counters = counters
        self._line = b""  # what has come of the next packet
        self._noise = 0  # octets skipped since the last packet
        self._given_up = False
        self._timer: asyncio.TimerHandle | None = None
        self._grown = False  # since the timer was set

    def feed_data(self, data: bytes) -> None:
        """Take what has come, and pass on the packets that it completes. Never raises."""
        if self._given_up:
            return
        self._cut(self._line + data if self._line else data)
        self._grown = True
        if self._line and self._timer is None:
            self._wait()

    def reset(self) -> None:
        """Forget what has come of a packet; the line has been opened anew."""
        self._line = b""

    def close(self) -> None:
        """Take nothing any more."""
        self._given_up = True
        self._line = b""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self, line: bytes) -> None:
        """Pass on all whole packets, and keep the rest. Data plane: one call for all of them."""
        self._line = b""
        at, end, owner = 0, len(line), self._owner
        while at < end and not self._given_up:
            left = end - at
            if line[at] == EVENT_PACKET:
                octets = _EVENT_HEADER_OCTETS + line[at + 2] if left > 2 else left + 1
            elif line[at] != ACL_PACKET:
                octets = 0
            elif left < _ACL_HEADER_OCTETS:
                octets = left + 1
            else:
                octets = _ACL_HEADER_OCTETS + (line[at + 3] | line[at + 4] << 8)
                if octets > _ACL_HEADER_OCTETS + MAX_DATA_OCTETS:
                    octets = 0
            if octets == 0:
                at += self._skip(line, at)
            elif octets > left:
                self._line = line[at:]
                return
            else:
                at += octets
                self._noise = 0
                owner.on_packet(line[at - octets : at])

    def _skip(self, line: bytes, at: int) -> int:
        """Skip one octet, and those behind it that cannot begin a packet either.

        Returns: how many these are.
        """
        found = [next for kind in _PACKET_TYPES if (next := line.find(kind, at + 1)) > 0]
        skipped = min(found, default=len(line)) - at
        self._noise += skipped
        self._counters.noise_octets += skipped
        if self._noise > MAX_NOISE_OCTETS:
            self.close()
            self._owner.on_noise(
                f"{self._noise} octets came from it without a packet among them; "
                "check the speed of the line, its wiring and that the device speaks HCI"
            )
        return skipped

    def _wait(self) -> None:
        self._grown = False
        self._timer = asyncio.get_running_loop().call_later(STALLED_S, self._look_again)

    def _look_again(self) -> None:
        """The time is up for what has begun: a packet of which nothing came meanwhile is none."""
        self._timer = None
        if not self._grown and self._line:
            line = self._line
            self._cut(line[self._skip(line, 0) :])
        if self._line and not self._given_up:
            self._wait()
