"""The adapters of a world: those that devices have, and those that programs make themselves."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable

from bleio.api import Adapter
from bleio.backends.hci.bonds.store import MemoryBondStore
from bleio.core.address import DeviceAddress
from bleio.errors import ControllerLost
from bleio.runtime.engine import use_portal
from bleio.testing.air.backend import AirBackend, PortOwner
from bleio.testing.air.captures import Captures
from bleio.testing.air.deviceradio import DeviceRadio
from bleio.testing.air.disk import Disk
from bleio.testing.air.sharedair import SharedAir
from bleio.testing.timing.jitter import make_jitter


class DeviceAdapters:
    """Each power-on brings another adapter; address, what is on the disk and was counted stay."""

    def __init__(self, air: SharedAir, name: str, radio: DeviceRadio, disk: Disk) -> None:
        self._air = air
        self._name = name
        self._radio = radio
        self._disk = disk
        self._counted: Counter[str] = Counter()  # by former adapters
        self._newest: Adapter | None = None

    def make(self) -> Adapter:
        """Make the next one."""
        self._counted = self.counted()
        self._disk.forget()
        adapter = Adapter.__new__(Adapter)
        adapter._set_up(self._make_backend, self._name)
        with use_portal(self._air.portal):
            adapter._session  # noqa: B018 - made here, it belongs to the world
        self._newest = adapter
        return adapter

    def counted(self) -> Counter[str]:
        """What all of them have counted so far."""
        counted = Counter(dict(self._counted))
        if self._newest is not None:
            counted.update(self._newest._session.counters())
        return counted

    def _make_backend(self, former: DeviceAddress | None) -> AirBackend:
        address = former or address_of(self._name)
        bonds = self._disk.bonds(address)
        air, radio = self._air, self._radio
        radio.backend = AirBackend(air.clock.time, air.radio, self._name, address, bonds, radio)
        return radio.backend


class OtherAdapters:
    """Those that programs make by `Adapter()`; nobody knows which device's they are.

    Args: radios: gives those of all devices.
    """

    def __init__(
        self,
        air: SharedAir,
        captures: Captures,
        radios: Callable[[], Iterable[DeviceRadio]],
    ) -> None:
        self._air = air
        self._captures = captures
        self._radios = radios
        self._made = 0

    def make_backend(self, choice: str, former: DeviceAddress | None) -> AirBackend:
        """Make what such an adapter opens. Raises: ControllerLost."""
        if choice not in ("virtual", "auto"):
            raise ControllerLost(
                f"A program of a world cannot open the adapter {choice!r}: there is only 'virtual'"
            )
        self._made += 1
        name, air = f"adapter {self._made}", self._air
        address = former or address_of(name)
        owner = _OfAnyDevice(self._radios, air, name)
        owner.hci_capture = self._captures.hci_file(name)
        return AirBackend(air.clock.time, air.radio, name, address, MemoryBondStore(), owner)


class _OfAnyDevice(PortOwner):
    def __init__(
        self, radios: Callable[[], Iterable[DeviceRadio]], air: SharedAir, name: str
    ) -> None:
        self._radios = radios
        self._time = air.clock.time
        self._jitter = make_jitter(air.seed, name, air.jitter_us)

    def has_news(self) -> None:
        for radio in self._radios():
            radio.has_news()

    def delay_us(self) -> int:
        return 0 if self._jitter is None else self._jitter.packet_us(self._time.now_us)


def address_of(name: str) -> DeviceAddress:
    """Return the static random address of the device of that name, the same in every run."""
    octets = bytearray(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:6])
    octets[5] |= 0xC0
    return DeviceAddress(bytes(octets), random=True)
