"""Two adapters on this process's private radio: every row is shown on the air, not on a mock."""

from __future__ import annotations

import _bleio
import pytest

from support.air_recorder import record_radios
from support.hci_recorder import record_hosts
from support.pair import Pair, connect
from support.two_adapters import central, peripheral, radio

__all__ = ["central", "peripheral", "radio", "record_hosts", "record_radios"]


@pytest.fixture(autouse=True)
def capture_everything(record_radios: None, record_hosts: None) -> None:
    """Let tshark judge all that is said, on the air and over HCI."""


@pytest.fixture
def link(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> Pair:
    return connect(central, peripheral)
