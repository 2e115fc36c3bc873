"""What an adapter is to others: one record that all its parts share.

Address, keys, settings and agent may each be replaced while the adapter is open: a program sets
another address, a user allows other pairings. Parts that show or use them hold this record and look
at the moment of use. What has begun, a pairing for example, goes on with what it began with.
"""

from __future__ import annotations

from typing import NamedTuple

from bleio.backends.base import PairingAgent
from bleio.backends.hci.bonds.store import BondStore
from bleio.backends.hci.counters import HciCounters
from bleio.core.address import DeviceAddress
from bleio.core.pairing import SecuritySettings


class HostLimits(NamedTuple):
    """What the host of a pretended device does otherwise than ours; tests set it.

    mtu: the ATT_MTU that it offers; None is what ours offers. requests_mtu: whether it asks for an
    exchange as central. interval_units: the connection interval that it asks for as central, least
    and most, in 1.25 ms; None is ours.
    """

    mtu: int | None = None
    requests_mtu: bool = True
    interval_units: tuple[int, int] | None = None


class OwnDevice:
    """One adapter's own identity, and how it pairs.

    `address` and `bonds` belong together: bonds and the Identity Resolving Key are kept for each
    identity. Both are valid once the adapter is open. Thread: the engine's.
    """

    address: DeviceAddress
    bonds: BondStore

    def __init__(self) -> None:
        self.counters = HciCounters()
        self.limits = HostLimits()
        self.settings = SecuritySettings()
        self.agent: PairingAgent | None = None  # None: Just Works, everybody is accepted
