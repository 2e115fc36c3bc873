"""A proxy's API as aioesphomeapi speaks it, with bounds on what the proxy sends.

A proxy is a small computer in the network, and what is in its place may be another one. The library
bounds the size of packets, but not how many come. So what would pile up is counted here, second by
second: advertisements, services, and pings, as each has an answer that the proxy may not take. One
that sends more than any radio can hear is cut off. That is told to the owner, which may let it come
back later.

Advertisements do not go to habluetooth, as bleak-esphome would have it; `heard` says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from aioesphomeapi.api_pb2 import (  # type: ignore[attr-defined]
    BluetoothGATTGetServicesResponse,
    BluetoothLERawAdvertisementsResponse,
    PingRequest,
)
from aioesphomeapi.client import APIClient

from bleio.backends.os.esphome.heard import MOST_REPORTS_A_SECOND, Pace, is_possible
from bleio.backends.os.esphome.places import Place

MOST_SERVICE_OCTETS_A_SECOND = 1 << 20
MOST_PINGS_A_SECOND = 100  # there is one in a minute


class ApiOwner(Protocol):
    """What is told of what a proxy sends."""

    def heard(self, address: int, kind: int, rssi_dbm: int, data: bytes) -> None:
        """A packet was heard."""

    def impossible(self, reports: int) -> None:
        """The proxy has reported what no radio can have heard."""

    def flooded(self) -> None:
        """The proxy has sent too much, and is cut off."""


class ProxyApi(APIClient):
    """See the module."""

    def __init__(self, place: Place, key: str | None, owner: ApiOwner) -> None:
        super().__init__(
            place.host, place.port, noise_psk=key, client_info="bleio", provide_time=False
        )
        self._owner = owner
        self._clock = asyncio.get_running_loop().time
        self._reports = Pace(MOST_REPORTS_A_SECOND)
        self._service_octets = Pace(MOST_SERVICE_OCTETS_A_SECOND)
        self._pings = Pace(MOST_PINGS_A_SECOND)

    def watch(self) -> None:
        """Count what the proxy sends, for as long as this connection lives."""
        connection = self._get_connection()
        connection.add_message_callback(self._services, (BluetoothGATTGetServicesResponse,))
        connection.add_message_callback(self._ping, (PingRequest,))

    def subscribe_bluetooth_le_raw_advertisements(
        self, on_advertisements: Callable[[BluetoothLERawAdvertisementsResponse], None]
    ) -> Callable[[], None]:
        return super().subscribe_bluetooth_le_raw_advertisements(self._advertisements)

    def _advertisements(self, message: Any) -> None:
        if not self.is_connected:
            return  # cut off, but there was more in the same packet of the network
        reports = message.advertisements
        if self._reports.exceeded(len(reports), self._clock()):
            self._cut_off()
            return
        impossible = 0
        for each in reports:
            address, kind, rssi_dbm = each.address, each.address_type, each.rssi
            if is_possible(address, kind, rssi_dbm, data := each.data):
                self._owner.heard(address, kind, rssi_dbm, data)
            else:
                impossible += 1
        if impossible:
            self._owner.impossible(impossible)

    def _services(self, message: Any) -> None:
        if self.is_connected and self._service_octets.exceeded(message.ByteSize(), self._clock()):
            self._cut_off()

    def _ping(self, message: Any) -> None:
        if self.is_connected and self._pings.exceeded(1, self._clock()):
            self._cut_off()

    def _cut_off(self) -> None:
        self.force_disconnect()
        self._owner.flooded()
