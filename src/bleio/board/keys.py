"""`keypad`: buttons as a queue of events.

The chip looks at its keys each `interval`, so what goes up and down between two looks is not seen,
and the time of an event is that of the look. Nothing happens here until the program asks: then what
pins have told since is taken in the order of the looks that would have seen it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from bleio.board.pins import Claim, Pin

_MOST_CHANGES = (
    10_000  # between two looks of the program; the oldest are lost beyond, as events are
)


class Event:
    """One key that went down or up."""

    def __init__(self, key_number: int = 0, pressed: bool = True, timestamp: int = 0) -> None:
        self.key_number = key_number
        self.pressed = pressed
        self.timestamp = timestamp
        """In milliseconds, as `supervisor.ticks_ms()` has them."""

    @property
    def released(self) -> bool:
        """Whether it went up."""
        return not self.pressed

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Event)
            and self.key_number == other.key_number
            and self.pressed == other.pressed
        )

    def __hash__(self) -> int:
        return hash((self.key_number, self.pressed))

    def __repr__(self) -> str:
        return f"<Event: key_number {self.key_number} {'pressed' if self.pressed else 'released'}>"


class EventQueue:
    """The events of some keys, bounded; `overflowed` says that one was lost."""

    def __init__(self, keys: Keys, most: int) -> None:
        self._keys = keys
        self._most = most
        self._events: deque[Event] = deque()
        self._overflowed = False

    def get(self) -> Event | None:
        """Return the next event; None if there is none."""
        self._keys.scan()
        return self._events.popleft() if self._events else None

    def get_into(self, event: Event) -> bool:
        """Fill `event` with the next one; False if there is none."""
        found = self.get()
        if found is None:
            return False
        event.key_number, event.pressed = found.key_number, found.pressed
        event.timestamp = found.timestamp
        return True

    def clear(self) -> None:
        """Forget all events."""
        self._keys.scan()
        self._events.clear()
        self._overflowed = False

    @property
    def overflowed(self) -> bool:
        """Whether events were lost since the last `clear`."""
        self._keys.scan()
        return self._overflowed

    def __len__(self) -> int:
        self._keys.scan()
        return len(self._events)

    def __bool__(self) -> bool:
        return len(self) > 0

    def append(self, event: Event) -> None:
        """Take one more, or lose it if it is full."""
        if len(self._events) >= self._most:
            self._overflowed = True
        else:
            self._events.append(event)


class Keys(Claim):
    """Keys that have a pin each."""

    def __init__(
        self,
        pins: Sequence[Pin],
        *,
        value_when_pressed: bool,
        pull: bool = True,
        interval: float = 0.020,
        max_events: int = 64,
        debounce_threshold: int = 1,
    ) -> None:
        if not interval > 0:
            raise ValueError("interval must be above 0")
        if debounce_threshold != 1:
            raise NotImplementedError(
                "A pretend board's keys do not bounce; leave debounce_threshold at 1"
            )
        super().__init__(*pins)
        self._when_pressed = bool(value_when_pressed)
        self._interval_us = round(interval * 1e6)
        self._board = pins[0].board
        self._changes: deque[tuple[int, int, bool]] = deque(maxlen=_MOST_CHANGES)
        self._numbers = {id(pin): number for number, pin in enumerate(pins)}
        self.events = EventQueue(self, max_events)
        for pin in pins:
            pin.configure(None, not value_when_pressed if pull else None)
            pin.watch(self)
        self._pressed = [False] * len(pins)  # as they were seen last
        self.reset()

    @property
    def key_count(self) -> int:
        """How many keys."""
        return len(self._numbers)

    def reset(self) -> None:
        """Let all keys count as released, so that those held down make an event anew."""
        self._check()
        self.scan()
        now_us = self._board.now_us()
        for number, pin in enumerate(self._pins):
            self._pressed[number] = False
            if pin.value == self._when_pressed:
                self._changes.append((now_us, number, True))

    def deinit(self) -> None:
        """Free the pins; events that came before stay."""
        if not getattr(self, "ended", True):
            for pin in self._pins:
                pin.unwatch(self)
        super().deinit()

    def level_changed(self, pin: Pin) -> None:
        """Note it, for the next look at the keys."""
        change = (self._board.now_us(), self._numbers[id(pin)], pin.value == self._when_pressed)
        self._changes.append(change)

    def scan(self) -> None:
        """Make events of what the looks until now have seen."""
        self._board.look()
        now_us = self._board.now_us()
        while self._changes and (look_us := self._look_after(self._changes[0][0])) <= now_us:
            seen: dict[int, bool] = {}
            while self._changes and self._changes[0][0] <= look_us:
                _, number, pressed = self._changes.popleft()
                seen[number] = pressed
            for number in sorted(seen):
                if self._pressed[number] != seen[number]:
                    self._pressed[number] = seen[number]
                    self.events.append(Event(number, seen[number], self._board.ticks_ms(look_us)))

    def _look_after(self, moment_us: int) -> int:
        return math.ceil(moment_us / self._interval_us) * self._interval_us
