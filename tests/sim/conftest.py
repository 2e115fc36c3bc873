"""All that the tests here put on air is judged by tshark."""

from __future__ import annotations

import pytest

from support.air_recorder import record_radios

__all__ = ["record_radios"]


@pytest.fixture(autouse=True)
def capture_everything(record_radios: None) -> None:
    """Record the radios of every test."""
