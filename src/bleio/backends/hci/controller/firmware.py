"""Firmware for dongles that want some, by bumble's drivers.

This is all that bumble does while a controller comes up, and only controllers behind a transport
that names them, such as USB, can want it. So nothing here is imported for any other: bumble's
commands and its host take a fifth of a second to load, more than all else of a program's start.

A driver works on a host of bumble's. Ours has bumble's interface and passes commands to our queue,
so every command is answered or the controller counts as lost. Meanwhile it reads packets before our
layer does (`HciLayer.read_by`), as some drivers take over the reading themselves, in a protocol of
their own, until the firmware runs.
"""

from __future__ import annotations

from typing import Any

from bumble import hci
from bumble.drivers import get_driver_for_host
from bumble.host import Host

from bleio.backends.hci.controller.layer import HciLayer, is_answer
from bleio.core.hci import EVENT_PACKET

_VENDOR_EVENT = bytes((EVENT_PACKET, 0xFF))


class _DriversHost(Host):  # type: ignore[misc,unused-ignore]
    """bumble's host, sending through our layer and hearing from it."""

    def __init__(self, layer: HciLayer, metadata: dict[str, Any]) -> None:
        super().__init__()
        self._layer = layer
        self.hci_metadata = metadata

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        self._layer.send(bytes(packet))

    async def _send_command(self, command: Any, response_timeout: float | None = None) -> Any:
        """Our queue's bound holds in place of `response_timeout`."""
        return hci.HCI_Packet.from_bytes(await self._layer.commands.exchange(bytes(command)))

    def on_packet(self, packet: bytes) -> None:
        """Answers go to our queue, and events of vendors to their drivers. All else is from before
        the reset, or about things that are not there yet; bumble would act on it in tasks."""
        if is_answer(packet):
            self._layer.received(packet, was_read=True)
        elif self.ready and packet[:2] == _VENDOR_EVENT:
            super().on_packet(packet)
        else:
            self._layer.counters.ignored += 1

    def on_command_processed(self, event: Any) -> None:
        """A driver that reads packets itself passes the answers on here."""
        self._layer.commands.answered(
            event.command_opcode, event.num_hci_command_packets, bytes(event)
        )


async def load_firmware(layer: HciLayer, metadata: dict[str, Any]) -> bool:
    """Look for a driver and let it load what the controller wants.

    Args: `metadata`: of the transport, such as a USB dongle's vendor and product.
    Returns: whether there was a driver; it has reset the controller.
    Raises: ControllerLost; bumble's own errors. May wait for ever for a vendor's event.
    """
    host = _DriversHost(layer, metadata)
    with layer.read_by(host):
        driver = await get_driver_for_host(host)
        if driver is not None:
            await driver.init_controller()  # type: ignore[no-untyped-call,unused-ignore]
    return driver is not None
