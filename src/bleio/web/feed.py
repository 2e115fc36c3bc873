"""Gathers what has happened on a radio, and tells it to a page some times a second.

What is state (devices, levels, the log) is told when it has changed, and once more if the page
could not take it; what has happened (packets, lines) is told once. A subject, which is a shared
radio or a world, says who is there and what they do; the rest is the same for both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bleio.pages.rows import event_row
from bleio.web.mirror import News
from bleio.web.packets import Packets

MOST_DEVICES = 100
MOST_LOG = 200

Tell = Callable[[News], bool]


class Entry:
    """A line of the log. Args: undo: takes back what it says; None if that cannot be."""

    def __init__(self, number: int, time_us: int, text: str, undo: Callable[[], object] | None):
        self.number = number
        self.time_us = time_us
        self.text = text
        self.undo = undo
        self.undone = False

    def as_news(self) -> News:
        """Return it as it is told."""
        return {
            "id": self.number,
            "time_us": self.time_us,
            "text": self.text,
            "undo": self.undo is not None,
            "undone": self.undone,
        }


class Feed:
    """What a page is told. Thread: its subject's.

    Attributes: packets: those since the last news.
    """

    def __init__(self, tell: Tell) -> None:
        self.packets = Packets()
        self._tell = tell
        self._devices: dict[int, News] = {}
        self._levels: dict[tuple[int, int], list[Any]] = {}
        self._state: News = {}
        self._log: dict[int, Entry] = {}
        self._logged = 0
        self._changed: dict[str, dict[Any, Any]] = {"devices": {}, "levels": {}, "log": {}}
        self._new_state: News = {}
        self._lost_rows = 0

    def set_device(self, number: int, now_us: int, states: list[str], **told: Any) -> None:
        """Say what a device is and does. Args: told: name, place and the like."""
        before = self._devices.get(number)
        since = {} if before is None else before["states"]
        device = {"id": number, "states": {each: since.get(each, now_us) for each in states}}
        device.update(told)
        if device != before:
            self._devices[number] = self._changed["devices"][number] = device

    def set_level(self, one: int, other: int, rssi_dbm: int | None, metres: float | None) -> None:
        """Say how strong one device hears the other; None if that cannot be said.

        Args: metres: how far apart they are, where that is what decides.
        """
        level = [one, other, rssi_dbm, metres]
        if self._levels.get((one, other)) != level:
            self._levels[one, other] = self._changed["levels"][one, other] = level

    def forget_device(self, number: int) -> None:
        """It is somebody else from now on."""
        self._devices.pop(number, None)

    def set_state(self, **state: Any) -> None:
        """Say what is true of the whole, such as whether it stands still."""
        for name, value in state.items():
            if name not in self._state or self._state[name] != value:
                self._state[name] = self._new_state[name] = value

    def note(
        self, now_us: int, text: str, undo: Callable[[], object] | None = None, device: int = -1
    ) -> Entry:
        """Add a line to the log, and to the list of what has happened."""
        self._logged += 1
        entry = Entry(self._logged, now_us, text, undo)
        self._log[entry.number] = entry
        while len(self._log) > MOST_LOG:
            del self._log[next(iter(self._log))]
        self._changed["log"][entry.number] = entry.as_news()
        place: int | str = device if device >= 0 else ""
        self.packets.add_row(event_row(now_us, place, text))
        return entry

    def take_back(self, number: int, now_us: int) -> None:
        """Undo a line of the log. Raises: ValueError with a sentence."""
        entry = self._log.get(number)
        if entry is None or entry.undo is None or entry.undone:
            raise ValueError("This cannot be taken back any more")
        undo, entry.undo = entry.undo, None
        self.changed(entry)
        undo()
        entry.undone = True
        self.changed(entry)
        self.packets.add_row(event_row(now_us, "", f"undone: {entry.text}"))

    def settled(self, entry: Entry, text: str = "") -> None:
        """It is over by itself, and cannot be undone any more."""
        entry.undo = None
        entry.text = text or entry.text
        self.changed(entry)

    def changed(self, entry: Entry) -> None:
        """Tell it again."""
        if entry.number in self._log:
            self._changed["log"][entry.number] = entry.as_news()

    def tick(self, now_us: int, packets: int) -> None:
        """Tell what is new. Args: packets: how many there were in all."""
        rows, flights, left_out = self.packets.take()
        news: News = {
            "kind": "news",
            "now_us": now_us,
            "packets": packets,
            "left_out": left_out + self._lost_rows,
            "rows": rows,
            "flights": flights,
            "state": self._new_state,
            **{name: list(changed.values()) for name, changed in self._changed.items()},
        }
        if self._tell(news):
            self._changed = {name: {} for name in self._changed}
            self._new_state, self._lost_rows = {}, 0
        else:
            self._lost_rows += left_out + len(rows)
