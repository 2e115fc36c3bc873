"""The backend of a device in a world: the usual host, on a controller of its air."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from bleio.backends.hci import HciBackend
from bleio.backends.hci.bonds import BondStore
from bleio.core.address import DeviceAddress
from bleio.radio.air import Radio
from bleio.radio.controller import Controller
from bleio.testing.clock import VirtualClock

OnPacket = Callable[[bytes], None]
OnLost = Callable[[str], None]


class AirPort:
    """One controller on the world's air. Engine thread."""

    def __init__(
        self,
        clock: VirtualClock,
        radio: Radio,
        name: str,
        on_packet: OnPacket,
        on_lost: OnLost,
    ) -> None:
        self.metadata: dict[str, Any] = {}
        self._clock = clock
        self._radio = radio
        self._on_packet = on_packet
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._catch_up()
        self.controller = Controller(radio, self._to_host, name)

    def send(self, packet: bytes) -> None:
        """Give the controller one packet."""
        if self._closed:
            return
        self._catch_up()
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
        self._radio.run_until(self._clock.now_us)

    def _to_host(self, packet: bytes) -> None:
        self._loop.call_soon(self._receive, packet)

    def _receive(self, packet: bytes) -> None:
        if not self._closed:
            self._on_packet(packet)


class AirBackend(HciBackend):
    """`port` is the way to the controller, once it was opened; `on_controller` is told of it."""

    def __init__(
        self,
        clock: VirtualClock,
        radio: Radio,
        name: str,
        address: DeviceAddress,
        bonds: BondStore,
        on_controller: Callable[[Controller], None] = lambda controller: None,
    ) -> None:
        super().__init__("virtual", address, bonds=lambda identity: bonds)
        self.port: AirPort | None = None
        self._on_controller = on_controller
        self._open_air = partial(AirPort, clock, radio, name)

    async def _open_port(self, on_packet: OnPacket, on_lost: OnLost) -> AirPort:
        self.port = self._open_air(on_packet, on_lost)
        self._on_controller(self.port.controller)
        return self.port
