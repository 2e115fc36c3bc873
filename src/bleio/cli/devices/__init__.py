"""What commands share that talk to a device: which one is meant, a link to it, what it has.

target       ADDRESS|NAME as it was typed
finding      the scan for it, and what to type if it is not heard
connecting   a link for the length of a block
table        services, characteristics, descriptors, and what may be read
problems     the errors, and their exit codes
"""

from bleio.cli.devices.connecting import Device, connect, connected
from bleio.cli.devices.finding import Heard, find
from bleio.cli.devices.table import Table, learn, read_table
from bleio.cli.devices.target import Target, parse_target, take_target

__all__ = [
    "Device",
    "Heard",
    "Table",
    "Target",
    "connect",
    "connected",
    "find",
    "learn",
    "parse_target",
    "read_table",
    "take_target",
]
