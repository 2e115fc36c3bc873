"""From a device on the air to a record of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bleio.api import Adapter
from bleio.cli.cloning.exploring import Explored, explore, read_again
from bleio.cli.cloning.listening import advertising_of, find_any
from bleio.cli.cloning.record import Record
from bleio.cli.cloning.recording import Recorder, place_to_say
from bleio.cli.cloning.words import put_words
from bleio.cli.devices.connecting import gone, linked
from bleio.cli.devices.finding import Heard
from bleio.cli.devices.problems import Gone
from bleio.cli.devices.target import Target
from bleio.cli.shared.fields import ADDRESS_TYPES

Say = Callable[[str], None]


@dataclass
class Wishes:
    """What the user wants of a clone.

    Attributes: record_s: how long to listen to it. said, say_to: what to say, and where.
    same_address: whether the twin has its address. pair: whether to pair if it asks for that.
    """

    timeout_s: float = 10.0
    record_s: float = 10.0
    said: list[bytes] = field(default_factory=list)
    say_to: str | None = None
    same_address: bool = False
    pair: bool = False


@dataclass
class Made:
    """A record, and the address of its device. gone: why the record ends early, None if it does
    not: it has the whole table then, and what came before the device went."""

    record: Record
    address: bytes
    gone: Gone | None = None


async def make_record(adapter: Adapter, target: Target, wishes: Wishes, say: Say) -> Made:
    """Find a device, and learn all of it. Raises: NotFound, Gone, Refused, Failure."""
    heard = await find_any(adapter, target, wishes.timeout_s)
    say(f"Listening to {heard}.")
    record = Record(heard.name)
    record.advertising = await advertising_of(adapter, heard, say)
    if wishes.same_address:
        record.address = heard.address.address_bytes
        record.address_type = ADDRESS_TYPES[heard.address.type]
    made = Made(record, heard.address.address_bytes)
    if record.advertising.connectable:
        made.gone = await _learn(adapter, heard, record, wishes, say)
        put_words(record)
    return made


async def _learn(
    adapter: Adapter, heard: Heard, record: Record, wishes: Wishes, say: Say
) -> Gone | None:
    explored: Explored | None = None
    try:
        async with linked(adapter, heard, wishes.timeout_s) as device:
            explored = await explore(device, record, wishes.pair, say)
            await _record(explored, wishes)
    except Gone as error:
        if explored is None:
            raise
        return error
    return None


async def _record(explored: Explored, wishes: Wishes) -> None:
    say = explored.say
    if not wishes.record_s and not wishes.said:
        await explored.pair()
        return
    place = place_to_say(explored, wishes.say_to) if wishes.said else None
    recorder = Recorder(explored)
    async with recorder:
        if await explored.pair():
            await recorder.subscribe_again()
        if wishes.record_s and recorder.subscribed:
            say(f"Recording what it sends for {wishes.record_s:g} s.")
            await recorder.record(wishes.record_s)
        for each in wishes.said if place else []:
            assert place is not None
            await recorder.say(*place, each)
    if recorder.left_out:
        say(f"It sent more than is kept: {recorder.left_out} values are left out.")
    if not explored.device.connection.connected:
        raise gone(explored.device)
    if wishes.record_s:
        await read_again(explored)
