"""Two adapters on this process's private radio: every row is shown on the air, not on a mock."""

from __future__ import annotations

from collections.abc import Iterator

import _bleio
import pytest

from support.air_recorder import record_radios
from support.hci_recorder import record_hosts
from support.pair import Pair, connect, current

__all__ = ["record_hosts", "record_radios"]


@pytest.fixture(autouse=True)
def capture_everything(record_radios: None, record_hosts: None) -> None:
    """Let tshark judge all that is said, on the air and over HCI."""


@pytest.fixture
def central() -> Iterator[_bleio.Adapter]:
    adapter = _bleio.Adapter("virtual")
    yield adapter
    adapter.enabled = False


@pytest.fixture
def peripheral() -> Iterator[_bleio.Adapter]:
    """The adapter that serves; it is the current one for the test."""
    adapter = _bleio.Adapter("virtual")
    with current(adapter):
        yield adapter
    adapter.enabled = False


@pytest.fixture
def link(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> Pair:
    return connect(central, peripheral)
