"""Waiting without polling: what blocks in `_bleio`, for programs of asyncio.

Beside the API and not in it: the objects are those of `_bleio`, or of `adafruit_ble` with those
inside, and stay usable as ever. Each function here awaits what a method there waits for, with the
same checks, errors and texts, and there are some things more to wait for, for which CircuitPython's
programs look again and again: a connection, its end, a line, a packet, a value that a client wrote.

    adapters     connect, scan, start_advertising, ..., connected, connections
    links        disconnected, disconnect, pair, discover, service, ...
    gatt         read, write, set_cccd, subscribed
    values       notifications, subscribe, writes, written
    streams      lines, read_line, read_exactly, read_until, read_some
    packet_io    packet_buffer, packets, send

Any loop of asyncio will do, several in several threads as well, and no call has a thread of its
own. Objects may be shared by loops and by blocking threads. Each function may be cancelled, also by
a time limit: `asyncio.timeout`, or `asyncio.wait_for`. The call is cancelled then, as by Ctrl-C in
a blocking program, and what it brought all the same is taken back, or stays to be read.
"""

from bleio.aio.adapters import (
    Scan,
    address,
    connect,
    connected,
    connections,
    enable,
    erase_bonding,
    local_oob,
    name,
    scan,
    set_address,
    start_advertising,
    stop_advertising,
    stop_scan,
)
from bleio.aio.gatt import (
    handle,
    read,
    set_cccd,
    subscribed,
    write,
)
from bleio.aio.links import (
    disconnect,
    disconnected,
    discover,
    mtu,
    pair,
    service,
    set_connection_interval,
)
from bleio.aio.packet_io import packet_buffer, packets, send
from bleio.aio.streams import lines, read_exactly, read_line, read_some, read_until
from bleio.aio.values import Subscription, Values, notifications, subscribe, writes, written

__all__ = [
    "Scan",
    "Subscription",
    "Values",
    "address",
    "connect",
    "connected",
    "connections",
    "disconnect",
    "disconnected",
    "discover",
    "enable",
    "erase_bonding",
    "handle",
    "lines",
    "local_oob",
    "mtu",
    "name",
    "notifications",
    "packet_buffer",
    "packets",
    "pair",
    "read",
    "read_exactly",
    "read_line",
    "read_some",
    "read_until",
    "scan",
    "send",
    "service",
    "set_address",
    "set_cccd",
    "set_connection_interval",
    "start_advertising",
    "stop_advertising",
    "stop_scan",
    "subscribe",
    "subscribed",
    "write",
    "writes",
    "written",
]
