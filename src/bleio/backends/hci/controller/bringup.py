"""Bringing a controller up: reset, firmware, event masks, and what it can do.

Dongles that want firmware get it by drivers of bumble's (`firmware`), which are loaded for
transports that say what is behind them. All else is asked here, one question after the other, as
far as the controller lists it among its commands. What we have no use for, such as the features of
Classic Bluetooth, is asked all the same: it tells readers of a capture what controller this was.

What a controller says of itself is not always so. A feature without the command that belongs to it
does not count, because some of them fall silent at a command that they do not know; and a
controller without buffers for data is refused here, since nothing could be sent to it.

Some of what is asked is only a wish: the suggested length of data, the features of Classic
Bluetooth, how much may be advertised. Where the controller refuses or is silent it goes without, or
counts as one that has the least.

Drivers wait for a vendor's events, for ever, and would not hear that a dongle was pulled out. So
the whole is bounded, and ends when the controller is lost. Until it is up, only answers to commands
are listened to: all else is from before the reset, or about things that are not there yet.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Coroutine
from typing import Any, NamedTuple

from bleio.backends.hci.controller.layer import HciLayer, is_answer
from bleio.backends.hci.controller.opcodes import LISTED_AT, LeFeature, Opcode
from bleio.core.address import DeviceAddress
from bleio.errors import ControllerError

# Firmware takes longest: 10 s for 100 kB at 115,200 bit/s.
BRING_UP_S = 60.0

_NO_ADDRESSES = (bytes(6), b"\xff" * 6)

# Which events may come, by bits. Spec: Vol 4, Part E, 7.3.1, 7.3.69 and 7.8.1. Those without a
# handler are counted as ignored; in the first mask 61 is that of all events of LE.
_EVENTS = bytes.fromhex("ff9fffbf07f8bf3d")
_EVENTS_PAGE_2 = (1 << 25).to_bytes(8, "little")  # Encryption Change [v2]
_LE_EVENTS = bytes.fromhex("fffff7ff0fed7b00")
_LE_EVENTS_4_0 = bytes.fromhex("1f00000000000000")  # old controllers refuse bits they do not know
_VERSION_4_0 = 6

_LONGEST_DATA = struct.pack("<HH", 251, 2120)  # octets and microseconds, of one packet
_LEAST_ADVERTISING_OCTETS = 31


class ControllerFacts(NamedTuple):
    """What the controller told about itself."""

    acl_octets: int
    acl_packets: int
    extended_advertising: bool
    resolving_list: bool  # with privacy modes; without, peers could not use their identity
    long_packets: bool  # the data length update procedure
    phy_2m: bool
    max_advertising_octets: int
    public_address: DeviceAddress | None


class _AnswersOnly:
    """Reads packets while the controller comes up, and passes on nothing but answers."""

    def __init__(self, layer: HciLayer) -> None:
        self._layer = layer

    def on_packet(self, packet: bytes) -> None:
        if is_answer(packet):
            self._layer.received(packet, was_read=True)
        else:
            self._layer.counters.ignored += 1


async def bring_up(layer: HciLayer, metadata: dict[str, Any]) -> ControllerFacts:
    """Reset the controller and ask what it can do.

    Args: `metadata`: of the transport, such as a USB dongle's vendor and product.
    Raises: ControllerLost or ControllerError; TimeoutError; ValueError for an answer that is too
        short; errors of bumble's drivers.
    """
    return await _while_there(layer, _brought_up(layer, metadata))


async def _brought_up(layer: HciLayer, metadata: dict[str, Any]) -> ControllerFacts:
    was_reset = False
    with layer.read_by(_AnswersOnly(layer)):
        if metadata:
            load_firmware = await asyncio.to_thread(_load_drivers)
            was_reset = await load_firmware(layer, metadata)
        if not was_reset:
            await layer.request(Opcode.RESET)
        return await _Questions(layer).facts()


def _load_drivers() -> Any:
    """What loads slowly is loaded in a thread: other adapters' links stand still meanwhile."""
    from bleio.backends.hci.controller.firmware import load_firmware

    return load_firmware


