"""What a controller is asked as it comes up, beside what bumble's host asks the same controller.

bumble's way has been tried with many controllers, so ours has no order of its own. When a newer
bumble asks for more, this fails here, and what it asks for is to be looked at.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from bumble.hci import HCI_SUPPORTED_COMMANDS_MASKS
from bumble.host import Host

from bleio.backends.hci.controller.bringup import ControllerFacts, bring_up
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import LISTED_AT, LeFeature, Opcode
from bleio.core.hci import Event
from support.hci.simulated import simulated

OURS_ALONE = (Opcode.WRITE_LE_HOST_SUPPORT, Opcode.READ_BD_ADDR)


class Controller:
    """One whose commands, features and buffers come from a seed. It is sent `packets`."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(seed)
        self.packets: list[bytes] = []
        self.listed = {each for each in LISTED_AT if dice.random() < 0.7}
        self.listed |= {Opcode.LE_READ_BUFFER_SIZE, Opcode.READ_BUFFER_SIZE}
        self.features = dice.randbytes(8)
        self.pages = dice.randrange(3)
        self._answers: dict[int, bytes] = {
            Opcode.READ_LOCAL_SUPPORTED_COMMANDS: self._commands(),
            Opcode.READ_LOCAL_VERSION_INFORMATION: bytes((dice.randrange(4, 9),)) + bytes(7),
            Opcode.READ_LOCAL_SUPPORTED_FEATURES: bytes(8),
            Opcode.LE_READ_LOCAL_SUPPORTED_FEATURES: self.features,
            Opcode.LE_READ_ALL_LOCAL_SUPPORTED_FEATURES: b"\x00" + self.features + bytes(240),
            Opcode.READ_BUFFER_SIZE: bytes.fromhex("fd03400a000800"),
            Opcode.LE_READ_BUFFER_SIZE: bytes(3) if dice.random() < 0.3 else b"\xfb\x00\x07",
            Opcode.LE_READ_BUFFER_SIZE_V2: b"\x1b\x00\x05\xfb\x00\x02",
            Opcode.LE_READ_SUGGESTED_DEFAULT_DATA_LENGTH: bytes.fromhex(
                dice.choice(["fb004808", "1b004801"])
            ),
            Opcode.LE_READ_MAXIMUM_ADVERTISING_DATA_LENGTH: b"\x72\x06",
            Opcode.LE_READ_NUMBER_OF_SUPPORTED_ADVERTISING_SETS: b"\x04",
            Opcode.READ_BD_ADDR: bytes.fromhex("010203040506"),
        }

    def _commands(self) -> bytes:
        masks = (HCI_SUPPORTED_COMMANDS_MASKS[each] for each in self.listed)
        return sum(masks).to_bytes(64, "little")

    def answer(self, packet: bytes) -> bytes:
        """Take a command. Returns: the event that answers it."""
        self.packets.append(packet)
        opcode = int.from_bytes(packet[1:3], "little")
        if opcode == Opcode.READ_LOCAL_EXTENDED_FEATURES:
            returned = packet[4:] + bytes((self.pages,)) + bytes(8)
        else:
            returned = self._answers.get(opcode, b"")
        parameters = b"\x01" + packet[1:3] + b"\x00" + returned
        return bytes((0x04, Event.COMMAND_COMPLETE, len(parameters))) + parameters


class Wire:
    """Answers in the loop's next turn."""

    metadata: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, controller: Controller, take: Callable[[bytes], None]) -> None:
        self._controller, self._take = controller, take

    def send(self, packet: bytes) -> None:
        event = self._controller.answer(packet)
        asyncio.get_running_loop().call_soon(self._take, event)

    on_packet = send  # as bumble's sinks have it

    async def close(self) -> None:
        """Nothing is open."""


async def of_bumble(controller: Controller) -> Host:
    host = Host()
    host.hci_sink = Wire(controller, host.on_packet)
    await host.reset()
    return host


async def of_ours(controller: Controller) -> ControllerFacts:
    class Owner:
        def lost(self, error: Exception) -> None:
            raise AssertionError(error)

    layer = HciLayer(Owner(), "a controller")
    layer.connect(Wire(controller, layer.received))
    return await bring_up(layer, {})


@pytest.mark.parametrize("seed", range(60))
@simulated
async def test_the_same_is_asked_in_the_same_order(seed: int) -> None:
    theirs, ours = Controller(seed), Controller(seed)
    host, facts = await of_bumble(theirs), await of_ours(ours)
    asked = [p for p in ours.packets if int.from_bytes(p[1:3], "little") not in OURS_ALONE]
    assert asked == theirs.packets
    assert int(host.local_le_features) in (0, int.from_bytes(ours.features, "little"))
    queue = host.le_acl_packet_queue
    assert (facts.acl_octets, facts.acl_packets) == (queue.max_packet_size, queue.max_in_flight)
    extended = bool(int(host.local_le_features) >> LeFeature.EXTENDED_ADVERTISING & 1)
    assert facts.extended_advertising is extended
    longest = host.maximum_advertising_data_length
    assert facts.max_advertising_octets == (longest if extended else 31)


def test_commands_are_looked_for_where_they_are_listed() -> None:
    for opcode, (octet, bit) in LISTED_AT.items():
        assert HCI_SUPPORTED_COMMANDS_MASKS[int(opcode)] == 1 << (8 * octet + bit), opcode
