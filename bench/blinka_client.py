"""What bench/blinka.py measures: a program for `_bleio`, whichever distribution that is of.

    blinka_client.py scan SECONDS      counts the packets of beacons
    blinka_client.py link SECONDS      connects, discovers, reads, and sees the peer vanish

It prints lines of JSON, and after "vanish" expects that the peer is killed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import _bleio

BEACON, PEER = b"bench", _bleio.UUID(0xFE20)
PATIENCE_S = 60.0


def say(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def scan(seconds: float) -> None:
    """Count what is told of the beacons, and when the first of it is."""
    begin = time.monotonic()
    first, count, devices = None, 0, set()
    for entry in _bleio.adapter.start_scan(timeout=seconds):
        if BEACON in bytes(entry.advertisement_bytes):
            first = first or time.monotonic() - begin
            count += 1
            devices.add(bytes(entry.address.address_bytes))
    say(first_s=first, packets=count, devices=len(devices), took_s=time.monotonic() - begin)


def link(seconds: float) -> None:
    """Use the one peer that offers the service, and then lose it."""
    for entry in _bleio.adapter.start_scan(b"\x03\x03\x20\xfe", timeout=PATIENCE_S):
        address = entry.address
        break
    _bleio.adapter.stop_scan()
    connected_s, connection = timed(lambda: _bleio.adapter.connect(address, timeout=PATIENCE_S))
    discovered_s, services = timed(connection.discover_remote_services)
    (service,) = (each for each in services if each.uuid == PEER)
    (characteristic,) = service.characteristics
    reads, begin = 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        assert len(characteristic.value) == 20
        reads += 1
    reads_per_s = reads / (time.monotonic() - begin)
    say(connect_s=connected_s, discover_s=discovered_s, reads_per_s=reads_per_s)
    say(vanish=True)
    sys.stdin.readline()  # it has gone
    say(**vanished(connection, characteristic))


def vanished(connection: Any, characteristic: Any) -> dict[str, Any]:
    """See how the end of a peer shows in `connected`, and what a read says then."""
    begin = time.monotonic()
    while connection.connected and time.monotonic() - begin < PATIENCE_S:
        time.sleep(0.005)
    noticed_s = None if connection.connected else time.monotonic() - begin
    try:
        read = f"returned {bytes(characteristic.value)!r}"
    except Exception as error:
        read = f"{type(error).__module__}.{type(error).__name__}: {error}"
    return {"noticed_s": noticed_s, "read": read}


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.monotonic()
    result = act()
    return time.monotonic() - begin, result


if __name__ == "__main__":
    {"scan": scan, "link": link}[sys.argv[1]](float(sys.argv[2]))
