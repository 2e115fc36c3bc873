"""Names of devices, and how assigned numbers are shown where they have no name (see `names`)."""

from __future__ import annotations

from bleio import names
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


def uuid_text(uuid: bytes) -> str:
    """Return the name of a UUID, or itself if it has none."""
    name = names.uuid_name(uuid)
    if name is not None:
        return name
    text = to_text(shorten(uuid))
    return f"UUID {text}" if len(text) <= 8 else text


def company_name(number: int) -> str:
    """Return the name of a company, or its number if it has none."""
    return names.company_name(number) or f"company 0x{number:04x}"
