"""What a world tells of its packets in words: by the names of devices and attributes."""

from __future__ import annotations

import re

import pytest

from bleio.decoding.lines import line
from bleio.radio.air.medium import Medium, Transmission
from bleio.radio.air.radio import Direction
from bleio.radio.air.station import Station
from bleio.testing import World

SENSOR = """
import time
import _bleio
service = _bleio.Service(_bleio.UUID(0x180F))
level = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0x2A19), initial_value=b"K",
    properties=_bleio.Characteristic.READ | _bleio.Characteristic.NOTIFY,
    read_perm=_bleio.Attribute.ENCRYPT_NO_MITM)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06\\x07\\x09sensor", interval=0.1)
while not _bleio.adapter.connected:
    pass
while True:
    time.sleep(2)
    level.value = b"L"
"""
READER = """
import time
import _bleio
entry = next(iter(_bleio.adapter.start_scan()))
connection = _bleio.adapter.connect(entry.address, timeout=5)
(service,) = connection.discover_remote_services((_bleio.UUID(0x180F),))
(level,) = service.characteristics
try:
    level.value
except _bleio.SecurityError:
    connection.pair()
print(bytes(level.value))
level.set_cccd(notify=True)
time.sleep(2.1)
connection.disconnect()
"""
# What is said between the two, without times, empty packets, and what is of no interest here.
GOLDEN = """
sensor  ADV Connectable: name "sensor", general discoverable and no BR/EDR
reader -> sensor  ADV Scan Request
sensor  ADV Scan Response
reader -> sensor  LL Connect: interval 15 ms, latency 0, time-out 4000 ms
reader -> sensor  ATT Exchange MTU 512
sensor -> reader  ATT Exchange MTU Response 517
reader -> sensor  ATT Read By Group Type Primary Service, 0x0001 to 0xffff
sensor -> reader  ATT Read By Group Type Response: Generic Access (0x0001 to 0x0005), \
Generic Attribute (0x0006 to 0x000f), Battery Service (0x0010 to 0x0013)
reader -> sensor  ATT Read By Type Characteristic, 0x0011 to 0x0013
sensor -> reader  ATT Read By Type Response Characteristic: Battery Level (0x0012)
reader -> sensor  ATT Read Battery Level (0x0012)
sensor -> reader  ATT Error: Insufficient Authentication for Read Battery Level (0x0012)
reader -> sensor  SMP Pairing Request: no input and no output, bonding, Secure Connections
sensor -> reader  SMP Pairing Response: no input and no output, bonding, Secure Connections
reader -> sensor  LL Encryption Request
sensor -> reader  LL Start Encryption Request
sensor -> reader  SMP Identity Information
reader -> sensor  ATT Read Battery Level (0x0012)
sensor -> reader  ATT Read Response Battery Level (0x0012) = 4b
reader -> sensor  ATT Write Client Characteristic Configuration of Battery Level (0x0013) = \
notifications
sensor -> reader  ATT Write Response Client Characteristic Configuration of Battery Level (0x0013)
sensor -> reader  ATT Notification Battery Level (0x0012) = 4c
reader -> sensor  LL Terminate: Remote User Terminated Connection
"""


def said(world: World) -> list[str]:
    """What was said, without times, and what arrived only after it had been lost once more."""
    decoded = [each for each in world.decoded() if not (each.again or each.empty)]
    return [line(each)[15:].removesuffix("  LOST") for each in decoded]


def run(loss: float | None = None, seed: int = 1) -> World:
    with World(seed, loss=loss) as world:
        world.add(source=SENSOR, name="sensor")
        reader = world.add(source=READER, name="reader")
        world.run(until=lambda: not reader.running)
        world.run_for(0.1)
    return world


def in_order(wanted: list[str], told: list[str]) -> None:
    """Check that lines come, and in this order."""
    rest = iter(told)
    for each in wanted:
        assert each in rest, f"{each}\ndoes not come, or not in this order, in\n" + "\n".join(told)


def test_a_world_in_words() -> None:
    told = said(run())
    in_order(GOLDEN.strip().splitlines(), told)
    assert not any("malformed" in each or "0x0012 " in each for each in told)


def test_a_world_that_loses_packets() -> None:
    world = run(loss=0.2, seed=5)
    decoded = world.decoded()
    lost = [each for each in decoded if each.lost]
    assert lost
    told = said(world)
    in_order(
        [each for each in GOLDEN.strip().splitlines() if "ADV" not in each and "LL" not in each],
        told,
    )
    for number, each in enumerate(decoded):
        if each.lost and not each.empty and each.protocol != "ADV" and "Terminate" not in each.text:
            later = decoded[number + 1 :]
            again = next((one for one in later if one.octets[2:] == each.octets[2:]), None)
            assert again is not None, line(each)
            assert again.again, line(again)


def test_lost_packets_are_as_many_as_the_medium_has_lost() -> None:
    world = run(loss=0.2, seed=6)
    links = [each for each in world.decoded() if each.protocol != "ADV"]
    # Packets of advertising are heard by nobody or by many, so they are not counted here.
    assert 0 < sum(each.lost for each in links) <= world.radio.medium.lost


def test_the_octets_on_air_stay_what_trace_tells() -> None:
    world = run()
    assert len(world.decoded()) == len(world.packets)
    before = world.trace()
    world.decoded()
    assert world.trace() == before
    assert re.match(r" +0\.\d+ \w+ channel 3\d 8e89bed6 [0-9a-f]+\n", before)


def test_a_story_has_what_devices_print() -> None:
    world = run()
    story = world.story().splitlines()
    (printed,) = (number for number, text in enumerate(story) if "reader] b'K'" in text)
    assert any("Read Response Battery Level (0x0012) = 4b" in each for each in story[:printed])
    times = [float(text[1:13]) for text in story]
    times.remove(times[printed])  # of a program that has what the event brings when that begins
    assert times == sorted(times)
    assert "reader] b'K'" in world.story(verbose=True)
    assert re.search(r"\n {15}[0-9a-f ]+\n", world.story(verbose=True))


def test_names_are_known_where_the_beginning_is_not_kept_any_more() -> None:
    world = run()
    packets = world.packets
    while "ATT" not in line(world.decoded()[0]):
        packets.popleft()
    first = world.decoded()[0]
    assert {first.sender, first.receiver} == {"sensor", "reader"}
    assert "ATT Read Battery Level (0x0012)" in world.story()
    assert "Configuration of Battery Level (0x0013)" in world.story()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lost_packets_are_those_that_the_medium_has_lost(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sequence numbers tell what the medium has done, packet by packet."""
    lost, seen = set(), set()
    receives = Medium.receives

    def noted(self: Medium, packet: Transmission, receiver: Station) -> bool:
        received = receives(self, packet, receiver)
        seen.add((packet.from_us, packet.sender.name))
        if not received:
            lost.add((packet.from_us, packet.sender.name))
        return received

    monkeypatch.setattr(Medium, "receives", noted)
    world = run(loss=0.25, seed=seed)
    told = {
        (each.time_us, each.sender)
        for each in world.decoded()
        if each.lost and (each.time_us, each.sender) in seen
    }
    of_links = {
        (packet.time_us, packet.sender.name)
        for packet in world.packets
        if packet.direction in (Direction.TO_CENTRAL, Direction.TO_PERIPHERAL)
    }
    assert len(lost & of_links) > 10
    # Nobody answers the end of a link, so of that it is not known.
    end = {(each.time_us, each.sender) for each in world.decoded() if "Terminate" in each.text}
    assert told - end == (lost & of_links) - end
