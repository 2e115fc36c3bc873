"""Virtual controllers: the one door from this backend to the simulated radio.

Nothing else in `backends/hci` imports `bleio.radio`, and `transport` imports this module only for
an adapter string that begins with `virtual`. So a program on a dongle or a serial port neither
loads the simulator nor depends on what it needs.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from bleio.backends.hci.controller.port import OnLost, OnPacket, Port
from bleio.radio.sharing.port import HciPort


class _VirtualPort:
    """A port of the simulated radio."""

    def __init__(self, port: HciPort) -> None:
        self.metadata: dict[str, Any] = {}
        self._port = port

    def send(self, packet: bytes) -> None:
        self._port.send(packet)

    async def close(self) -> None:
        self._port.close()


async def open_virtual(name: str, on_packet: OnPacket, on_lost: OnLost) -> Port:
    """Attach to the simulated radio of this process, or of all that share `name`.

    Raises: CallerError if the name is no good, ControllerLost; with sentences.
    """
    lost = partial(on_lost, "the simulated radio has ended")
    if name:
        join = await asyncio.to_thread(_load_shared)
        return _VirtualPort(await join(name, on_packet, lost))
    attach = await asyncio.to_thread(_load_local)
    return _VirtualPort(await attach(on_packet, lost))


def neighbours(name: str) -> tuple[bool, list[str]]:
    """Return whether there is another on a shared radio, and adapter strings of other radios that
    somebody is on. It waits for radios that do not answer, a second. Thread: no engine's."""
    from bleio.radio.sharing.running import running_radios

    try:
        radios = running_radios(within_s=1.0)
    except OSError:  # nothing can be seen, so nothing is said
        return True, []
    counts = {each.name: each.status.get("hosts", 0) for each in radios if each.status is not None}
    here = counts.pop(name, 2)  # one that does not answer may have any
    return here > 1, [f"virtual:{other}" for other, count in counts.items() if count]


def _load_shared() -> Any:
    from bleio.radio.sharing.shared import join

    return join


def _load_local() -> Any:
    """Load the whole model of the air, which a shared radio keeps in its own process."""
    from bleio.radio.sharing.local import attach

    return attach
