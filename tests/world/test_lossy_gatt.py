"""GATT where packets get lost: all arrives, in order, once, or the link drops and says so."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis.strategies import floats, integers, none

from bleio.core.codes import HciErrorCode
from bleio.testing import World
from support.btsnoop import disconnect_reasons

COUNT = 12
CONNECTION_TIMEOUT = HciErrorCode.CONNECTION_TIMEOUT
NEVER_ESTABLISHED = HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED
INSTANT_PASSED = HciErrorCode.INSTANT_PASSED
SERVICE, WRITTEN, NOTIFIED, INDICATED = 0xFE10, 0xFE11, 0xFE12, 0xFE13

SERVER = f"""
import _bleio
C = _bleio.Characteristic
service = _bleio.Service(_bleio.UUID({SERVICE}))
def add(uuid, properties):
    return C.add_to_service(service, _bleio.UUID(uuid), properties=properties, max_length=20)
written = add({WRITTEN}, C.WRITE)
notified = add({NOTIFIED}, C.NOTIFY)
indicated = add({INDICATED}, C.INDICATE)
incoming = _bleio.PacketBuffer(written, buffer_size={COUNT})
packet = bytearray(20)
while True:
    if not _bleio.adapter.connected and not _bleio.adapter.advertising:
        _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
    length = incoming.readinto(packet)
    if length:
        print(packet[:length].decode())
        notified.value = packet[:length]
        indicated.value = packet[:length]
"""

CLIENT = f"""
import time
import _bleio
def connect():
    for entry in _bleio.adapter.start_scan(timeout=20):
        if entry.connectable:
            break
    _bleio.adapter.stop_scan()
    return _bleio.adapter.connect(entry.address, timeout=10)
def talk(connection):
    (service,) = connection.discover_remote_services((_bleio.UUID({SERVICE}),))
    by_uuid = {{each.uuid: each for each in service.characteristics}}
    buffers = {{}}
    for uuid in ({NOTIFIED}, {INDICATED}):
        buffers[uuid] = _bleio.PacketBuffer(by_uuid[_bleio.UUID(uuid)], buffer_size={COUNT})
    for index in range({COUNT}):
        by_uuid[_bleio.UUID({WRITTEN})].value = b"%d" % index
        print("written", index)
    counts = dict.fromkeys(buffers, 0)
    packet = bytearray(20)
    while connection.connected and min(counts.values()) < {COUNT}:
        for uuid, buffer in buffers.items():
            length = buffer.readinto(packet)
            if length:
                counts[uuid] += 1
                print(uuid, packet[:length].decode())
    print("all" if connection.connected else "dropped")
    connection.disconnect()
try:
    talk(connect())
except Exception as error:
    print("lost", type(error).__name__, error)
"""


class Outcome(NamedTuple):
    """What a client and a server have seen of each other."""

    last: str
    written: list[int]
    served: list[int]
    notified: list[int]
    indicated: list[int]
    reasons: list[int]


def outcome(seed: int, loss: float, after: int | None) -> Outcome:
    """Run both; packets are lost from the beginning, or after so many writes."""
    with TemporaryDirectory() as folder, World(seed, hci_capture=folder) as world:
        world.loss = loss if after is None else 0
        server = world.add(source=SERVER, name="server")
        client = world.add(source=CLIENT, name="client")
        if after is not None:
            world.run(until=lambda: f"written {after}\n" in client.text)
            world.loss = loss
        world.run(until=lambda: not client.running, within_s=3_000)
        return Outcome(
            client.text.splitlines()[-1],
            numbers(client.text, "written "),
            numbers(server.text, ""),
            numbers(client.text, f"{NOTIFIED} "),
            numbers(client.text, f"{INDICATED} "),
            disconnect_reasons(Path(folder, "client.btsnoop")),
        )


def numbers(text: str, begin: str) -> list[int]:
    """What follows `begin` in the lines that have it."""
    lines = [line.removeprefix(begin) for line in text.splitlines() if line.startswith(begin)]
    return [int(line) for line in lines]


def check(seed: int, loss: float, after: int | None) -> Outcome:
    """All that arrived is in order and there once, and nothing is missing unless the link drops."""
    seen = outcome(seed, loss, after)
    for arrived in seen[1:5]:
        assert arrived == list(range(len(arrived)))
    assert len(seen.written) <= len(seen.served) <= len(seen.written) + 1
    assert len(seen.served) >= max(len(seen.notified), len(seen.indicated))
    # A link that is never established is none: the client has tried again.
    reasons = [reason for reason in seen.reasons if reason != NEVER_ESTABLISHED]
    if seen.last == "all":
        assert {len(arrived) for arrived in seen[1:5]} == {COUNT}
        # Where nearly all is lost, the program may be over before the link is.
        assert reasons in ([], [HciErrorCode.LOCAL_HOST_TERMINATED], [CONNECTION_TIMEOUT])
    elif seen.last == "lost BluetoothError Failed to connect: timeout":
        assert not seen.written and not reasons
    else:
        assert seen.last == "dropped" or seen.last.startswith("lost ConnectionError ")
        (reason,) = reasons
        # The last is of an update of the link whose announcement came too late.
        assert reason in (CONNECTION_TIMEOUT, INSTANT_PASSED)
    return seen


AFTER = none() | integers(0, COUNT - 1)


@settings(max_examples=60, deadline=None)
@given(seed=integers(0, 1 << 32), loss=floats(0, 0.9), after=AFTER)
def test_all_arrives_in_order_once_or_the_link_drops(
    seed: int, loss: float, after: int | None
) -> None:
    check(seed, loss, after)


@settings(max_examples=30, deadline=None)
@given(seed=integers(0, 1 << 32), after=integers(0, COUNT - 1))
def test_with_a_fifth_lost_all_of_it_arrives(seed: int, after: int) -> None:
    assert check(seed, 0.2, after).last == "all"
