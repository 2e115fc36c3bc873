"""Devices with private addresses, on controllers that can do more or less for them."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

from bleio.backends.base import Link
from bleio.backends.capabilities import Capability
from bleio.core.address import AddressType, DeviceAddress
from bleio.core.pairing import SecuritySettings
from bleio.radio.advertising.pdu import (
    ADV_DIRECT_IND,
    ADV_EXT_IND,
    ADV_IND,
    ADV_NONCONN_IND,
    ADV_SCAN_IND,
)
from bleio.radio.air.radio import AirPdu, Direction
from bleio.radio.connection import control
from support.hci.engine import until
from support.hci.world import Device, VirtualWorld

ROTATION_S = 30
_LL_PRIVACY, _EXTENDED = 1 << 6, 1 << 12

# What a controller lacks.
CONTROLLERS = {
    "complete": 0,
    "no resolving list": _LL_PRIVACY,
    "legacy advertising": _EXTENDED,
    "oldest": _LL_PRIVACY | _EXTENDED,
}


class PrivateWorld(VirtualWorld):
    """The simulated radio, with a record of whoever advertised: time and address."""

    def __init__(self) -> None:
        super().__init__()
        self.advertised: list[tuple[int, DeviceAddress]] = []

    async def make(self, controller: str = "complete", **settings: Any) -> Device:
        """Open a device. Args: `settings`: as for SecuritySettings; private by default."""
        features = control.LL_FEATURES & ~CONTROLLERS[controller]
        with mock.patch.object(control, "LL_FEATURES", features):
            device = await self.device()
        if len(self.devices) == 1:
            self._record(device)
        set_private(device, **settings)
        return device

    def _record(self, device: Device) -> None:
        opened: Any = device.backend._open
        radio = opened.port._port._radio.driver.radio

        def record(packet: AirPdu) -> None:
            octets = _advertiser(packet)
            if octets:
                address = DeviceAddress(octets, bool(packet.octets[0] & 0x40))
                self.advertised.append((packet.time_us, address))

        radio.watch(record)


def _advertiser(packet: AirPdu) -> bytes:
    """The address that a packet on the first primary channel, or an auxiliary one, carries."""
    kind = packet.octets[0] & 0x0F
    if packet.channel == 37 and kind in (ADV_IND, ADV_DIRECT_IND, ADV_NONCONN_IND, ADV_SCAN_IND):
        return packet.octets[2:8]
    if packet.direction is Direction.AUXILIARY and kind == ADV_EXT_IND and packet.octets[3] & 1:
        return packet.octets[4:10]
    return b""


def set_private(device: Device, **settings: Any) -> None:
    settings = {"private_address": True, "rotation_s": ROTATION_S, **settings}
    device.backend.settings = SecuritySettings(**settings)


def is_private(address: DeviceAddress) -> bool:
    return address.type is AddressType.RANDOM_PRIVATE_RESOLVABLE


def on_air(link: Link) -> tuple[DeviceAddress, DeviceAddress]:
    """Our address and the peer's, as SMP uses them."""
    security: Any = link._security  # type: ignore[attr-defined]
    return security.own_address, security.peer.on_air


async def bond(central: Device, peripheral: Device) -> tuple[Link, Link]:
    """Let two strangers meet and pair; they know nothing but what is on the air."""
    await peripheral.advertise()
    before = len(central.engine.reports)
    await central.scan(extended=Capability.EXTENDED_ADVERTISING in central.backend.capabilities)
    await until(lambda: len(central.engine.reports) > before)
    await central.backend.stop_scan()
    link = await central.backend.connect(central.engine.reports[-1].address, 10)
    (incoming,) = await until(lambda: list(peripheral.engine.links))
    await link.pair()
    await until(lambda: incoming.security.has_keys)
    await settled(central, peripheral)
    return link, incoming


async def settled(*devices: Device) -> None:
    """Wait until the controllers know all that the bonds know."""
    for device in devices:
        opened: Any = device.backend._open
        await until(lambda opened=opened: not opened.peers.in_controller.outdated)


async def part(link: Link, *devices: Device) -> None:
    """End a link at both ends, and let addresses change."""
    await link.disconnect()
    await until(lambda: not any(device.engine.links for device in devices))
    await asyncio.sleep(ROTATION_S + 1)
