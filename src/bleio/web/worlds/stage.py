"""The devices of a world on a page: where they are, what they do and print, and what breaks.

What breaks by a click goes through the world's faults, with the time at which that was. So a report
has them all, each with what it took in the end, and the world can be made again.
"""

from __future__ import annotations

import heapq
from functools import partial

from bleio.decoding.intime import InTime, as_packet
from bleio.pages.rows import Row, event_row, output_row
from bleio.radio.air.medium import Transmission
from bleio.radio.air.radio import AirPdu
from bleio.radio.air.station import Station
from bleio.testing.air import history
from bleio.testing.device import Device
from bleio.testing.faults.fault import LONGEST_S, Corrupt, DropLinks, Fault, Jam, PowerCut
from bleio.testing.timing.waiting import NEVER_US
from bleio.testing.words import decoder_for
from bleio.testing.world import World
from bleio.web import plane
from bleio.web.commands import BreakLinks, Command, JamAir, Lose, Move, Power, TakeBack
from bleio.web.controllers import address_of, level_between, states_of
from bleio.web.feed import MOST_DEVICES, Entry, Feed

MOST_PACKETS = 20_000  # between two news; more cannot be told by words
_APPLY_S = 100e-6
_POWERS = {
    history.ON: "on",
    history.RESET: "on",
    history.OFF: "off",
    history.ENDED: "ended",
}


class Stage:
    """What a page is told of a world's devices, and what it does to them. Thread: the owner's."""

    def __init__(self, world: World, feed: Feed) -> None:
        self._world = world
        self._feed = feed
        self._actors: list[_Actor] = []
        self._places: dict[str, int] = {}
        self._in_time: InTime[Row] = InTime(decoder_for(world.devices))
        self._ahead: list[int] = []  # times of packets that were shown ahead of them
        self._taken = self._begun = 0
        self._open: list[tuple[Fault, Entry]] = []  # that can be undone
        self._to_come: list[Fault] = []

    def set_up(self) -> None:
        """Put the devices on the plane, and look at what happens from now on."""
        world = self._world
        propagation = world.radio.medium.propagation
        spacing_m = plane.spacing_m(propagation)
        for number, device in enumerate(list(world.devices.values())[:MOST_DEVICES]):
            if propagation.path_loss_db is not None and not device.radio.placed:
                device.radio.position = plane.place(number, spacing_m)
            self._actors.append(_Actor(number, device))
        self._places = {actor.device.name: actor.number for actor in self._actors}
        self._feed.set_state(hidden=len(world.devices) - len(self._actors))
        self._to_come = sorted(world.faults, key=lambda fault: fault.at_s)
        world.radio.watch(self._add)
        world.radio.hearing_watchers += (self._heard,)

    def leave(self) -> None:
        """Look no more."""
        self._world.radio.unwatch(self._add)
        self._world.radio.hearing_watchers = ()

    def packets_begun(self) -> int:
        """Return how many packets have begun by now."""
        while self._ahead and self._ahead[0] < self._world.clock.now_us:
            heapq.heappop(self._ahead)
            self._begun += 1
        return self._begun

    def next_packet_us(self) -> int:
        """Return when the next packet has begun that is known already."""
        return self._ahead[0] + 1 if self._ahead else NEVER_US

    # What is told

    def tell(self) -> None:
        """Tell the page what is new."""
        now_us = self._world.clock.now_us
        self.packets_begun()
        self._note_faults(now_us)
        stations = {
            actor.station: actor.number for actor in self._actors if actor.station is not None
        }
        for actor in self._actors:
            for row in actor.news():
                self._in_time.add(row[0], row)
            self._tell_of(actor, stations, now_us)
        self._tell_levels()
        for told in self._in_time.until(now_us):
            if isinstance(told, list):
                self._feed.packets.add_row(told)
            else:
                self._feed.packets.add(told, self._places)
        self._feed.packets.left_out += max(0, self._taken - MOST_PACKETS)
        self._taken = 0
        self._feed.tick(now_us, self._begun)

    def _tell_of(self, actor: _Actor, stations: dict[Station, int], now_us: int) -> None:
        controller, power = actor.device.radio.controller, actor.power
        states = ["running"] if power in ("on", "silent") else []
        if controller is not None:
            states += states_of(controller.layer, stations)
        x, y, _ = actor.device.position
        self._feed.set_device(
            actor.number, now_us, states, name=actor.device.name, about=actor.address,
            x=x, y=y, placed=actor.device.radio.placed, power=power,
        )  # fmt: skip

    def _tell_levels(self) -> None:
        """Tell those that may have changed: of devices with another station, place or antenna."""
        changed = {actor.number for actor in self._actors if actor.has_changed()}
        if not changed:
            return
        medium = self._world.radio.medium
        for one in self._actors:
            for two in self._actors[one.number + 1 :]:
                if not changed.isdisjoint((one.number, two.number)):
                    level: tuple[int | None, float | None] = (None, None)
                    if one.station is not None and two.station is not None:
                        level = level_between(medium, one.station, two.station)
                    if not (one.is_heard and two.is_heard):
                        level = None, level[1]
                    self._feed.set_level(one.number, two.number, *level)

    def _add(self, packet: AirPdu) -> None:
        """Thread: the engine's."""
        heapq.heappush(self._ahead, packet.time_us)
        self._taken += 1
        if self._taken <= MOST_PACKETS:
            certain = self._world.radio.medium.ideal and packet.crc_right
            self._in_time.add_packet(as_packet(packet), certain=certain)

    def _heard(self, packet: Transmission, listener: Station, got: bool) -> None:
        """Thread: the engine's."""
        sender, receiver = self._places.get(packet.sender.name), self._places.get(listener.name)
        if sender is not None and receiver is not None:
            self._feed.packets.fly(sender, receiver, "ADV", lost=not got)

    # What breaks

    def carry_out(self, command: Command) -> None:
        """Do it. Raises: ValueError with a sentence; what programs fail with."""
        world = self._world
        match command:
            case Move(number, x, y):
                self._actor(number).device.place((x, y))
                return
            case Lose(number, packets):
                self._inject(Corrupt(self._actor(number).device.name, 0.0, packets=packets))
            case BreakLinks(number):
                self._inject(DropLinks(self._actor(number).device.name, 0.0))
            case JamAir(seconds, channels):
                self._inject(Jam(0.0, seconds, channels))
            case Power(number, on):
                self._switch(self._actor(number), on)
            case TakeBack(entry):
                self._feed.take_back(entry, world.clock.now_us)
            case _:
                raise ValueError("this cannot be done to a world")
        world.run_for(_APPLY_S)  # so that it shows, also while the world stands still

    def _switch(self, actor: _Actor, on: bool) -> None:
        if not on:
            if actor.power != "on":
                raise ValueError(f"{actor.device.name} does not run")
            self._inject(PowerCut(actor.device.name, 0.0, LONGEST_S))
            return
        for fault, entry in self._open:
            if isinstance(fault, PowerCut) and fault.device == actor.device.name:
                self._feed.take_back(entry.number, self._world.clock.now_us)
                return
        raise ValueError(f"the power of {actor.device.name} has not been cut here")

    def _inject(self, fault: Fault) -> None:
        self._world.inject(fault, from_s=self._world.now_s)
        self._note(self._world.faults[-1])

    def _note(self, fault: Fault) -> None:
        can_be_undone = hasattr(fault, "for_s") or isinstance(fault, Corrupt)
        undo = partial(self._undo, fault) if can_be_undone else None
        number = self._places.get(getattr(fault, "device", ""), -1)
        text = str(fault).replace(f" for {LONGEST_S:.0f}s", "")
        entry = self._feed.note(self._world.clock.now_us, text, undo, number)
        if can_be_undone:
            self._open.append((fault, entry))

    def _undo(self, fault: Fault) -> None:
        self._open = [each for each in self._open if each[0] is not fault]
        self._world.cut_short(fault)

    def _note_faults(self, now_us: int) -> None:
        """Note those of the command line as they begin, and which are over by themselves."""
        while self._to_come and self._to_come[0].at_s * 1e6 <= now_us:
            self._note(self._to_come.pop(0))
        for fault, entry in list(self._open):
            if fault.over_s * 1e6 <= now_us and not isinstance(fault, Corrupt):
                self._open.remove((fault, entry))
                self._feed.settled(entry)

    def _actor(self, number: int) -> _Actor:
        if number >= len(self._actors):
            raise ValueError("there is no such device")
        return self._actors[number]


