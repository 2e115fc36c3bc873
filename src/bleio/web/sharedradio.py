"""The page of a radio that programs share, in real time.

Its devices are the controllers of the programs that have joined. Nobody has placed them, so they
have the usual path loss between each other, wherever they are drawn, until one is dragged: then
distances from that one matter. A program keeps running whatever is done here: "radio off" takes its
antenna away, which peers notice as if its power had gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from bleio.core.codes import HciErrorCode
from bleio.decoding.air import AirDecoder
from bleio.decoding.intime import InTime, as_packet
from bleio.radio.air.interference import Interference
from bleio.radio.air.medium import Transmission
from bleio.radio.air.radio import AirPdu
from bleio.radio.air.station import Station
from bleio.radio.controller import Controller
from bleio.radio.sharing.server.connection import ServedRadio
from bleio.web import plane
from bleio.web.address import PageAddress
from bleio.web.commands import BreakLinks, Command, JamAir, Lose, Move, Power, TakeBack
from bleio.web.controllers import about_air, address_of, advertised_name, level_between, states_of
from bleio.web.feed import MOST_DEVICES, Feed
from bleio.web.server import PageServer

TICK_S = 0.05
MOST_PACKETS = 5_000  # between two news; more cannot be told by words
MOST_COMMANDS = 100
_ANYBODYS_NAME = "CIRCUITPY"  # that a program has which has set none


class SharedRadioPage:
    """A page and the radio that it shows. Thread: the radio's.

    Attributes: url: what to type into a browser.
    """

    def __init__(self, served: ServedRadio, name: str, address: PageAddress) -> None:
        self._served = served
        self._radio = served.driver.radio
        self._loop = asyncio.get_running_loop()
        propagation = self._radio.medium.propagation
        about = {
            "kind": "radio",
            "title": f"radio {name}",
            "adapter": f"virtual:{name}",
            **about_air(propagation),
        }
        self._server = PageServer(address, about, self._ask)
        self._feed = Feed(self._server.tell)
        self._spacing_m = plane.spacing_m(propagation)
        self._devices: dict[Station, _Device] = {}
        self._in_time: InTime[str] = InTime(AirDecoder())
        self._taken = self._packets = self._asked = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> str:
        """Serve it. Returns: its URL. Raises: OSError."""
        self._server.start()
        self._radio.watch(self._add)
        self._radio.hearing_watchers += (self._heard,)
        self.changed()
        self._tick()
        return self._server.url

    def close(self) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()
        self._radio.unwatch(self._add)
        self._radio.hearing_watchers = ()
        self._server.close()

    def changed(self) -> None:
        """A program has joined or left."""
        there = {each.controller.layer.station: each.controller for each in self._served.connections
                 if each.controller is not None}  # fmt: skip
        for station in [each for each in self._devices if each not in there]:
            self._gone(self._devices.pop(station))
        for station, controller in there.items():
            if station not in self._devices and len(self._devices) < MOST_DEVICES:
                self._came(station, controller)
        hidden = max(0, len(there) - len(self._devices))
        self._feed.set_state(hidden=hidden)

    def _came(self, station: Station, controller: Controller) -> None:
        number = plane.first_free({each.number for each in self._devices.values()})
        label, labels = station.name, {each.label for each in self._devices.values()}
        if not label or label in labels:
            label = f"{label or 'device'} {station.index}"
        device = self._devices[station] = _Device(number, station, controller, label)
        if not station.placed:
            station.position = plane.place(number, self._spacing_m)
        self._feed.forget_device(number)
        self._tell(device)
        self._tell_levels(device)
        self._feed.note(self._now_us, f"{device.label} has joined", device=number)

    def _gone(self, device: _Device) -> None:
        self._feed.set_device(device.number, self._now_us, [], **device.told(), gone=True)
        self._feed.note(self._now_us, f"{device.label} has left", device=device.number)

    # What is told

    @property
    def _now_us(self) -> int:
        return self._radio.now_us

    def _tick(self) -> None:
        driver = self._served.driver
        driver.catch_up()
        now_us = self._now_us
        places = {device.label: device.number for device in self._devices.values()}
        for decoded in self._in_time.until(now_us):
            if not isinstance(decoded, str):
                self._feed.packets.add(decoded, places)
        for device in self._devices.values():
            self._tell(device)
        self._feed.packets.left_out += max(0, self._taken - MOST_PACKETS)
        self._taken = self._asked = 0
        self._feed.tick(now_us, self._packets)
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def _tell(self, device: _Device) -> None:
        places = {station: each.number for station, each in self._devices.items()}
        states = states_of(device.controller.layer, places)
        self._feed.set_device(device.number, self._now_us, ["running", *states], **device.told())

    def _tell_levels(self, device: _Device) -> None:
        for other in self._devices.values():
            if other is not device:
                one, two = sorted((device, other), key=lambda each: each.number)
                level = level_between(self._radio.medium, one.station, two.station)
                self._feed.set_level(one.number, two.number, *level)

    def _add(self, packet: AirPdu) -> None:
        self._packets += 1
        self._taken += 1
        device = self._devices.get(packet.sender)
        label = packet.sender.name if device is None else device.label
        if self._taken <= MOST_PACKETS:
            certain = self._radio.medium.ideal and packet.crc_right
            self._in_time.add_packet(as_packet(packet, label), certain=certain)

    def _heard(self, packet: Transmission, listener: Station, got: bool) -> None:
        sender, receiver = self._devices.get(packet.sender), self._devices.get(listener)
        if sender is not None and receiver is not None:
            self._feed.packets.fly(sender.number, receiver.number, "ADV", lost=not got)

    # What is asked for

    def _ask(self, command: Command) -> None:
        """Thread: the server's."""
        if self._asked >= MOST_COMMANDS:
            raise ValueError("The page asks for too much at once; wait a moment")
        self._asked += 1
        self._loop.call_soon_threadsafe(self._do, command)

    def _do(self, command: Command) -> None:
        self._served.driver.catch_up()
        try:
            self._carry_out(command)
        except ValueError as error:
            self._feed.note(self._now_us, f"Not done: {error}")
        self._served.driver.due_earlier()

    def _carry_out(self, command: Command) -> None:
        match command:
            case Move(number, x, y):
                self._move(self._device(number), x, y)
            case Lose(number, packets):
                self._lose(self._device(number), packets)
            case BreakLinks(number):
                self._break_links(self._device(number))
            case Power(number, on):
                self._switch(self._device(number), on)
            case JamAir(seconds, channels):
                self._jam(seconds, channels)
            case TakeBack(entry_number):
                self._feed.take_back(entry_number, self._now_us)
            case _:
                raise ValueError("A radio in real time can neither be stopped nor stepped")

    def _move(self, device: _Device, x: float, y: float) -> None:
        self._radio.medium.place(device.station, (x, y, 0.0))
        self._tell(device)
        self._tell_levels(device)

    def _lose(self, device: _Device, packets: int) -> None:
        for _ in range(packets):
            self._radio.medium.corrupt_next(device.station)
        undo = partial(self._spare, device, packets)
        lost = "packet is" if packets == 1 else "packets are"
        self._note(f"{device.label}: the next {packets} {lost} lost", undo, device)

    def _spare(self, device: _Device, packets: int) -> None:
        if not self._radio.medium.spare(device.station, packets):
            raise ValueError(f"{device.label} has sent all these packets")

    def _break_links(self, device: _Device) -> None:
        for end in tuple(device.controller.layer.links.values()):
            end.link.finish(HciErrorCode.CONNECTION_TIMEOUT)
        self._note(f"{device.label}: its links have been broken", None, device)

    def _jam(self, seconds: float, channels: tuple[int, ...]) -> None:
        medium, now_us = self._radio.medium, self._now_us
        until_us = now_us + round(seconds * 1e6)
        jammer = Interference(channels=frozenset(channels), from_us=now_us, until_us=until_us)
        medium.add_interference(jammer)
        where = "all channels" if len(channels) == 40 else f"channels {_listed(channels)}"
        undo = partial(medium.remove_interference, jammer)
        entry = self._feed.note(now_us, f"{where} jammed for {seconds:g} s", undo)
        self._loop.call_later(seconds, self._feed.settled, entry)

    def _switch(self, device: _Device, on: bool) -> None:
        if device.station.antenna == on:
            return
        self._set_antenna(device, on)
        said = "on" if on else "off"
        undo = None if on else partial(self._set_antenna, device, True)
        self._note(f"{device.label}: radio {said}", undo, device)

    def _set_antenna(self, device: _Device, on: bool) -> None:
        self._radio.medium.set_antenna(device.station, on)
        self._tell(device)
        self._tell_levels(device)

    def _note(self, text: str, undo: Callable[[], object] | None, device: _Device) -> None:
        self._feed.note(self._now_us, text, undo, device.number)

    def _device(self, number: int) -> _Device:
        for device in self._devices.values():
            if device.number == number:
                return device
        raise ValueError("this device has left")


class _Device:
    """A controller on the radio, and where it is in the page's list.

    Args: label: unlike all others, mostly after its program.
    """

    def __init__(self, number: int, station: Station, controller: Controller, label: str) -> None:
        self.number = number
        self.station = station
        self.controller = controller
        self.label = label
        self._name = ""  # that it has advertised last

    def told(self) -> dict[str, object]:
        """Return what a page is told of it."""
        x, y, _ = self.station.position
        layer = self.controller.layer
        self._name = advertised_name(layer) or self._name
        name, about = self.label, [address_of(layer)]
        if self._name and not self._name.startswith(_ANYBODYS_NAME):
            name = f"{self._name} ({self.station.index})"
            about.append(self.label)
        elif self._name:
            about.append(self._name)
        return {
            "name": name,
            "about": " · ".join(about),
            "x": x,
            "y": y,
            "placed": self.station.placed,
            "power": "on" if self.station.antenna else "silent",
        }


def _listed(channels: tuple[int, ...]) -> str:
    return ", ".join(map(str, channels))
