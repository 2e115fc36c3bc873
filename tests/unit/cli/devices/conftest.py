"""Devices on the radio of this process: one that is looked for, one that looks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from _bleio import Adapter

from support.pair import current

_numbers = itertools.count()


@pytest.fixture
def central() -> Iterator[Adapter]:
    adapter = Adapter("virtual")
    yield adapter
    adapter.enabled = False


@pytest.fixture
def peripheral() -> Iterator[Adapter]:
    """The one that serves; the current one for the test."""
    adapter = Adapter("virtual")
    with current(adapter):
        yield adapter
    adapter.enabled = False


def named(name: str) -> bytes:
    """Return advertising data with a complete name."""
    octets = name.encode()
    return b"\x02\x01\x06" + bytes([len(octets) + 1, 9]) + octets


@pytest.fixture
def advertiser() -> Iterator[Callable[..., Adapter]]:
    """Make devices that advertise a name."""
    adapters: list[Adapter] = []

    def make(name: str, **options: object) -> Adapter:
        adapter = Adapter("virtual")
        adapters.append(adapter)
        adapter.start_advertising(named(name), **options)
        return adapter

    yield make
    for each in adapters:
        each.enabled = False
