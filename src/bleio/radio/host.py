"""What a link layer tells its host.

The line between the two is that of HCI, but without its octets: a method per occasion, values in
the units of the link layer. So the link layer knows no events, masks or buffers, and its host,
`bleio.radio.controller`, no packets on air. Each room states what it has to tell, next to where it
tells it; a host does both.

All methods are called while something happens at the present simulated time, often in the middle
of a procedure. A host therefore only takes note, in a queue of its own: were it to send the next
command at once, that would meet a link layer halfway through its change.
"""

from __future__ import annotations

from typing import Protocol

from bleio.radio.advertising.layer import AdvertisingHost
from bleio.radio.connection.layer import ConnectionHost


class Host(AdvertisingHost, ConnectionHost, Protocol):
    """One device's host, as its link layer sees it."""
