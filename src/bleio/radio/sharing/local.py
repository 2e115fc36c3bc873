"""The private radio of a process: all `virtual` adapters of one event loop are on it.

It belongs to the loop, since it lives on the loop's clock and is not safe for threads; a process
with two loops has two radios. It is made for the first adapter and ends with the last, so that a
program which starts anew finds empty air. Packets to the host go through `call_soon`, as if they
came by a wire: a host that was called from inside the simulation could call back into it.
"""

from __future__ import annotations

import asyncio
import secrets

from bleio.radio.air.radio import Radio
from bleio.radio.controller import Controller
from bleio.radio.sharing.driver import Driver
from bleio.radio.sharing.port import HciPort, OnLost, OnPacket

_radios: dict[asyncio.AbstractEventLoop, _PrivateRadio] = {}


async def attach(on_packet: OnPacket, on_lost: OnLost) -> HciPort:
    """Put a new controller on the running loop's radio, which is made at first use.

    Args: on_lost: called if this controller breaks; the others go on.
    """
    loop = asyncio.get_running_loop()
    for dead in [each for each in _radios if each.is_closed()]:
        del _radios[dead]
    radio = _radios.get(loop)
    if radio is None:
        radio = _radios[loop] = _PrivateRadio(loop)
    return _LocalPort(radio, on_packet, on_lost)


class _PrivateRadio:
    """One radio, its driver and its ports; it ends with the last of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.driver = Driver(Radio(seed=secrets.randbits(64)))
        self.ports: set[_LocalPort] = set()

    def remove(self, port: _LocalPort) -> None:
        self.ports.discard(port)
        if not self.ports:
            self.driver.close()
            if _radios.get(self.loop) is self:
                del _radios[self.loop]


class _LocalPort:
    """One controller of the private radio."""

    def __init__(self, radio: _PrivateRadio, on_packet: OnPacket, on_lost: OnLost) -> None:
        self._radio = radio
        self._on_packet = on_packet
        self._on_lost = on_lost
        self._closed = False
        self._controller = Controller(radio.driver.radio, self._to_host)
        radio.ports.add(self)

    def send(self, packet: bytes) -> None:
        """Hand the controller one packet."""
        if self._closed:
            return
        try:
            self._radio.driver.deliver(self._controller, packet)
        except Exception:
            # A fault of the simulation; the host must not go on waiting for an answer.
            self.close()
            self._radio.loop.call_soon(self._on_lost)
            raise

    def close(self) -> None:
        """Leave the radio."""
        if self._closed:
            return
        self._closed = True
        self._radio.driver.detach(self._controller)
        self._radio.remove(self)

    def _to_host(self, packet: bytes) -> None:
        self._radio.loop.call_soon(self._receive, packet)

    def _receive(self, packet: bytes) -> None:
        if not self._closed:
            self._on_packet(packet)
