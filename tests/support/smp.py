"""Which generation of pairing our adapters can do."""

from __future__ import annotations

import pytest

from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.hci.security.smp.pdu import AuthReq, Features

GENERATIONS = ("SC", "legacy")


def only_legacy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every adapter of this process one that does not know LE Secure Connections."""
    original = Pairing._offer

    def offer(pairing: Pairing) -> Features:
        features = original(pairing)
        return features._replace(auth_req=features.auth_req & ~AuthReq.SECURE_CONNECTIONS)

    monkeypatch.setattr(Pairing, "_offer", offer)
