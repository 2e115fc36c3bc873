"""bumble's host in the place of ours, on the simulated radio of this loop, with an attacker."""

from __future__ import annotations

from typing import Any

from bumble.device import Device
from bumble.hci import Address
from bumble.pairing import PairingConfig, PairingDelegate

from bleio.core.address import DeviceAddress, parse_address
from bleio.radio.sharing import local
from support.attacker import ADDRESS as ATTACKER, Attacker

ADDRESS = "C4:F2:17:1A:1D:AA"
_ALL_KEYS = (
    PairingDelegate.KeyDistribution.DISTRIBUTE_ENCRYPTION_KEY
    | PairingDelegate.KeyDistribution.DISTRIBUTE_IDENTITY_KEY
    | PairingDelegate.KeyDistribution.DISTRIBUTE_SIGNING_KEY
)


class BumbleVictim:
    """One device of bumble's that pairs by Just Works, and its link to an attacker."""

    def __init__(self) -> None:
        self.attacker = Attacker()
        self.delegate = PairingDelegate(
            local_initiator_key_distribution=_ALL_KEYS, local_responder_key_distribution=_ALL_KEYS
        )
        self._config = PairingConfig(mitm=False, delegate=self.delegate)
        self._device: Any = None
        self._port: Any = None
        self._sink: Any = None

    # What bumble takes for its transport

    def set_packet_sink(self, sink: Any) -> None:
        self._sink = sink

    def on_packet(self, packet: Any) -> None:
        self._port.send(bytes(packet))

    async def __aenter__(self) -> BumbleVictim:
        self._port = await local.attach(lambda packet: self._sink.on_packet(packet), lambda: None)
        self._device = Device.with_hci("bumble", Address(ADDRESS), self, self)
        self._device.pairing_config_factory = lambda connection: self._config
        await self._device.power_on()
        await self.attacker.__aenter__()
        return self

    async def __aexit__(self, *args: Any) -> None:
        await self.attacker.__aexit__(*args)
        await self._device.power_off()
        self._port.close()

    async def meet(self) -> Attacker:
        """Have the attacker connect as central."""
        await self._device.start_advertising(auto_restart=False)
        await self.attacker.connect(DeviceAddress(parse_address(ADDRESS), random=True))
        return self.attacker

    async def meet_as_central(self) -> Any:
        """Connect to the attacker. Returns: bumble's connection."""
        await self.attacker.advertise()
        return await self._device.connect(Address(ATTACKER))

    async def meet_again(self) -> Attacker:
        """Have the attacker, which was central, come again."""
        await self.attacker.disconnect()
        self.attacker.connected.clear()
        self.attacker.gone.clear()
        return await self.meet()