class _Questions:
    """What a controller that was reset is asked, and what it answers."""

    def __init__(self, layer: HciLayer) -> None:
        self._layer = layer
        self._listed = b""  # its commands
        self._features = 0  # of LE

    async def facts(self) -> ControllerFacts:
        """Ask all. Raises: see `bring_up`."""
        self._listed = await self._layer.request(Opcode.READ_LOCAL_SUPPORTED_COMMANDS)
        version = await self._version()
        self._features = await self._le_features()
        await self._classic_features()
        await self._allow_events(version)
        acl_octets, acl_packets = await self._buffers()
        await self._suggest_long_packets()
        max_octets = await self._max_advertising_octets()
        if self._lists(Opcode.WRITE_LE_HOST_SUPPORT):
            # Tells one with Classic Bluetooth that this host does LE. Single-mode controllers say
            # that they have the command, too, and refuse it.
            await self._layer.wish(Opcode.WRITE_LE_HOST_SUPPORT, b"\x01\x00")
        extended = self._has(LeFeature.EXTENDED_ADVERTISING)
        return ControllerFacts(
            acl_octets=acl_octets,
            acl_packets=acl_packets,
            extended_advertising=extended,
            resolving_list=self._has(LeFeature.LL_PRIVACY, Opcode.LE_SET_PRIVACY_MODE),
            long_packets=self._has(LeFeature.DATA_LENGTH_EXTENSION, Opcode.LE_SET_DATA_LENGTH),
            phy_2m=self._has(LeFeature.LE_2M_PHY, Opcode.LE_SET_PHY),
            max_advertising_octets=max_octets if extended else _LEAST_ADVERTISING_OCTETS,
            public_address=await self._public_address(),
        )

    def _lists(self, opcode: Opcode) -> bool:
        octet, bit = LISTED_AT[opcode]
        return bool(self._listed[octet : octet + 1]) and bool(self._listed[octet] >> bit & 1)

    def _has(self, feature: LeFeature, command: Opcode | None = None) -> bool:
        """Some controllers have a feature without the command; asked for it, they may fall
        silent."""
        return bool(self._features >> feature & 1) and (command is None or self._lists(command))

    async def _version(self) -> int | None:
        if not self._lists(Opcode.READ_LOCAL_VERSION_INFORMATION):
            return None
        return (await self._asked(Opcode.READ_LOCAL_VERSION_INFORMATION, 8))[0]

    async def _le_features(self) -> int:
        if self._lists(Opcode.LE_READ_ALL_LOCAL_SUPPORTED_FEATURES):
            pages = await self._asked(Opcode.LE_READ_ALL_LOCAL_SUPPORTED_FEATURES, 9)
            return int.from_bytes(pages[1:], "little")
        if self._lists(Opcode.LE_READ_LOCAL_SUPPORTED_FEATURES):
            features = await self._asked(Opcode.LE_READ_LOCAL_SUPPORTED_FEATURES, 8)
            return int.from_bytes(features, "little")
        return 0

    async def _classic_features(self) -> None:
        if not self._lists(Opcode.READ_LOCAL_EXTENDED_FEATURES):
            if self._lists(Opcode.READ_LOCAL_SUPPORTED_FEATURES):
                await self._layer.wish(Opcode.READ_LOCAL_SUPPORTED_FEATURES)
            return
        page = last_page = 0
        while page <= last_page:
            opcode = Opcode.READ_LOCAL_EXTENDED_FEATURES
            returned = await self._layer.wish(opcode, bytes((page,)))
            last_page = returned[1] if returned and len(returned) > 1 else 0
            page += 1

    async def _allow_events(self, version: int | None) -> None:
        await self._layer.request(Opcode.SET_EVENT_MASK, _EVENTS)
        if self._lists(Opcode.SET_EVENT_MASK_PAGE_2):
            await self._layer.wish(Opcode.SET_EVENT_MASK_PAGE_2, _EVENTS_PAGE_2)
        is_old = version is not None and version <= _VERSION_4_0
        await self._layer.request(
            Opcode.LE_SET_EVENT_MASK, _LE_EVENTS_4_0 if is_old else _LE_EVENTS
        )

    async def _buffers(self) -> tuple[int, int]:
        """Return how long data packets may be, and how many the controller takes at once."""
        classic = le = (0, 0)
        if self._lists(Opcode.READ_BUFFER_SIZE):
            returned = await self._asked(Opcode.READ_BUFFER_SIZE, 7)
            octets, _, packets, _ = struct.unpack_from("<HBHH", returned)
            classic = octets, packets
        for opcode, length in (Opcode.LE_READ_BUFFER_SIZE_V2, 6), (Opcode.LE_READ_BUFFER_SIZE, 3):
            if self._lists(opcode):
                octets, packets = struct.unpack_from("<HB", await self._asked(opcode, length))
                le = octets, packets
                break
        buffers = le if all(le) else classic  # some share those of Classic Bluetooth
        if not all(buffers):
            raise ControllerError(0x11, "LE Read Buffer Size")
        return buffers

    async def _suggest_long_packets(self) -> None:
        read = Opcode.LE_READ_SUGGESTED_DEFAULT_DATA_LENGTH
        write = Opcode.LE_WRITE_SUGGESTED_DEFAULT_DATA_LENGTH
        if self._lists(read) and self._lists(write):
            suggested = await self._layer.wish(read)
            if suggested not in (None, _LONGEST_DATA):
                await self._layer.wish(write, _LONGEST_DATA)

    async def _max_advertising_octets(self) -> int:
        if self._lists(Opcode.LE_READ_NUMBER_OF_SUPPORTED_ADVERTISING_SETS):
            await self._layer.wish(Opcode.LE_READ_NUMBER_OF_SUPPORTED_ADVERTISING_SETS)
        octets: bytes | None = None
        if self._lists(Opcode.LE_READ_MAXIMUM_ADVERTISING_DATA_LENGTH):
            octets = await self._layer.wish(Opcode.LE_READ_MAXIMUM_ADVERTISING_DATA_LENGTH)
        if octets is None or len(octets) < 2:
            return _LEAST_ADVERTISING_OCTETS
        return max(_LEAST_ADVERTISING_OCTETS, int.from_bytes(octets[:2], "little"))

    async def _public_address(self) -> DeviceAddress | None:
        """Return the controller's public address; None if it has none."""
        try:
            octets = (await self._layer.request(Opcode.READ_BD_ADDR))[:6]
        except ControllerError:
            return None
        return DeviceAddress(octets) if len(octets) == 6 and octets not in _NO_ADDRESSES else None

    async def _asked(self, opcode: Opcode, octets: int) -> bytes:
        """Ask what must be answered, with as many octets. Raises: ValueError, ControllerError."""
        returned = await self._layer.request(opcode)
        if len(returned) < octets:
            raise ValueError(f"its answer to {opcode.text} is too short")
        return returned


async def _while_there(
    layer: HciLayer, work: Coroutine[Any, Any, ControllerFacts]
) -> ControllerFacts:
    """Do what may wait for something that a lost or stubborn controller never sends."""
    coming_up = asyncio.ensure_future(work)
    ended = asyncio.ensure_future(layer.ended.wait())
    tasks: list[asyncio.Future[Any]] = [coming_up, ended]
    try:
        await asyncio.wait(tasks, timeout=BRING_UP_S, return_when=asyncio.FIRST_COMPLETED)
        if not coming_up.done():
            raise layer.error or TimeoutError(f"it was not ready within {BRING_UP_S:g} seconds")
        return coming_up.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
