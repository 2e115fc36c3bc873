"""A link exchanges its engine whenever packets can be lost from now on, or no longer."""

from __future__ import annotations

from random import Random

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from bleio.radio.connection.computed import ComputedEvents
from bleio.radio.connection.stepped import SteppedEvents
from support.raw_host import MS, SECOND, Pair, RawHost, connected_pair, l2cap

IDEAL = Propagation()
# Nothing is lost with two stations, but every event is stepped through.
STEPPED = Propagation(collisions=True)


def in_use(pair: Pair) -> type:
    (link,) = pair.radio.links
    return type(link.events)


def messages(host: RawHost) -> list[bytes]:
    received: list[bytes] = []
    for packet in host.acl:
        if packet.boundary == 2:
            received.append(packet.payload)
        else:
            received[-1] += packet.payload
    return received


def test_the_medium_decides_which_engine_a_link_has() -> None:
    pair = connected_pair()
    assert in_use(pair) is ComputedEvents
    pair.radio.medium.propagation = STEPPED
    assert in_use(pair) is SteppedEvents
    pair.radio.medium.propagation = IDEAL
    assert in_use(pair) is ComputedEvents
    pair.radio.medium.corrupt_next()
    assert in_use(pair) is SteppedEvents
    pair.radio.run_until(pair.radio.now_us + SECOND)
    assert in_use(pair) is ComputedEvents


@pytest.mark.parametrize("seed", range(8))
def test_a_change_in_the_middle_of_an_event_loses_and_repeats_nothing(seed: int) -> None:
    pair, random = connected_pair(Radio(seed), interval_ms=7.5, timeout_ms=4000), Random(seed)
    medium, sent = pair.radio.medium, []
    for index in range(200):
        sent.append(l2cap(bytes((index,)) * random.randrange(1, 116)))
        pair.central.send_acl(pair.central_handle, sent[-1])
        pair.peripheral.send_acl(pair.peripheral_handle, sent[-1])
        # Several changes within the time of one packet, and a few packets that do get lost.
        for _ in range(random.randrange(1, 6)):
            if random.random() < 0.05:
                medium.corrupt_next()
            medium.propagation = random.choice((IDEAL, STEPPED))
            pair.radio.run_until(pair.radio.now_us + random.randrange(400))
        pair.radio.run_until(pair.radio.now_us + random.randrange(30 * MS))
    medium.propagation = IDEAL
    pair.radio.run_until(pair.radio.now_us + SECOND)
    for host in (pair.central, pair.peripheral):
        assert messages(host) == sent
        assert host.controller.host.acl_in_flight == 0
    assert medium.lost > 0
