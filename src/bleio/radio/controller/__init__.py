"""A Bluetooth LE controller in software: HCI on one side, the simulated air on the other.

Importing the command modules fills the command table.
"""

from bleio.radio.controller import (
    advertising,
    baseband,
    connections,
    device_lists,
    extended_advertising,
    information,
    initiating,
    scanning,
    security,
)
from bleio.radio.controller.core import Controller

__all__ = [
    "Controller",
    "advertising",
    "baseband",
    "connections",
    "device_lists",
    "extended_advertising",
    "information",
    "initiating",
    "scanning",
    "security",
]
