"""API objects without a radio."""

from __future__ import annotations

import pytest

from bleio.api import UUID, Service
from support.api_bench import Bench


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench()
    monkeypatch.setattr("bleio.api.service.current_session", lambda: bench.session)
    return bench


@pytest.fixture
def service(bench: Bench) -> Service:
    return Service(UUID(0x180F))
