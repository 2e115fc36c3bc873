"""What the devices of a world share: the air, time and the engine."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from bleio import bleak_choice
from bleio.backends.hci import entropy
from bleio.files import create
from bleio.radio.air.interference import Interference, wifi_channels
from bleio.radio.air.keys import LinkKey, lines_of
from bleio.radio.air.radio import AirPdu, Radio, Unmade
from bleio.radio.capture.air_capture import AirCapture
from bleio.runtime.home import find_home_by
from bleio.runtime.portal import Portal
from bleio.testing.air.captures import Captures
from bleio.testing.programs.modules import context_of_code
from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.jitter import check_jitter

if TYPE_CHECKING:
    from bleio.runtime.portal import MakeBackend

PACKETS_KEPT = 10_000
JAMMER_DBM = -30.0
WIFI_DBM = -50.0
WIFI_PERIOD_US = 10_000


class SharedAir:
    """The air of a world: what is heard on it, and what disturbs it."""

    def __init__(
        self,
        seed: int,
        radio: Radio,
        captures: Captures,
        make_backend: MakeBackend,
        *,
        real_time: bool,
        jitter_us: float,
        blocked_after_s: float,
        watch: Callable[[float], None] | None,
    ) -> None:
        find_home_by(context_of_code)
        bleak_choice.watch()
        self.seed = seed
        self.radio = radio
        self.jitter_us = check_jitter(jitter_us)
        self.entropy = Random(f"entropy {seed}")
        self.clock = VirtualClock(
            radio,
            real_time=real_time,
            jitter=jitter_us > 0,
            blocked_after_s=blocked_after_s,
            watch=watch,
            set_context=partial(entropy.be_predictable, self.entropy),
        )
        self._packets: deque[AirPdu] = deque(maxlen=PACKETS_KEPT)
        self._unmade: deque[Unmade] = deque(maxlen=PACKETS_KEPT)
        self.portal = Portal(self.clock, make_backend)
        self._captures = captures
        self._keys: deque[LinkKey] = deque(maxlen=PACKETS_KEPT)
        self._disturbances = 0
        radio.keep(self._unmade.append)
        if captures.has_air:
            radio.watch(captures.add)
        radio.watch_keys(self._keys.append)

    @property
    def now_s(self) -> float:
        """Simulated time since the world began, in seconds."""
        return self.clock.now_us / 1e6

    # Packets

    @property
    def packet_count(self) -> int:
        """How many packets there were on the air."""
        return self.radio.packets_shown

    @property
    def packets(self) -> deque[AirPdu]:
        """The last 10,000 packets on the air."""
        # Few worlds are asked for them, so they are made here.
        unmade = self._unmade
        while unmade:
            make, args = unmade.popleft()
            self._packets.append(make(*args))
        return self._packets

    def trace(self, last: int | None = None) -> str:
        """Return the packets on the air as text, one a line: all that were kept, or the last."""
        packets = list(self.packets)
        return "".join(map(_line_of, packets[-last:] if last is not None else packets))

    def describe(self) -> str:
        """Say how to have this world again, and how far it got."""
        jitter = f", jitter_us {self.jitter_us:g}" if self.jitter_us else ""
        return f"seed {self.seed}{jitter}, at {self.now_s:.6f} s"

    def save_packets(self, path: str | os.PathLike[str]) -> None:
        """Write the kept packets to a pcapng file. Raises: OSError."""
        with open(create(path), "wb") as file:
            capture = AirCapture(self.radio, file.write, decipher=self._captures.decipher)
            for packet in self.packets:
                capture.add(packet)
            capture.flush()

    def save_keys(self, path: str | os.PathLike[str]) -> None:
        """Write what links were encrypted with so far to a text file; see `bleio.radio.air.keys`.

        Only the user may read it. Raises: OSError.
        """
        with open(create(path), "w", encoding="ascii") as file:
            file.writelines(lines_of(self._keys))

    # Faults of the air; those of devices are theirs

    @property
    def loss(self) -> float:
        """The part of all packets that is lost by chance, 0 to 1; rw. Raises: ValueError."""
        return self.radio.medium.propagation.loss

    @loss.setter
    def loss(self, loss: float) -> None:
        changed = replace(self.radio.medium.propagation, loss=loss)
        self.portal.run(setattr, self.radio.medium, "propagation", changed)

    def jam(
        self,
        seconds: float,
        *,
        channels: Iterable[int] = range(40),
        level_dbm: float = JAMMER_DBM,
    ) -> Interference:
        """Disturb the air from now on for some simulated time; does not wait for the end.

        Args: level_dbm: at every receiver; packets survive that are enough stronger.
        Returns: what `calm` ends before its time.
        Raises: ValueError.
        """
        return self._disturb(seconds, level_dbm, channels=frozenset(channels))

    def wifi(
        self,
        seconds: float,
        *,
        channel: int = 6,
        load: float = 0.5,
        level_dbm: float = WIFI_DBM,
    ) -> Interference:
        """Let a Wi-Fi network send from now on for some simulated time; does not wait for the end.

        Args: channel: of Wi-Fi, 1 to 13; it covers 22 MHz. load: the part of the time that it
            sends, 0 to 1, in a burst at a random place in each 10 ms. level_dbm: at every receiver.
        Returns: what `calm` ends before its time.
        Raises: ValueError.
        """
        if not 0 < load <= 1:
            raise ValueError("load must be above 0 and at most 1")
        burst_us = max(1, round(load * WIFI_PERIOD_US))
        channels = wifi_channels(channel)
        return self._disturb(seconds, level_dbm, channels=channels, burst_us=burst_us)

    def calm(self, interference: Interference) -> None:
        """End what `jam` or `wifi` has begun; harmless when it has ended."""
        self.portal.run(self.radio.medium.remove_interference, interference)

    def _disturb(self, seconds: float, level_dbm: float, **options: Any) -> Interference:
        if not 0 <= seconds < math.inf:
            raise ValueError("seconds must be a number from 0 on")

        self._disturbances += 1
        seed = self.seed + 1_000_003 * self._disturbances  # each has bursts of its own

        def start() -> Interference:
            now_us = self.clock.now_us
            interference = Interference(
                from_us=now_us,
                until_us=now_us + round(seconds * 1e6),
                level_dbm=level_dbm,
                period_us=WIFI_PERIOD_US,
                seed=seed,
                **options,
            )
            self.radio.medium.add_interference(interference)
            return interference

        return self.portal.run(start)


def _line_of(packet: AirPdu) -> str:
    return (
        f"{packet.time_us / 1e6:14.6f} {packet.sender.name} channel {packet.channel}"
        f" {packet.access_address:08x} {packet.octets.hex()}\n"
    )
