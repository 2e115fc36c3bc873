"""What a radio says of itself when it is asked: since when it runs, and who is on it.

One line of JSON, so that any version can read the part that it knows. Programs say themselves what
they are (`hello`); what they do on the air is read off their controllers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from itertools import islice
from typing import Any

from bleio.core.address import DeviceAddress
from bleio.radio.controller import Controller
from bleio.radio.sharing.server.connection import HostConnection, MemberConnection, ServedRadio

MOST_HOSTS = 200  # that are listed; `hosts` has their number
_MOST_LINKS = 40


def status_line(
    served: ServedRadio, since_s: float, addresses: Iterable[str], *, background: bool
) -> bytes:
    """Return the answer. Args: since_s: when it began, seconds since 1970."""
    hosts = [each for each in served.connections if each.controller is not None]
    hosts.sort(key=_number)
    return (
        b"%s\n"
        % json.dumps(
            {
                "pid": os.getpid(),
                "since_s": since_s,
                "background": background,
                "listening": list(addresses),
                "hosts": len(hosts),
                "devices": [_device(each) for each in islice(hosts, MOST_HOSTS)],
            }
        ).encode()
    )


def _number(host: HostConnection) -> int:
    assert host.controller is not None
    return host.controller.layer.station.index


def _device(host: HostConnection) -> dict[str, Any]:
    assert host.controller is not None
    layer = host.controller.layer
    pid, program = host.member if isinstance(host, MemberConnection) else (0, "")
    address = layer.random_address or layer.public_address
    return {
        "came_by": host.name,
        "pid": pid,
        "program": program,
        **_address(address),
        "advertising": any(each.enabled for each in layer.all_advertisers),
        "scanning": layer.scanner.enabled,
        "connecting": layer.initiator.parameters is not None,
        "links": _links(host.controller),
    }


def _links(controller: Controller) -> list[dict[str, Any]]:
    """Return the addresses of peers."""
    links = islice(controller.layer.links.values(), _MOST_LINKS)
    return [_address(each.peer.address) for each in links]


def _address(address: DeviceAddress) -> dict[str, Any]:
    return {"address": address.octets[::-1].hex(":"), "random": address.random}