class _Actor:
    """A device, and what of it has been told."""

    def __init__(self, number: int, device: Device) -> None:
        self.number = number
        self.device = device
        self._lines = 0
        self._last: history.Happened | None = None
        self._told: tuple[object, ...] = ()

    @property
    def station(self) -> Station | None:
        """What it is on the air; None before its program has used that."""
        return self.device.radio.station

    @property
    def address(self) -> str:
        """Its address on the air, once it has one."""
        controller = self.device.radio.controller
        return "" if controller is None else address_of(controller.layer)

    @property
    def power(self) -> str:
        """Whether it runs, and why not."""
        told = (_POWERS.get(each.what) for each in reversed(self.device.radio.history))
        power = next((each for each in told if each is not None), "off")
        if power == "ended" and self.device.error is not None:
            return "failed"
        return "silent" if power == "on" and not self.device.antenna else power

    @property
    def is_heard(self) -> bool:
        """Whether it can be heard, and hears."""
        return self.power == "on"

    def has_changed(self) -> bool:
        """Whether its levels may be others than when this was asked last."""
        told = (self.station, self.device.position, self.is_heard, self.device.radio.placed)
        changed, self._told = told != self._told, told
        return changed

    def news(self) -> list[Row]:
        """Return what it has printed, and what has become of it, since this was asked last."""
        lines = self.device.output.lines
        rows = [output_row(round(line.time_s * 1e6), self.number, line.text)
                for line in lines[self._lines :]]  # fmt: skip
        self._lines = len(lines)
        for happened in reversed(self.device.radio.history):
            if happened is self._last:
                break
            if happened.what not in (history.SCANS, history.SCANS_NO_MORE):
                failed = happened.what.startswith(history.FAILED)
                row = event_row(happened.time_us, self.number, happened.what, trouble=failed)
                rows.append(row)
        self._last = next(reversed(self.device.radio.history), None)
        return rows
