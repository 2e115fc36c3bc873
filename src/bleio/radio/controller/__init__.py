"""A Bluetooth LE controller in software: HCI on one side, a link layer on the other.

    core           takes the host's packets apart
    dispatch       the table of commands, and how one is answered
    host           what the link layer tells, as events
    flow           data both ways, and which side has room for how much
    events         event masks
    reports        advertising reports

All other modules are commands, by subject. Each command is a function in the table that checks its
parameters and then works on the link layer; what the table holds is also what the controller says
it supports. Importing the modules fills the table, so they are imported here.
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
