"""A simulated radio for a test of a program that uses bleak, in real time; see `ble_bleak`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bleio import bleak_choice
from bleio.api import Adapter
from bleio.api._current import PROCESS


class BleakRadio:
    """Two adapters on one private radio: bleak's, which is the current one, and its peer's.

    Attributes: adapter: what bleak uses. peer: for the other end, which the test makes with
        `bleio.api.use_adapter(radio.peer)`.
    """

    def __init__(self) -> None:
        self.adapter = Adapter("virtual")
        self.peer = Adapter("virtual")


@contextmanager
def bleak_radio() -> Iterator[BleakRadio]:
    """Let programs of bleak use a radio of their own, in all threads and tasks of the process."""
    radio, before = BleakRadio(), PROCESS.adapter
    PROCESS.adapter = radio.adapter
    try:
        with bleak_choice.in_place():
            yield radio
    finally:
        PROCESS.adapter = before
        radio.adapter.enabled = radio.peer.enabled = False
