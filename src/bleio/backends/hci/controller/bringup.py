"""Bringing a controller up: reset, firmware, event masks, and what it can do.

bumble's host does this, with its drivers for dongles that want firmware; after that it is out of
the way. Its packets go through our command queue, so every command is answered or the controller
counts as lost. While it is at work it reads packets before our layer does (`HciLayer.read_by`):
some drivers take over the reading themselves, in a protocol of their own, until the firmware runs.

What a controller says of itself is not always so. A feature without the command that belongs to it
does not count, because some of them fall silent at a command that they do not know; and a
controller without buffers for data is refused here, since nothing could be sent to it.

Some of what bumble asks is only a wish of ours: the suggested length of data, the features of
Classic Bluetooth, how much may be advertised. bumble gives up at the first refusal, and would wait
for an answer for ever. For these it is told what goes without them (`_WISHES`).

Its drivers wait for a vendor's events, also for ever, and would not hear that a dongle was pulled
out. So the whole is bounded, and ends when the controller is lost.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from bumble import hci
from bumble.host import Host

from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import LeFeature, Opcode
from bleio.core.address import DeviceAddress
from bleio.core.hci import EVENT_PACKET, Event
from bleio.errors import ControllerError

# bumble logs what happens on the air at warning level; without a handler Python prints that on the
# user's terminal. A program that wants it adds a handler of its own.
logging.getLogger("bumble").addHandler(logging.NullHandler())

# Firmware takes longest: 10 s for 100 kB at 115,200 bit/s.
BRING_UP_S = 60.0

_NO_ADDRESSES = (bytes(6), b"\xff" * 6)


@dataclass(frozen=True, slots=True)
class ControllerFacts:
    """What the controller told about itself."""

    acl_octets: int
    acl_packets: int
    extended_advertising: bool
    resolving_list: bool  # with privacy modes; without, peers could not use their identity
    long_packets: bool  # the data length update procedure
    phy_2m: bool
    max_advertising_octets: int
    public_address: DeviceAddress | None


class _BringUpHost(Host):  # type: ignore[misc,unused-ignore]
    """bumble's host, sending through our layer and hearing from it while it comes up."""

    def __init__(self, layer: HciLayer, metadata: dict[str, Any]) -> None:
        super().__init__()
        self._layer = layer
        self.hci_metadata = metadata

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        self._layer.send(bytes(packet))

    async def _send_command(self, command: Any, response_timeout: float | None = None) -> Any:
        """Our queue's bound holds in place of `response_timeout`."""
        packet, opcode = bytes(command), int(command.op_code)
        if opcode in _WISHES:
            returned = await self._layer.wish(opcode, packet[4:])
            answer = _WISHES[opcode] if returned is None else returned
            event = _command_complete(opcode, b"\x00" + answer)
        else:
            event = await self._layer.commands.exchange(packet)
        return hci.HCI_Packet.from_bytes(event)

    def on_packet(self, packet: bytes) -> None:
        """Answers go to our queue, and events of vendors to their drivers. All else is from before
        the reset, or about things that are not there yet; bumble would act on it in tasks."""
        answer = packet[:1] == bytes((EVENT_PACKET,)) and packet[1:2] in _ANSWERS
        if answer:
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


# What is as good as an answer, after the status: the controller goes without, or has the least.
_WISHES: dict[int, bytes] = {
    hci.HCI_SET_EVENT_MASK_PAGE_2_COMMAND: b"",
    hci.HCI_READ_LOCAL_SUPPORTED_FEATURES_COMMAND: bytes(8),
    hci.HCI_READ_LOCAL_EXTENDED_FEATURES_COMMAND: bytes(2 + 8),
    # That of our wish: then it is not written.
    hci.HCI_LE_READ_SUGGESTED_DEFAULT_DATA_LENGTH_COMMAND: struct.pack("<HH", 251, 2120),
    hci.HCI_LE_WRITE_SUGGESTED_DEFAULT_DATA_LENGTH_COMMAND: b"",
    hci.HCI_LE_READ_NUMBER_OF_SUPPORTED_ADVERTISING_SETS_COMMAND: b"\x01",
    hci.HCI_LE_READ_MAXIMUM_ADVERTISING_DATA_LENGTH_COMMAND: struct.pack("<H", 31),
}


def _command_complete(opcode: int, parameters: bytes) -> bytes:
    head = struct.pack(
        "<BBBBH", EVENT_PACKET, Event.COMMAND_COMPLETE, 3 + len(parameters), 1, opcode
    )
    return head + parameters


_ANSWERS = (bytes((Event.COMMAND_COMPLETE,)), bytes((Event.COMMAND_STATUS,)))
_VENDOR_EVENT = bytes((EVENT_PACKET, 0xFF))


async def bring_up(layer: HciLayer, metadata: dict[str, Any]) -> ControllerFacts:
    """Reset the controller and ask what it can do.

    Args: `metadata`: of the transport, such as a USB dongle's vendor and product.
    Raises: ControllerLost or ControllerError; TimeoutError; bumble's own errors if it sends
        nonsense.
    """
    host = _BringUpHost(layer, metadata)
    with layer.read_by(host):
        await _while_there(layer, host.reset())
    queue = host.le_acl_packet_queue
    if queue is None or not queue.max_packet_size or not queue.max_in_flight:
        raise ControllerError(0x11, "LE Read Buffer Size")
    features = int(host.local_le_features)

    def has(feature: LeFeature, command: Opcode | None = None) -> bool:
        # Some controllers have a feature without the command; asked for it, they may fall silent.
        return bool(features >> feature & 1) and (
            command is None or host.supports_command(int(command))
        )

    if host.supports_command(int(Opcode.WRITE_LE_HOST_SUPPORT)):
        await _allow_le(layer)
    extended = has(LeFeature.EXTENDED_ADVERTISING)
    return ControllerFacts(
        acl_octets=queue.max_packet_size,
        acl_packets=queue.max_in_flight,
        extended_advertising=extended,
        resolving_list=has(LeFeature.LL_PRIVACY, Opcode.LE_SET_PRIVACY_MODE),
        long_packets=has(LeFeature.DATA_LENGTH_EXTENSION, Opcode.LE_SET_DATA_LENGTH),
        phy_2m=has(LeFeature.LE_2M_PHY, Opcode.LE_SET_PHY),
        max_advertising_octets=host.maximum_advertising_data_length if extended else 31,
        public_address=await _read_public_address(layer),
    )


async def _while_there(layer: HciLayer, work: Coroutine[Any, Any, None]) -> None:
    """Do what may wait for something that a lost or stubborn controller never sends."""
    tasks: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(work),
        asyncio.ensure_future(layer.ended.wait()),
    ]
    try:
        await asyncio.wait(tasks, timeout=BRING_UP_S, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            raise layer.error or TimeoutError(f"it was not ready within {BRING_UP_S:g} seconds")
        tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _allow_le(layer: HciLayer) -> None:
    """Tell a controller with Classic Bluetooth that this host does LE."""
    # Single-mode controllers say that they have the command, too, and refuse it.
    await layer.wish(Opcode.WRITE_LE_HOST_SUPPORT, b"\x01\x00")


async def _read_public_address(layer: HciLayer) -> DeviceAddress | None:
    """Return the controller's public address; None if it has none."""
    try:
        octets = (await layer.request(Opcode.READ_BD_ADDR))[:6]
    except ControllerError:
        return None
    return DeviceAddress(octets) if len(octets) == 6 and octets not in _NO_ADDRESSES else None
