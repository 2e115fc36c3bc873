"""bumble hosts on virtual controllers, driven by the running asyncio loop."""

from __future__ import annotations

import asyncio

from bumble.hci import HCI_Packet
from bumble.host import Host

from bleio.radio.air.radio import Radio
from bleio.radio.controller import Controller


class LoopDriver:
    """Runs a radio on the loop's clock, `speed` simulated seconds a second."""

    def __init__(self, radio: Radio, speed: float = 10.0) -> None:
        self.radio = radio
        self._speed = speed
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._handle: asyncio.TimerHandle | None = None
        radio.clock.set_alarm(self)

    def _now_us(self) -> int:
        return int((self._loop.time() - self._start) * self._speed * 1e6)

    def run(self) -> None:
        """Catch up with the loop's clock."""
        self.radio.run_until(self._now_us())
        self.due_earlier()

    def due_earlier(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        next_us = self.radio.next_event_us()
        if next_us is not None:
            at = self._start + next_us / 1e6 / self._speed
            self._handle = self._loop.call_at(at, self.run)

    def close(self) -> None:
        """Stop running."""
        self.radio.clock.clear_alarm()
        if self._handle is not None:
            self._handle.cancel()


class ControllerSink:
    """bumble's side of the cable: takes HCI packets as bytes."""

    def __init__(self, driver: LoopDriver) -> None:
        self._driver = driver
        self._loop = asyncio.get_running_loop()
        self.host: Host | None = None
        self.controller = Controller(driver.radio, self._to_host)

    def _to_host(self, packet: bytes) -> None:
        assert self.host is not None
        self._loop.call_soon(self.host.on_packet, packet)

    def on_packet(self, packet: bytes | HCI_Packet) -> None:
        """From the host to the controller."""
        self._loop.call_soon(self._receive, bytes(packet))

    def _receive(self, packet: bytes) -> None:
        self._driver.run()
        self.controller.receive(packet)


def host_on(driver: LoopDriver) -> tuple[Host, Controller]:
    """A bumble host with a controller of its own."""
    sink = ControllerSink(driver)
    host = Host()
    host.set_packet_sink(sink)
    sink.host = host
    return host, sink.controller
