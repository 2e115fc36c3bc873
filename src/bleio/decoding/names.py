"""Names of devices, and of the numbers that are assigned to companies and to kinds of attributes.

Assigned numbers come from libraries that have them, and that bleio needs anyway: bleak's table of
UUIDs (1,100 names, 50 ms to load) and bumble's of companies (3,400 names, 10 ms). They are loaded
when the first name is asked for, so that programs that decode nothing pay nothing.
bluetooth-numbers has as many, but loads the makers of all network cards with them (220 ms).
"""

from __future__ import annotations

from functools import cache, lru_cache

from bleio.core.address import DeviceAddress
from bleio.core.uuid import shorten, to_text
from bleio.decoding.octets import quoted

_MAX_DEVICES = 4_096


class DeviceNames:
    """Devices by address: names that a capture, a world or a user gives, else the address.

    Of more than `_MAX_DEVICES` addresses those that were told first are forgotten.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[bytes, bool], str] = {}

    def learn(self, address: DeviceAddress, name: str) -> None:
        """From now on this is its name."""
        key = (address.octets, address.random)
        if self._names.get(key) == name:
            return
        while len(self._names) >= _MAX_DEVICES:
            del self._names[next(iter(self._names))]
        self._names[key] = name

    def suggest(self, address: DeviceAddress, said: str) -> None:
        """A device advertises this name, which anybody may; it counts if there is no other.

        It is in quotes then, with the end of the address.
        """
        if (address.octets, address.random) not in self._names:
            self.learn(address, f"{quoted(said)} {address.octets[1::-1].hex(':')}")

    def learn_octets(self, octets: bytes, name: str) -> None:
        """The same where nobody says whether the address is random."""
        for random in (False, True):
            self.learn(DeviceAddress(octets, random), name)

    def of(self, address: DeviceAddress) -> str:
        """Return the name, or the address if it has none."""
        name = self._names.get((address.octets, address.random))
        return address.octets[::-1].hex(":") if name is None else name


def uuid_name(uuid: bytes) -> str | None:
    """Return the assigned name of a UUID as it is on air, None if it has none."""
    return _uuid_name(shorten(uuid))


@lru_cache(4_096)
def _uuid_name(uuid: bytes) -> str | None:
    short, long = _uuid_names()
    if len(uuid) == 2:
        return short.get(int.from_bytes(uuid, "little"))
    return long.get(to_text(uuid)) if len(uuid) == 16 else None


@cache
def _uuid_names() -> tuple[dict[int, str], dict[str, str]]:
    from bleak import uuids

    return uuids.uuid16_dict, uuids.uuid128_dict


def uuid_text(uuid: bytes) -> str:
    """Return the name of a UUID, or itself if it has none."""
    name = uuid_name(uuid)
    if name is not None:
        return name
    text = to_text(shorten(uuid))
    return f"UUID {text}" if len(text) <= 8 else text


@lru_cache(256)
def company_name(number: int) -> str:
    """Return the name of a company, or its number if it has none."""
    from bumble.company_ids import COMPANY_IDENTIFIERS

    return COMPANY_IDENTIFIERS.get(number) or f"company 0x{number:04x}"
