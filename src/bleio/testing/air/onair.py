"""What a device is on the air: where it is, what its radio does and has done, and its faults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bleio.radio.air.propagation import Position
from bleio.radio.air.station import RadioOn
from bleio.testing.air.adapters import DeviceAdapters
from bleio.testing.air.deviceradio import DeviceRadio
from bleio.testing.air.disk import Disk
from bleio.testing.air.places import (
    STEP_S,
    Waypoint,
    as_path,
    as_position,
    check_distances_matter,
    position_at,
)
from bleio.testing.air.sharedair import SharedAir


class OnAir:
    """The part of a device that is its radio.

    Attributes:
        radio: what it has on the air.
    """

    def __init__(
        self, air: SharedAir, name: str, radio: DeviceRadio, state_folder: str | None
    ) -> None:
        self.name = name
        self.radio = radio
        self._air = air
        self._disk = Disk(air, name, state_folder)
        self._adapters = DeviceAdapters(air, name, radio, self._disk)
        self._moves = 0

    @property
    def position(self) -> Position:
        """Where it is, in metres; rw, also as two numbers. Setting it ends a `move_along`.

        Raises: ValueError in a world in which distances do not matter.
        """
        return self.radio.position

    @position.setter
    def position(self, position: Sequence[float]) -> None:
        check_distances_matter(self._air.radio.medium.propagation)
        self._moves += 1
        self._move_to(as_position(position))

    def place(self, position: Sequence[float]) -> None:
        """Put it somewhere, also in a world in which distances do not matter: from now on, those
        from this device do, and weak packets are lost. Ends a `move_along`. Raises: ValueError.
        """
        place = as_position(position)
        self._moves += 1
        self.radio.placed = True
        self._move_to(place)

    def move_along(self, path: Iterable[Waypoint]) -> None:
        """Move from now on: straight from where it is to each point, to be there at its time.

        Args: path: times in simulated seconds since the world began, and positions; where the
            first time is now, it is there at once.
        Raises: ValueError.
        """
        check_distances_matter(self._air.radio.medium.propagation)
        points = as_path(path, self._air.clock.now_us)
        start = self._air.now_s, self.position
        if points[0][0] <= start[0]:
            start = points[0]
            if start[1] != self.position:
                self._move_to(start[1])
        self._moves += 1
        moves, clock = self._moves, self._air.clock

        def walk() -> None:
            while self._moves == moves and self._air.now_s < points[-1][0]:
                clock.sleep(min(STEP_S, points[-1][0] - self._air.now_s))
                if self._moves == moves:
                    self._move_to(position_at(self._air.now_s, start, points))

        clock.start(walk, f"path of {self.name}")

    @property
    def antenna(self) -> bool:
        """Whether its radio has its antenna; rw. Without, it neither hears nor is heard."""
        return self.radio.antenna

    @antenna.setter
    def antenna(self, on: bool) -> None:
        self.radio.antenna = bool(on)
        self._air.portal.run(self.radio.apply)

    @property
    def refuse_connections(self) -> bool:
        """Whether its radio leaves connection requests unanswered; rw.

        It goes on advertising. A central takes the link as made, hears nothing for six connection
        events, and has it end as never established (0x3E); `connect` tries again until its
        time-out. With extended advertising, which is confirmed, no link is made at all. Links that
        are there stay.
        """
        return self.radio.refuses

    @refuse_connections.setter
    def refuse_connections(self, refuse: bool) -> None:
        self.radio.refuses = bool(refuse)
        self._air.portal.run(self.radio.apply)

    @property
    def energy(self) -> RadioOn:
        """For how long its radio has been on, over all times of power, in simulated microseconds.

        `tx_us` is transmitting, `rx_us` listening.
        """
        return self._air.portal.run(self.radio.radio_on)

    @property
    def counters(self) -> dict[str, int]:
        """What was dropped, refused or found wrong, by name, over all times of power.

        The names of `bleio.counters`; and `controller: ` with a reason, for what the simulated
        controller has dropped. Sorted.
        """
        counted = self._adapters.counted()
        for reason, number in self.radio.dropped().items():
            counted[f"controller: {reason}"] = number
        return dict(sorted(counted.items()))

    def drop_links(self) -> None:
        """Break its links now; both ends are told, as after a supervision time-out."""
        self._air.portal.run(self.radio.drop_links)

    def corrupt_next(self) -> None:
        """Let the next packet that it sends have a wrong CRC."""
        self._air.portal.run(self.radio.corrupt_next)

    def spare_next(self, most: int = 1) -> int:
        """Let packets be right after all that `corrupt_next` was called for. Returns: how many."""
        return self._air.portal.run(self.radio.spare_next, most)

    def _move_to(self, position: Position) -> None:
        self.radio.position = position
        self._air.portal.run(self.radio.apply)
