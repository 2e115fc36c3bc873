"""What a device of a world cannot do: the limits of real phones and boards.

The simulated controller is a new and large one, and the host is ours. A program that works between
two of them may still fail with a phone that takes 20 octets at a time, or asks for no MTU. So a
device can be less. `Limits` is what it can do; the controller and the host of that device are made
with it, so it shows in what goes on the air and in what programs of both sides see.

Figures of `PROFILES` are those that somebody has published; docs/worlds.md says where. What is not
known of a device is not limited.
"""

from __future__ import annotations

from dataclasses import dataclass

from bleio.att.codec import DEFAULT_MTU, MAX_MTU
from bleio.backends.hci.own_device import HostLimits
from bleio.radio.connection.limits import MAX_LINKS, NO_LIMIT, ControllerLimits
from bleio.radio.connection.negotiated import MAX_OCTETS, MIN_OCTETS

_PHYS = {"1M": 0b001, "2M": 0b010, "coded": 0b100}
_INTERVAL_UNIT_MS = 1.25


@dataclass(frozen=True)
class Limits:
    """What one device can do; by default all that is simulated.

    Args:
        mtu: the ATT_MTU that it offers, 23 to 517; by default 512 as central and 517 as peripheral.
        requests_mtu: whether it asks for an exchange of the MTU when it has connected.
        data_octets: the longest data packet of its link layer, 27 to 251; 27 is no data length
            extension.
        phys: which of `1M`, `2M` and `coded` it has; 1M all have.
        packets_per_event: how many packets it sends, and takes, in one connection event.
        max_links: how many links it can have at once, 1 to 32. When it has them all it takes
            no connection, and one that it asks for fails.
        extended_advertising: whether it sends and hears that; without, 31 octets are the most.
        interval_ms: the connection interval that it asks for as central, in steps of 1.25 ms, or
            least and most; by default 15 to 30 ms.

    Raises: ValueError.
    """

    mtu: int | None = None
    requests_mtu: bool = True
    data_octets: int = MAX_OCTETS
    phys: tuple[str, ...] = ("1M", "2M", "coded")
    packets_per_event: int | None = None
    max_links: int = MAX_LINKS
    extended_advertising: bool = True
    interval_ms: float | tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.mtu is not None:
            _check("mtu", self.mtu, DEFAULT_MTU, MAX_MTU)
        _check("data_octets", self.data_octets, MIN_OCTETS, MAX_OCTETS)
        _check("max_links", self.max_links, 1, MAX_LINKS)
        if self.packets_per_event is not None:
            _check("packets_per_event", self.packets_per_event, 1, 1_000)
        if isinstance(self.phys, str) or "1M" not in self.phys or not set(self.phys) <= set(_PHYS):
            raise ValueError(f"phys must be '1M' and others of {tuple(_PHYS)}, not {self.phys!r}")
        self._interval_units()

    def _interval_units(self) -> tuple[int, int] | None:
        if self.interval_ms is None:
            return None
        asked = self.interval_ms if isinstance(self.interval_ms, tuple) else (self.interval_ms,) * 2
        if len(asked) == 2 and 7.5 <= asked[0] <= asked[1] <= 4_000:  # NaN is not either
            least, most = (each / _INTERVAL_UNIT_MS for each in asked)
            if least == int(least) and most == int(most):
                return int(least), int(most)
        raise ValueError(
            "interval_ms must be 7.5 to 4000 in steps of 1.25, or two such numbers, the least and"
            f" the most, not {self.interval_ms!r}"
        )


def limits_of_controller(limits: Limits) -> ControllerLimits:
    """Return what concerns the controller."""
    return ControllerLimits(
        links=limits.max_links,
        data_octets=limits.data_octets,
        phys=sum({_PHYS[name] for name in limits.phys}),
        exchanges=limits.packets_per_event or NO_LIMIT,
        extended_advertising=limits.extended_advertising,
    )


def limits_of_host(limits: Limits) -> HostLimits:
    """Return what concerns the host."""
    return HostLimits(limits.mtu, limits.requests_mtu, limits._interval_units())


def _check(name: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, not {value!r}")


NO_LIMITS = Limits()

PROFILES = {
    "ble-4.0": Limits(mtu=23, data_octets=27, phys=("1M",), extended_advertising=False),
    "ble-4.2": Limits(phys=("1M",), extended_advertising=False),
    "esp32": Limits(mtu=255, phys=("1M",), max_links=9, extended_advertising=False),
    "circuitpython": Limits(max_links=5),
    "ios-10": Limits(mtu=185, data_octets=27, packets_per_event=7),
    "android-14": Limits(mtu=517),
}


def as_limits(limits: Limits | str) -> Limits:
    """Return what `World.add` was given. Raises: ValueError for a name that is none."""
    if isinstance(limits, Limits):
        return limits
    if limits not in PROFILES:
        raise ValueError(
            f"{limits!r} is the name of no profile; there are {', '.join(PROFILES)}, and"
            " bleio.testing.Limits for one of your own"
        )
    return PROFILES[limits]
