"""A fleet of ESPHome proxies as one System: several radios over a building, one adapter.

Every proxy listens all the time, since where a device is heard best must be known before a program
connects to it. A scan passes on what comes; a packet that two proxies hear is reported twice, each
time as it was heard. Links go where `routes` says.

Proxies come and go: they are flashed, lose their power or their network. The fleet is there as long
as it is open, even if no proxy is left; then scans hear nothing, and what would need a proxy raises
an error that says of each why it cannot be used. Only opening insists on one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aioesphomeapi.model import BluetoothProxyFeature as Feature
from bleak import BleakClient

from bleio.backends.base import Report, ScanParameters
from bleio.backends.capabilities import ESPHOME, Capabilities, Capability
from bleio.backends.os.esphome import problems
from bleio.backends.os.esphome.client import FleetClient
from bleio.backends.os.esphome.heard import is_random
from bleio.backends.os.esphome.manager import Manager
from bleio.backends.os.esphome.places import Keys, Place
from bleio.backends.os.esphome.proxy import Proxy
from bleio.backends.os.esphome.quiet import Quiet
from bleio.backends.os.esphome.routes import Routes
from bleio.backends.os.system import Scans, System, SystemOwner
from bleio.core.address import DeviceAddress
from bleio.errors import ControllerLost

OPEN_S = 15.0
OTHERS_S = 3.0  # for the others, once one proxy is there
_NAME_S = 2.0

_log = logging.getLogger(__name__)

_FEATURES = {
    Capability.PAIRING: Feature.PAIRING,
    Capability.PASSIVE_SCANNING: Feature.FEATURE_STATE_AND_MODE,
}


class Fleet(System):
    """See the module. Args: `read_keys`: returns the proxies' keys, when the fleet opens."""

    def __init__(self, places: Sequence[Place], read_keys: Callable[[], Keys]) -> None:
        self.name = "esphome:" + ",".join(map(str, places))
        self.platform = "ESPHome"
        self.chooses_indications = True
        self.capabilities: Capabilities = ESPHOME.can
        self.proxies: list[Proxy] = []
        self._places = places
        self._read_keys = read_keys
        self._quiet = Quiet()
        self._counts = Counter({"esphome.floods": 0, "esphome.malformed": 0})
        self._changed = asyncio.Event()
        self._scan: FleetScan | None = None
        self._routes: Routes | None = None
        self._is_open = False
        self._said: dict[Proxy, set[str]] = {}

    async def open(self, owner: SystemOwner) -> DeviceAddress:
        keys = await asyncio.to_thread(self._read_keys)  # a file
        self.capabilities = ESPHOME.can  # of those that are there this time
        manager = Manager()
        self._routes = Routes(self, manager)
        self.proxies = [Proxy(place, keys.of(place), manager, self) for place in self._places]
        self._quiet.begin()
        for proxy in self.proxies:
            await proxy.start()
        await self._wait_for_proxies()
        await self._name_problems()
        if not self._connected():
            raise self.nothing_left()
        self._is_open = True
        for proxy in self.proxies:
            self._say(proxy)
        self._look_what_all_can()
        return DeviceAddress(bytes(6))

    async def close(self) -> None:
        self._is_open = False
        await asyncio.gather(*(proxy.stop() for proxy in self.proxies))
        self.proxies = []
        self._quiet.end()

    def own_scanner(self, owner: SystemOwner) -> Scans:
        self._scan = FleetScan(self, owner)
        return self._scan

    def client_arguments(self) -> Mapping[str, Any]:
        return {"backend": FleetClient, "fleet": self}

    def counters(self) -> Mapping[str, int]:
        return dict(self._counts)

    def nothing_left(self) -> ControllerLost:
        """Return why no proxy can be used, a sentence for each."""
        return ControllerLost(". ".join(proxy.problem or "" for proxy in self.proxies))

    def _connected(self) -> list[Proxy]:
        return [proxy for proxy in self.proxies if proxy.session is not None]

    def _say(self, proxy: Proxy) -> None:
        """Log what has become of a proxy, and each problem once until it is there again."""
        if proxy.session is not None:
            if self._said.pop(proxy, None) is not None:
                _log.warning("The ESPHome proxy %s is there again", proxy.place)
        elif proxy.problem is not None and proxy.problem not in self._said.setdefault(proxy, set()):
            self._said[proxy].add(proxy.problem)
            _log.warning("%s; it is tried again and again", proxy.problem)

    # Opening

    async def _wait_for_proxies(self) -> None:
        """Wait until all are there or have failed, or some are and the others take long."""
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + OPEN_S
        while any(proxy.session is None and proxy.problem is None for proxy in self.proxies):
            self._changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), max(0.0, deadline_s - clock()))
            if self._connected():
                deadline_s = min(deadline_s, clock() + OTHERS_S)
            if clock() >= deadline_s:
                return

    async def _name_problems(self) -> None:
        """Say of each proxy that has neither come nor failed what may be wrong."""
        silent = [each for each in self.proxies if each.session is None and each.problem is None]
        known = await asyncio.gather(*(_is_known(proxy.place) for proxy in silent))
        for proxy, is_known in zip(silent, known, strict=True):
            reason = problems.of_silence if is_known else problems.of_unknown_name
            proxy.problem = proxy.problem or reason(proxy.place)

    def _look_what_all_can(self) -> Capabilities:
        """Claim no longer what a proxy lacks, until the fleet is opened anew.

        Returns: what was claimed till now. A passive scan that is on goes on by the others; the
        one that has come scans as it is configured.
        """
        lacks = {
            capability
            for capability, feature in _FEATURES.items()
            if not all(each.session.features & feature for each in self.proxies if each.session)
        }
        lost = self.capabilities & lacks
        self.capabilities = self.capabilities - lacks
        return lost

    # ProxyOwner

    def changed(self, proxy: Proxy) -> None:
        self._changed.set()
        if self._is_open:
            self._say(proxy)
            for capability in self._look_what_all_can():
                refusal = capability.refusal(self.platform)
                _log.warning("The ESPHome proxy %s lacks a feature: %s", proxy.place, refusal)

    def heard(self, address: int, kind: int, rssi_dbm: int, data: bytes) -> None:
        assert self._routes is not None
        self._routes.heard(address)
        if self._scan is not None and self._scan.is_on:
            self._scan.report(address, kind, rssi_dbm, data)

    def impossible(self, reports: int) -> None:
        self._counts["esphome.malformed"] += reports

    def refused_value(self) -> None:
        """A proxy has sent a value that is longer than values can be."""
        self._counts["esphome.malformed"] += 1

    def flooded(self) -> None:
        self._counts["esphome.floods"] += 1

    def deaf(self, proxy: Proxy) -> None:
        _log.warning(problems.of_deaf(proxy.place))

    def twin_of(self, proxy: Proxy, source: str) -> Place | None:
        for other in self._connected():
            if other is not proxy and other.session and other.session.source == source:
                return other.place
        return None

    # Routes of `FleetClient`

    async def link_to(self, address: str, on_end: Callable[[], None]) -> BleakClient:
        assert self._routes is not None
        return await self._routes.link_to(address, on_end)


