"""One proxy: connected to, watched, given up and tried again for as long as its fleet is open.

aioesphomeapi's ReconnectLogic does the trying. Each time it has a connection, a session begins: the
proxy says what it is, bleak-esphome makes a scanner of it, and habluetooth may choose it for links.
When the connection ends the session ends with all its links, at once, whatever the device at the
other end goes on to do. A proxy that lacks what is needed stays connected, with a sentence in place
of a session: once its configuration is changed it starts anew, and so does this.

What it says of itself is not believed where it matters. Its name is replaced, since habluetooth
takes names that begin with "hci" for adapters of this computer, and what is no device address
cannot be its source.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

from aioesphomeapi import DeviceInfo
from aioesphomeapi.core import APIConnectionError
from aioesphomeapi.model import (
    BluetoothProxyFeature as Feature,
    BluetoothScannerMode,
)
from aioesphomeapi.reconnect_logic import ReconnectLogic
from bleak_esphome import connect_scanner
from bleak_esphome.backend.client import ESPHomeClientData
from bleak_esphome.backend.scanner import ESPHomeScanner
from habluetooth import BluetoothScanningMode, HaBluetoothConnector

from bleio.backends.os.esphome import problems
from bleio.backends.os.esphome.api import ProxyApi
from bleio.backends.os.esphome.client import ProxyClient
from bleio.backends.os.esphome.heard import HeardTable
from bleio.backends.os.esphome.manager import Manager
from bleio.backends.os.esphome.places import Place

_FIRST_SLOTS_S = 2.0  # until a proxy has told of its slots; all but the busiest do at once
_STOP_S = 1.0
HEARS_S = 5.0  # until a proxy must have told of its scanner
_SOURCE = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")


class ProxyOwner(Protocol):
    """What a proxy tells its fleet."""

    def changed(self, proxy: Proxy) -> None:
        """It has come, or gone, or cannot be used; see `session` and `problem`."""

    def heard(self, address: int, kind: int, rssi_dbm: int, data: bytes) -> None:
        """It has heard a packet."""

    def impossible(self, reports: int) -> None:
        """It has reported what no radio can have heard."""

    def flooded(self) -> None:
        """It has sent too much, and is cut off."""

    def deaf(self, proxy: Proxy) -> None:
        """It is there, but passes nothing on."""

    def twin_of(self, proxy: Proxy, source: str) -> Place | None:
        """Return the place of another proxy that is the same device."""


@dataclass
class ProxySession:
    """What a proxy is while it is connected."""

    source: str
    features: int
    data: ESPHomeClientData
    scanner: ESPHomeScanner
    unsetup: Callable[[], None]
    unregister: Callable[[], None]

    @property
    def connects(self) -> bool:
        """Whether it makes links, or only listens."""
        return bool(self.features & Feature.ACTIVE_CONNECTIONS)

    @property
    def slots(self) -> tuple[int, int]:
        """How many links it can have now, and in all."""
        device = self.data.bluetooth_device
        return device.ble_connections_free, device.ble_connections_limit


class Proxy:
    """See the module."""

    def __init__(self, place: Place, key: str | None, manager: Manager, owner: ProxyOwner) -> None:
        self.place = place
        self.session: ProxySession | None = None
        self.problem: str | None = None  # why there is no session, as a sentence
        self.table = HeardTable()
        self._has_key = key is not None
        self._manager = manager
        self._owner = owner
        self._clock = asyncio.get_running_loop().time
        self._api = ProxyApi(place, key, self)
        self._logic = ReconnectLogic(
            client=self._api,
            on_connect=self._connected,
            on_disconnect=self._disconnected,
            on_connect_error=self._failed,
        )
        self._wanted_mode: BluetoothScannerMode | None = None
        self._changed_mode = False
        self._check: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Try to connect from now on; does not wait for it."""
        await self._logic.start()

    async def stop(self) -> None:
        """End links and connection. Idempotent, bounded."""
        if self._api.is_connected:
            self._api.force_disconnect()
            await asyncio.sleep(0)  # the end of a connection is told by a task
        try:
            await asyncio.wait_for(self._stop_logic(), _STOP_S)
        except asyncio.TimeoutError:  # a handshake is waited for, for a minute if need be
            self._api.force_disconnect()
            await self._stop_logic()
        self._end_session()

    async def _stop_logic(self) -> None:
        try:
            await self._logic.stop()
        except KeyError:
            # A lookup of the name that took more than two seconds has closed the mDNS on which the
            # library listens, too; it then makes another one, and misses its listener there.
            await self._api.zeroconf_manager.async_close()

    # Scanning

    def want_mode(self, active: bool | None) -> None:
        """Have it scan actively or passively; None: as it is configured."""
        modes = {True: BluetoothScannerMode.ACTIVE, False: BluetoothScannerMode.PASSIVE, None: None}
        self._wanted_mode = modes[active]
        self._set_mode()

    def _set_mode(self) -> None:
        session, mode = self.session, self._wanted_mode
        if session is None or not session.features & Feature.FEATURE_STATE_AND_MODE:
            return
        if mode is None and self._changed_mode:
            passive = session.scanner.configured_mode is BluetoothScanningMode.PASSIVE
            mode = BluetoothScannerMode.PASSIVE if passive else BluetoothScannerMode.ACTIVE
        if mode is not None:
            self._changed_mode = self._wanted_mode is not None
            with contextlib.suppress(APIConnectionError):  # its end is told elsewhere
                self._api.bluetooth_scanner_set_mode(mode)

    # ApiOwner

    def heard(self, address: int, kind: int, rssi_dbm: int, data: bytes) -> None:
        self.table.add(address, kind, rssi_dbm, data, self._clock())
        self._owner.heard(address, kind, rssi_dbm, data)

    def impossible(self, reports: int) -> None:
        self._owner.impossible(reports)

    def flooded(self) -> None:
        self.problem = problems.of_flood(self.place)
        self._owner.flooded()
        self._end_session()

    # What the connection tells

    async def _connected(self) -> None:
        try:
            await self._begin_session(await self._api.device_info())
        except APIConnectionError as error:
            self._has_problem(problems.of_error(self.place, error, self._has_key))
            self._api.force_disconnect()

    async def _disconnected(self, expected: bool) -> None:
        self._end_session()

    async def _failed(self, error: Exception) -> None:
        self._has_problem(problems.of_error(self.place, error, self._has_key))

    def _has_problem(self, problem: str) -> None:
        self.problem = problem
        self._owner.changed(self)

    # Sessions

    async def _begin_session(self, info: DeviceInfo) -> None:
        assert self._api.api_version is not None
        features = info.bluetooth_proxy_feature_flags_compat(self._api.api_version)
        source = info.bluetooth_mac_address or info.mac_address
        problem = problems.of_features(self.place, info, features)
        if problem is None and not _SOURCE.fullmatch(source):
            problem = problems.of_no_address(self.place)
        if problem is None and (twin := self._owner.twin_of(self, source)) is not None:
            problem = problems.of_twins(self.place, twin)
        if problem is not None:
            self._has_problem(problem)
            return
        session = self._make_session(source, features, info)
        if session.connects:
            with contextlib.suppress(TimeoutError):
                await session.data.bluetooth_device.wait_for_ble_connections_free(_FIRST_SLOTS_S)
        if self.session is session and self._api.is_connected:
            self.problem = None
            if features & Feature.FEATURE_STATE_AND_MODE:
                loop = asyncio.get_running_loop()
                self._check = loop.call_later(HEARS_S, self._check_hearing, session)
            self._set_mode()
            self._owner.changed(self)

    def _make_session(self, source: str, features: int, info: DeviceInfo) -> ProxySession:
        named = dataclasses.replace(cast(Any, info), name=source, bluetooth_mac_address=source)
        with self._manager.in_place():
            data = connect_scanner(self._api, named, True)
            scanner = data.scanner
            assert scanner is not None
            assert scanner.connector is not None
            scanner.connector = HaBluetoothConnector(
                client=partial(ProxyClient, client_data=data),  # type: ignore[arg-type]
                source=source,
                can_connect=scanner.connector.can_connect,
            )
            unsetup = scanner.async_setup()
            unregister = self._manager.async_register_scanner(scanner)
        self.session = ProxySession(source, features, data, scanner, unsetup, unregister)
        self._api.watch()
        return self.session

    def _check_hearing(self, session: ProxySession) -> None:
        """A proxy tells of its scanner the one client that it passes advertisements on to."""
        if session.scanner.current_mode is None:
            self._owner.deaf(self)

    def _end_session(self) -> None:
        session, self.session = self.session, None
        if session is None:
            return
        if self._check is not None:
            self._check.cancel()
        self.problem = self.problem or problems.of_end(self.place)
        with contextlib.ExitStack() as ending:
            ending.callback(self._owner.changed, self)
            ending.callback(self._manager.take_out, session.unregister)
            ending.callback(session.unsetup)
            for callback in list(session.data.disconnect_callbacks):
                ending.callback(callback)
            ending.callback(session.data.bluetooth_device.async_set_unavailable)
