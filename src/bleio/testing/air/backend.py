"""The backend of a device in a world: the usual host, on a controller of its air."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import copy_context

from bleio.backends.hci import HciBackend
from bleio.backends.hci.bonds.store import BondStore
from bleio.backends.hci.capture.tap import CaptureFile, Tap, tap_by_setting, wants_keys
from bleio.core.address import DeviceAddress
from bleio.radio.air.radio import Radio
from bleio.radio.controller import Controller
from bleio.testing.air.limits import NO_LIMITS, limits_of_controller, limits_of_host
from bleio.testing.timing.watching import Time

# Number Of Completed Packets: what was sent is out, of which a program that spins sees nothing.
_SENT = b"\x04\x13"
_COMMAND = 1  # the type of a packet

OnPacket = Callable[[bytes], None]
OnLost = Callable[[str], None]


class PortOwner:
    """What a port tells and asks the one that it belongs to. This one keeps quiet.

    Thread: the engine's.
    """

    hci_capture: CaptureFile | None = None
    limits = NO_LIMITS

    def has_controller(self, controller: Controller) -> None:
        """Its port was opened."""

    def has_command(self, packet: bytes) -> None:
        """Its host gives its controller a command."""

    def has_news(self) -> None:
        """Its controller says something, after which its program may see something else."""

    def delay_us(self) -> int:
        """How long its host takes for what the controller says."""
        return 0


class AirPort:
    """One controller on the world's air. Engine thread."""

    def __init__(
        self,
        time: Time,
        radio: Radio,
        name: str,
        owner: PortOwner,
        on_packet: OnPacket,
        on_lost: OnLost,
    ) -> None:
        self.metadata: dict[str, object] = {}
        self._time = time
        self._radio = radio
        self._owner = owner
        self._on_packet = on_packet
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()  # to copy it for each packet would cost as much as a call
        self._incoming: deque[bytes] = deque()
        self._closed = False
        self._catch_up()
        limits = limits_of_controller(owner.limits)
        self.controller = Controller(radio, self._to_host, name, limits=limits)

    def send(self, packet: bytes) -> None:
        """Hand one packet to the controller."""
        if self._closed:
            return
        self._catch_up()
        if packet[0] == _COMMAND:
            self._owner.has_command(packet)
        try:
            self.controller.receive(packet)
        except Exception:  # a fault of the simulation; the host must not wait for an answer
            self.cut("the simulated controller has failed")
            raise

    async def close(self) -> None:
        """Leave the air."""
        self._leave()

    def cut(self, why: str) -> None:
        """Leave the air without a word to anybody there, and tell the host that it is alone."""
        if not self._closed:
            self._leave()
            self._loop.call_soon(self._on_lost, why)

    def _leave(self) -> None:
        if not self._closed:
            self._closed = True
            self._catch_up()
            self.controller.detach()

    def _catch_up(self) -> None:
        self._radio.run_until(self._time.now_us)

    def _to_host(self, packet: bytes) -> None:
        self._incoming.append(packet)  # in order, also after the delay has changed
        delay_us = self._owner.delay_us()
        if delay_us:
            at_s = (self._time.now_us + delay_us) / 1e6
            self._loop.call_at(at_s, self._receive, context=self._context)
        else:
            self._loop.call_soon(self._receive, context=self._context)

    def _receive(self) -> None:
        packet = self._incoming.popleft()
        if not self._closed:
            if not packet.startswith(_SENT):
                self._owner.has_news()
            self._on_packet(packet)


class AirBackend(HciBackend):
    """`port` is the way to the controller, once it was opened."""

    def __init__(
        self,
        time: Time,
        radio: Radio,
        name: str,
        address: DeviceAddress,
        bonds: BondStore,
        owner: PortOwner,
    ) -> None:
        super().__init__("virtual", address, bonds=lambda identity: bonds)
        self._own.limits = limits_of_host(owner.limits)
        self.port: AirPort | None = None
        self._time = time
        self._radio = radio
        self._device_name = name
        self._owner = owner

    async def _open_port(self, on_packet: OnPacket, on_lost: OnLost) -> AirPort:
        self.port = AirPort(
            self._time, self._radio, self._device_name, self._owner, on_packet, on_lost
        )
        self._owner.has_controller(self.port.controller)
        return self.port

    def _taps(self) -> list[Tap]:
        """Write to the file of BLEIO_CAPTURE and to the device's own, by the times of the air."""
        taps = [tap_by_setting(self._device_name, self._now_us)]
        if self._owner.hci_capture is not None:
            taps.append(
                Tap(self._owner.hci_capture, self._device_name, self._now_us, keys=wants_keys())
            )
        return [tap for tap in taps if tap is not None]

    def _now_us(self) -> int:
        return self._time.now_us
