"""The radio of one device: what it goes through with one controller after the other."""

from __future__ import annotations

from collections import Counter

from bleio.backends.hci.capture.tap import CaptureFile
from bleio.core.codes import HciErrorCode
from bleio.radio.air.propagation import Position
from bleio.radio.air.radio import Radio
from bleio.radio.air.station import RadioOn, Station
from bleio.radio.controller import Controller
from bleio.testing.air.backend import AirBackend, PortOwner
from bleio.testing.air.history import History
from bleio.testing.air.limits import NO_LIMITS, Limits
from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.participant import Participant

POWERED_OFF = "the device is powered off"


class DeviceRadio(PortOwner):
    """Each power-on brings another controller; where it is and how it fares stay. Engine thread.

    After a change to `position`, `antenna` or `refuses`, call `apply`.

    Args: hci_capture: the file for what programs and controllers say. limits: what it cannot do.
    """

    def __init__(
        self,
        radio: Radio,
        clock: VirtualClock,
        position: Position,
        hci_capture: CaptureFile | None,
        limits: Limits = NO_LIMITS,
    ) -> None:
        self.position = position
        self.placed = False  # see `Medium.place`
        self.antenna = True
        self.refuses = False
        self.history = History()
        self.hci_capture = hci_capture
        self.limits = limits
        self.backend: AirBackend | None = None
        self.participant: Participant | None = None  # who is told of news
        self.station: Station | None = None
        self._radio = radio
        self._clock = clock
        self._used_before = RadioOn(0, 0)  # with former stations
        self._dropped_before: Counter[str] = Counter()  # by former controllers
        self._newest: Controller | None = None

    # What the port tells

    def has_controller(self, controller: Controller) -> None:
        self._used_before = self.radio_on()
        self._dropped_before = self.dropped()
        self._newest = controller
        self.station = controller.layer.station
        self.apply()

    def has_command(self, packet: bytes) -> None:
        self.history.note_command(self._clock.now_us, packet)

    def has_news(self) -> None:
        if self.participant is not None:
            self._clock.tell_news(self.participant)

    def delay_us(self) -> int:
        who = self.participant
        if who is None or who.late is None:
            return 0
        return who.late.packet_us(self._clock.now_us)

    # What happens to it

    def apply(self) -> None:
        """Tell the controller, if there is one."""
        if (controller := self._controller) is not None:
            station, medium = controller.layer.station, self._radio.medium
            controller.layer.refuses_connections = self.refuses
            station.position = self.position
            if self.placed:
                medium.place(station, self.position)
            if station.antenna != self.antenna:
                medium.set_antenna(station, self.antenna)

    def radio_on(self) -> RadioOn:
        """For how long it was on, over all times of power."""
        self._radio.run_until(self._clock.now_us)
        tx_us, rx_us = self._used_before
        if self.station is not None:
            now = self.station.radio_on
            tx_us, rx_us = tx_us + now.tx_us, rx_us + now.rx_us
        return RadioOn(tx_us, rx_us)

    def dropped(self) -> Counter[str]:
        """What its controllers have dropped, by reason, over all times of power. Any thread."""
        newest = self._newest
        return self._dropped_before + (Counter() if newest is None else newest.dropped)

    def drop_links(self) -> None:
        """Tell both ends of each link that it has broken."""
        if self._controller is not None:
            for end in tuple(self._controller.layer.links.values()):
                end.link.finish(HciErrorCode.CONNECTION_TIMEOUT)

    def corrupt_next(self) -> None:
        """Let the next packet that it sends have a wrong CRC."""
        if self._controller is not None:
            self._radio.medium.corrupt_next(self._controller.layer.station)

    def spare_next(self, most: int) -> int:
        """Let packets be right that `corrupt_next` was called for. Returns: how many."""
        if self._controller is None:
            return 0
        return self._radio.medium.spare(self._controller.layer.station, most)

    def cut(self) -> None:
        """Leave the air without a word."""
        if self.backend is not None and self.backend.port is not None:
            self.backend.port.cut(POWERED_OFF)

    @property
    def controller(self) -> Controller | None:
        """What it has now; None while it is off."""
        return self._controller

    @property
    def _controller(self) -> Controller | None:
        port = None if self.backend is None else self.backend.port
        return None if port is None else port.controller
