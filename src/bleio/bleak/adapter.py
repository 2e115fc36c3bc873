"""bleak's adapter: which devices are connected."""

from __future__ import annotations

from typing import Any

from bleak.backends.adapter import BaseBleakAdapter
from bleak.backends.device import BLEDevice
from bleak.uuids import normalize_uuid_str

from bleio.api import Address
from bleio.bleak.errors import as_bleak
from bleio.bleak.heard import address_text
from bleio.bleak.radio import Radio, radio_of
from bleio.bleak.services import discovered

_EVERYBODYS = normalize_uuid_str("1801")


class Adapter(BaseBleakAdapter):
    """The current adapter, or the one of `bluez={"adapter": "virtual:desk"}`."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio

    @classmethod
    async def get(cls, **kwargs: Any) -> Adapter:
        """Return it. Args: bluez: bleak's options."""
        return cls(radio_of(kwargs.get("bluez") or {}))

    async def get_connected_devices(self, service_uuids: frozenset[str]) -> list[BLEDevice]:
        """Return peripherals that this adapter is connected to, which have one of the services."""
        devices = []
        for connection in self._radio.adapter.connections:
            link = connection._link
            if not link.is_central or not connection.connected:
                continue
            if _EVERYBODYS not in service_uuids:
                with as_bleak():
                    if not list(await discovered(connection, service_uuids)):
                        continue
            address = Address._on_air(link.peer)
            devices.append(BLEDevice(address_text(address), None, {"address": address}))
        return devices
