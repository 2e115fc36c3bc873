"""How long a peer whose pairings failed has to wait (Core Specification Vol 3, Part H, 2.3.6)."""

from __future__ import annotations

from bleio.core.address import DeviceAddress

FREE_ATTEMPTS = 3  # users mistype; only then the waiting begins
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 64.0
MAX_PEERS = 64  # who failed longest ago is forgotten first


class Attempts:
    """Failed pairings by address, which a peer may change: see docs/security.md."""

    def __init__(self) -> None:
        self._failures: dict[DeviceAddress, tuple[int, float]] = {}  # how many, the last one's time

    def may_try(self, peer: DeviceAddress, now_s: float) -> bool:
        """Whether a peer has waited long enough."""
        count, last_s = self._failures.get(peer, (0, 0.0))
        if count < FREE_ATTEMPTS:
            return True
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * (1 << count - FREE_ATTEMPTS))
        return now_s - last_s >= wait_s

    def failed(self, peer: DeviceAddress, now_s: float) -> None:
        """Count a failure."""
        count, _ = self._failures.pop(peer, (0, 0.0))
        if len(self._failures) >= MAX_PEERS:
            del self._failures[next(iter(self._failures))]
        self._failures[peer] = (min(count + 1, 32), now_s)

    def succeeded(self, peer: DeviceAddress) -> None:
        """Forget the failures."""
        self._failures.pop(peer, None)
