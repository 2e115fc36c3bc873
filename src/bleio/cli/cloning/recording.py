"""What a device sends by itself, and what it answers: recorded for the twin to do the same.

First all that can be is subscribed to, and nothing is said to the device. Then, if the user has
something to say, it is written, and what comes until there is silence is its answer. What comes of
characteristics that have sent by themselves before is none: it would have come anyway.

What a device sends is bounded in number, for it may send more than anybody wants to read.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from bleio import aio
from bleio.cli.cloning.exploring import Explored
from bleio.cli.cloning.record import Access, Answer, Exchange, Place, Sent
from bleio.cli.cloning.table import VALUES, WRITES
from bleio.cli.devices.choosing import choose
from bleio.cli.devices.connecting import is_about_security
from bleio.cli.devices.problems import NotFound
from bleio.cli.devices.table import CharacteristicRow
from bleio.cli.shared.exits import Exit, Failure
from bleio.core.codes import Properties
from bleio.core.uuid import to_text
from bleio.decoding.octets import value_text
from bleio.errors import BluetoothError

MOST_VALUES = 5_000  # of a recording
PIECE_OCTETS = 20  # that every device takes in a write without response
_FIRST_ANSWER_S, _SILENCE_S, _MOST_ANSWER_S = 2.0, 0.5, 10.0
_BUFFERED = 256


@dataclass
class _Came:
    place: Place
    at_s: float
    value: bytes


class Recorder:
    """Subscribes to all that can be, and keeps what comes. An async context manager."""

    def __init__(self, explored: Explored) -> None:
        self._explored = explored
        self._subscriptions: list[aio.Subscription] = []
        self._since_s: dict[Place, float] = {}
        self._came: list[_Came] = []
        self._news = asyncio.Event()
        self._talking: set[Place] = set()  # by themselves: what comes of them is no answer
        self._full = asyncio.Event()
        self.left_out = 0

    async def __aenter__(self) -> Recorder:
        for place, row, kept in self._explored.characteristics():
            if row.properties & VALUES:
                kept.subscribing = await self._subscribe(place, row)
        return self

    async def subscribe_again(self) -> None:
        """Subscribe to what was refused, now that the link is paired."""
        for place, row, kept in self._explored.characteristics():
            if kept.subscribing is Access.ENCRYPTED:
                gained = await self._subscribe(place, row) is Access.OPEN
                kept.subscribing = Access.ENCRYPTED if gained else Access.AUTHENTICATED

    async def __aexit__(self, *exc: object) -> None:
        connection = self._explored.device.connection
        for each in self._subscriptions:
            if connection.connected:
                await each.end()
        self.left_out += sum(each.dropped for each in self._subscriptions)

    async def _subscribe(self, place: Place, row: CharacteristicRow) -> Access:
        try:
            await self._listen(place, row)
            return Access.OPEN
        except BluetoothError as error:
            if not self._explored.device.connection.connected:
                raise
            return Access.ENCRYPTED if is_about_security(error) else Access.REFUSED

    async def _listen(self, place: Place, row: CharacteristicRow) -> None:
        def take(value: bytes) -> None:
            self._take(place, value)

        loop = asyncio.get_running_loop()
        self._since_s[place] = loop.time()
        made = await aio.subscribe(row.characteristic, take, buffer_size=_BUFFERED)
        self._subscriptions.append(made)

    def _take(self, place: Place, value: bytes) -> None:
        if place in self._talking:
            return
        if len(self._came) == MOST_VALUES:
            self.left_out += 1
            return
        self._came.append(_Came(place, asyncio.get_running_loop().time(), value))
        self._news.set()
        if len(self._came) == MOST_VALUES:
            self._full.set()

    @property
    def subscribed(self) -> int:
        """How many characteristics it listens to."""
        return len(self._subscriptions)

    async def record(self, seconds: float) -> None:
        """Keep what comes by itself, for that long, until it is full or until the link is gone."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        gone = asyncio.ensure_future(aio.disconnected(self._explored.device.connection))
        full = asyncio.ensure_future(self._full.wait())
        await asyncio.wait({gone, full}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        full.cancel()
        recorded_s = min(seconds, loop.time() - began_s)
        if self._full.is_set():
            say = self._explored.say
            say(f"It sent {MOST_VALUES} values in {recorded_s:.3g} s, which are all that are kept.")
        self.left_out = 0
        self._keep(_ms(recorded_s) or 1)

    def _keep(self, recorded_ms: int) -> None:
        """Put what has come into the record."""
        record = self._explored.record
        record.recorded_ms = recorded_ms
        for each in self._came:
            after_ms = max(0, _ms(each.at_s - self._since_s[each.place]))
            kept = record.at(each.place)
            kept.sent.append(Sent(after_ms, each.value))
            self._talking.add(each.place)
        self._came.clear()

    async def say(self, place: Place, row: CharacteristicRow, said: bytes) -> None:
        """Write something, and keep what is answered."""
        self._came.clear()
        began_s = await self._write(row, said)
        await self._wait_for_silence()
        exchange = Exchange(place, said)
        before_s = began_s
        for each in self._came:
            after_ms = max(0, _ms(each.at_s - before_s))
            exchange.answers.append(Answer(after_ms, each.place, each.value))
            before_s = each.at_s
        self._explored.record.exchanges.append(exchange)

    async def _write(self, row: CharacteristicRow, said: bytes) -> float:
        """Write in pieces where there is no response. Returns: when the last was begun."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            for piece in _pieces(row, said):
                began_s = loop.time()
                await aio.write(row.characteristic, piece)
        except BluetoothError as error:
            device = self._explored.device
            if not device.connection.connected or is_about_security(error):
                raise
            what = f"{device} does not take {value_text(said)}: {error}"
            raise Failure(what, Exit.REFUSED) from error
        return began_s

    async def _wait_for_silence(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while True:
            came = self._came
            end_s = came[-1].at_s + _SILENCE_S if came else began_s + _FIRST_ANSWER_S
            left_s = min(end_s, began_s + _MOST_ANSWER_S) - loop.time()
            if left_s <= 0:
                return
            self._news.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), left_s)


def _pieces(row: CharacteristicRow, said: bytes) -> list[bytes]:
    if not row.properties & Properties.WRITE_WITHOUT_RESPONSE:
        return [said]
    return [said[at : at + PIECE_OCTETS] for at in range(0, len(said), PIECE_OCTETS)] or [b""]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def place_to_say(explored: Explored, wanted: str | None) -> tuple[Place, CharacteristicRow]:
    """Return where things are said: what the user names, or the one that looks like it.

    That is one that can be written, in a service in which something notifies or indicates.

    Raises: NotFound.
    """
    places = [(place, row) for place, row, _ in explored.characteristics()]
    writable = [each for each in places if each[1].properties & WRITES]
    if wanted is not None:
        chosen = choose(
            explored.table, wanted, lambda row: any(row is each for _, each in writable)
        )
        found = [each for each in writable if each[1] is chosen]
        if not found:
            raise NotFound(f"Nothing can be said to {wanted!r} of {explored.device}: not writable.")
        return found[0]
    found = [each for each in writable if _is_answered(each[1])]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} characteristics" if found else "No characteristic"
    known = ", ".join(to_text(row.uuid._octets) for _, row in (found or writable)[:8])
    raise NotFound(
        f"{what} of {explored.device} can be written beside one that notifies. Say where with"
        f" --say-to: {known or 'but none can be written at all'}."
    )


def _is_answered(row: CharacteristicRow) -> bool:
    return any(each.properties & VALUES for each in row.service.characteristics)
