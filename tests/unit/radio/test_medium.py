"""Which packets reach whom, packet by packet."""

from __future__ import annotations

import pytest

from bleio.radio.air import phy
from bleio.radio.air.clock import Timeline
from bleio.radio.air.interference import Interference
from bleio.radio.air.medium import Medium, Transmission
from bleio.radio.air.propagation import SENSITIVITY_DBM, Propagation
from bleio.radio.air.station import Station

CHANNEL = 5
LENGTH_US = phy.air_time_us(20)


class Room:
    """Some stations and packets of 20 octets between them."""

    def __init__(self, propagation: Propagation, count: int = 3) -> None:
        self.clock = Timeline()
        self.medium = Medium(self.clock, 1, propagation, self)
        self.stations = [Station(index + 1, "") for index in range(count)]

    def medium_changed(self) -> None:
        """Nothing here goes by it."""

    def send(
        self, sender: int, at_us: int = 0, *, channel: int = CHANNEL, power_dbm: int = 0,
        phy_: int = phy.LE_1M,
    ) -> Transmission:  # fmt: skip
        return self.medium.transmit(
            Transmission(self.stations[sender], channel, at_us, 20, phy_, power_dbm)
        )

    def receives(self, packet: Transmission, receiver: int) -> bool:
        return self.medium.receives(packet, self.stations[receiver])


COLLIDING = Propagation(collisions=True)


@pytest.mark.parametrize(
    ("later_us", "channel", "collide"),
    [(0, CHANNEL, True), (LENGTH_US - 1, CHANNEL, True), (LENGTH_US, CHANNEL, False),
     (0, CHANNEL + 1, False)],
)  # fmt: skip
def test_packets_collide_that_overlap_on_a_channel(
    later_us: int, channel: int, collide: bool
) -> None:
    room = Room(COLLIDING)
    packets = [room.send(0), room.send(1, later_us, channel=channel)]
    assert [room.receives(packet, 2) for packet in packets] == [not collide] * 2


@pytest.mark.parametrize(("stronger_db", "received"), [(5, False), (6, True)])
def test_the_stronger_of_two_is_received(stronger_db: int, received: bool) -> None:
    room = Room(COLLIDING)
    strong, weak = room.send(0, power_dbm=stronger_db), room.send(1)
    assert room.receives(strong, 2) is received
    assert not room.receives(weak, 2)


def test_nobody_receives_while_he_transmits_however_strong_it_is() -> None:
    room = Room(COLLIDING)
    strong, own = room.send(0, power_dbm=20), room.send(1, power_dbm=-40)
    assert not room.receives(strong, 1)
    assert room.receives(strong, 2)
    assert not room.receives(own, 0)


@pytest.mark.parametrize(("jammer_dbm", "received"), [(-67, True), (-66, True), (-65, False)])
def test_a_jammer_must_be_strong_enough(jammer_dbm: float, received: bool) -> None:
    room = Room(Propagation(path_loss_db=60))
    room.medium.add_interference(Interference(frozenset({CHANNEL}), level_dbm=jammer_dbm))
    assert room.receives(room.send(0), 1) is received
    assert room.receives(room.send(0, channel=CHANNEL + 1), 1)


@pytest.mark.parametrize("phy_", [phy.LE_1M, phy.LE_2M, phy.LE_CODED])
def test_each_phy_has_its_own_sensitivity(phy_: int) -> None:
    for margin_db, received in ((5, True), (-5, False)):
        room = Room(Propagation(path_loss_db=margin_db * -1 - SENSITIVITY_DBM[phy_], noise=True))
        assert {room.receives(room.send(0, phy_=phy_), 1) for _ in range(100)} == {received}


def test_a_packet_without_an_antenna_disturbs_nobody_and_reaches_nobody() -> None:
    room = Room(COLLIDING)
    room.medium.set_antenna(room.stations[0], False)
    silent, loud = room.send(0), room.send(1)
    assert not room.receives(silent, 2)
    assert room.receives(loud, 2)
    assert not room.receives(loud, 0)


def test_a_corrupt_packet_is_lost_and_the_air_is_ideal_again() -> None:
    room = Room(Propagation())
    room.medium.corrupt_next(room.stations[1])
    other, corrupt, after = room.send(0), room.send(1), room.send(1)
    assert [room.receives(packet, 2) for packet in (other, corrupt, after)] == [True, False, True]
    assert room.medium.lost == 1
    room.clock.run_until(LENGTH_US)
    assert room.medium.ideal
    assert not room.receives(corrupt, 2)
