"""The parts of an adapter that is open, put together in the order of what they need.

Each part is handed what it uses when it is made, and nothing is hung into it later: to read this
constructor from top to bottom is to see what knows what. One order is of consequence. A change of
our address takes all that is on the air off it for a moment, and what comes last in
`pause_for_changes` is away for the shortest time: advertising, which peers wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from bleio.backends.base import Events
from bleio.backends.hci.controller.bringup import ControllerFacts
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.controller.port import Port
from bleio.backends.hci.gap.advertising import AdvertisingControl
from bleio.backends.hci.gap.initiating import InitiationControl
from bleio.backends.hci.gap.privacy import Peers, Privacy, Spawn
from bleio.backends.hci.gap.resolving import ControllerResolvingList, Resolver, WatchedBonds
from bleio.backends.hci.gap.scanning import ScanControl
from bleio.backends.hci.links.closing import ClosingLinks
from bleio.backends.hci.links.connecting import Connecting
from bleio.backends.hci.links.table import LinkTable, Roles
from bleio.backends.hci.own_device import OwnDevice
from bleio.backends.hci.security.manager import SecurityManager
from bleio.errors import InnerError
from bleio.gatt.table import AttributeTable

if TYPE_CHECKING:
    from bleio.backends.hci.links.link import HciLink

# Bounds of closing, so that a program can end while its controller is silent.
_LINKS_GONE_S = 1.0
_STEP_S = 0.5


class OpenParts:
    """The parts of a backend, from the end of one opening to the close that follows."""

    def __init__(
        self,
        own: OwnDevice,
        layer: HciLayer,
        port: Port,
        facts: ControllerFacts,
        attributes: AttributeTable,
        events: Events,
        spawn: Spawn,
    ) -> None:
        self.layer = layer
        self.port = port
        self.events = events
        resolver = Resolver(own)
        self.privacy = Privacy(layer, own, spawn)
        in_controller = ControllerResolvingList(layer, facts.resolving_list, resolver, own)
        self.peers = Peers(resolver, in_controller, self.privacy, spawn)
        self.bonds = WatchedBonds(own, self.peers)
        self.security = SecurityManager(layer, self.bonds, own, spawn, self.peers)
        closing = ClosingLinks(layer.counters, self.security.shared.late_pairings)
        self.scanner = ScanControl(layer, facts, self.privacy, resolver, events.reported)
        self.advertiser = AdvertisingControl(
            layer, facts, self.privacy, self.peers, closing, events.advertising_ended
        )
        self.initiator: InitiationControl[HciLink] = InitiationControl(
            layer, facts, own, self.privacy, self.peers, closing, self.scanner.find, spawn
        )
        self.privacy.pause_for_changes(self.initiator, self.scanner, self.advertiser)
        roles = Roles(self.advertiser, self.initiator, resolver, closing)
        self.connecting = Connecting(self.initiator, self.security.shared, own, spawn)
        self.links = LinkTable(layer, facts, attributes, self.security, roles, own, events, spawn)

    async def quiet(self) -> None:
        """End what is on the air, each step bounded; a reset ends what is left."""
        steps: list[Callable[[], Coroutine[Any, Any, Any]]] = [
            self.advertiser.stop,
            self.scanner.stop,
            *(link.disconnect for link in self.links.links.values()),
        ]
        await self._within(_LINKS_GONE_S, *(step() for step in steps))
        await self._within(_STEP_S, self.layer.request(Opcode.RESET))

    async def _within(self, limit_s: float, *steps: Coroutine[Any, Any, Any]) -> None:
        """Do steps side by side, as far as they get in the time."""
        tasks = {asyncio.ensure_future(_ignore_refusal(step)) for step in steps}
        _, late = await asyncio.wait(tasks, timeout=limit_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _ignore_refusal(step: Coroutine[Any, Any, Any]) -> None:
    """Everything ends with the reset that follows, so a refusal changes nothing."""
    try:
        await step
    except InnerError:
        return
