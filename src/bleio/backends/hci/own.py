"""What is an adapter's own, for the parts of its backend that go by it."""

from __future__ import annotations

from typing import Protocol

from bleio.backends.base import PairingAgent
from bleio.core.address import DeviceAddress
from bleio.core.pairing import SecuritySettings


class Own(Protocol):
    """The adapter as it is at this moment. The program may replace all three at any time; what has
    begun goes on with what it has read."""

    @property
    def address(self) -> DeviceAddress:
        """Its identity address."""

    @property
    def settings(self) -> SecuritySettings: ...

    @property
    def agent(self) -> PairingAgent | None:
        """What is asked during pairing; None is Just Works, and everybody is accepted."""