class FleetScan:
    """A scan by all proxies."""

    def __init__(self, fleet: Fleet, owner: SystemOwner) -> None:
        self._fleet = fleet
        self._owner = owner
        self.is_on = False

    async def start(self, parameters: ScanParameters) -> None:
        """Raises: ControllerLost if there is no proxy."""
        proxies = self._fleet.proxies
        if not any(proxy.session for proxy in proxies):
            raise self._fleet.nothing_left()
        self.is_on = True
        for proxy in proxies:
            proxy.want_mode(parameters.active)

    async def stop(self) -> None:
        if self.is_on:
            self.is_on = False
            for proxy in self._fleet.proxies:
                proxy.want_mode(None)

    def heard(self, peer: DeviceAddress) -> None:
        """An address is enough: `routes` knows what was heard of it."""

    def counters(self) -> Mapping[str, int]:
        """What is counted is counted by the fleet."""
        return {}

    def report(self, address: int, kind: int, rssi_dbm: int, data: bytes) -> None:
        """Proxies do not tell whether a device can be connected to, so all may be tried."""
        peer = DeviceAddress(address.to_bytes(6, "little"), is_random(kind))
        self._owner.events.reported(Report(peer, data, rssi_dbm, True, False))


async def _is_known(place: Place) -> bool:
    """Whether the system has an address for a host's name."""
    loop = asyncio.get_running_loop()
    try:
        await asyncio.wait_for(loop.getaddrinfo(place.host, place.port), _NAME_S)
    except (OSError, asyncio.TimeoutError):
        return False
    return True
