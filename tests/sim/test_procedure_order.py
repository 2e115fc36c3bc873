"""One link layer procedure at a time for each end, whatever its host asks in one breath."""

from __future__ import annotations

import struct

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Direction, Radio
from support.raw_host import MS, Pair, connected_pair

PHY_COMPLETE, UPDATED = 0x3E0C, 0x3E03
LENGTH_REQ, LENGTH_RSP, PHY_REQ, PHY_RSP, PHY_IND, REJECT = 0x14, 0x15, 0x16, 0x17, 0x18, 0x11
UPDATE_IND, FEATURE_REQ, FEATURE_RSP, VERSION_IND = 0x00, 0x08, 0x09, 0x0C
ENC_REQ, ENC_RSP, START_REQ, START_RSP = 0x03, 0x04, 0x05, 0x06
PAUSE_REQ, PAUSE_RSP, PARAM_REQ, CHANNEL_MAP_IND = 0x0A, 0x0B, 0x0F, 0x01
PERIPHERAL_FEATURE_REQ = 0x0E
# The second loses next to nothing, but every event is stepped through.
ENGINES = pytest.mark.parametrize(
    "propagation", [Propagation(), Propagation(loss=1e-12)], ids=["computed", "stepped"]
)


class Watched:
    """A connected pair, and the control PDUs on air: who sent it, and its opcode."""

    def __init__(self, propagation: Propagation) -> None:
        self.pair: Pair = connected_pair(Radio(1, propagation), interval_ms=15)
        self.controls: list[tuple[str, int]] = []
        self.run()
        self.pair.radio.watch(self._see)

    def _see(self, packet: AirPdu) -> None:
        clear = packet.clear_octets or packet.octets
        if packet.channel < 37 and clear[0] & 3 == 3:
            side = "P" if packet.direction is Direction.TO_CENTRAL else "C"
            self.controls.append((side, clear[2]))

    def central(self, opcode: int, layout: str, *fields: int | bytes) -> None:
        pair = self.pair
        parameters = struct.pack("<H" + layout, pair.central_handle, *fields)
        assert pair.central.command(opcode, parameters)[0] == 0

    def peripheral(self, opcode: int, layout: str, *fields: int | bytes) -> None:
        pair = self.pair
        parameters = struct.pack("<H" + layout, pair.peripheral_handle, *fields)
        assert pair.peripheral.command(opcode, parameters)[0] == 0

    def change(self, side: str, what: str) -> int:
        """Ask for a change with an instant. Returns: the opcode of the central's announcement."""
        ask = self.central if side == "central" else self.peripheral
        if what == "phy":
            ask(0x2032, "BBBH", 0, 2, 2, 0)
            return PHY_IND
        ask(0x2013, "HHHHHH", 40, 40, 0, 200, 0, 0)
        return UPDATE_IND

    def run(self, milliseconds: int = 1000) -> None:
        self.pair.radio.run_until(self.pair.radio.now_us + milliseconds * MS)


@ENGINES
def test_procedures_of_one_end_come_one_after_the_other(propagation: Propagation) -> None:
    watched = Watched(propagation)
    watched.central(0x2022, "HH", 251, 2120)
    watched.central(0x2032, "BBBH", 0, 2, 2, 0)
    watched.central(0x2016, "")
    watched.central(0x2013, "HHHHHH", 40, 40, 0, 200, 0, 0)
    watched.central(0x041D, "")
    watched.run(3000)
    assert watched.controls == [
        ("C", LENGTH_REQ), ("P", LENGTH_RSP), ("C", PHY_REQ), ("P", PHY_RSP), ("C", PHY_IND),
        ("C", FEATURE_REQ), ("P", FEATURE_RSP), ("C", UPDATE_IND),
        ("C", VERSION_IND), ("P", VERSION_IND),
    ]  # fmt: skip


@ENGINES
def test_a_change_with_an_instant_goes_on_until_the_instant(propagation: Propagation) -> None:
    watched = Watched(propagation)
    watched.central(0x2032, "BBBH", 0, 2, 2, 0)
    watched.central(0x2016, "")
    while not watched.pair.central.of(PHY_COMPLETE):
        assert ("C", FEATURE_REQ) not in watched.controls
        watched.run(1)
    watched.run()
    assert watched.controls[-2:] == [("C", FEATURE_REQ), ("P", FEATURE_RSP)]


@ENGINES
def test_the_same_data_length_is_asked_for_once(propagation: Propagation) -> None:
    watched = Watched(propagation)
    watched.central(0x2022, "HH", 251, 2120)
    watched.central(0x2022, "HH", 251, 2120)
    watched.run()
    assert watched.controls == [("C", LENGTH_REQ), ("P", LENGTH_RSP)]
    watched.central(0x2022, "HH", 100, 2120)
    watched.run()
    assert watched.controls[2:] == [("C", LENGTH_REQ), ("P", LENGTH_RSP)]


@ENGINES
def test_a_central_refuses_a_request_that_collides_with_its_own(propagation: Propagation) -> None:
    watched = Watched(propagation)
    watched.central(0x2032, "BBBH", 0, 2, 2, 0)
    watched.peripheral(0x2032, "BBBH", 0, 2, 2, 0)
    watched.run()
    assert watched.controls.count(("C", PHY_IND)) == 1
    assert ("C", REJECT) in watched.controls
    told = [event.parameters for event in watched.pair.peripheral.of(PHY_COMPLETE)]
    handle = watched.pair.peripheral_handle
    assert told == [struct.pack("<BHBB", 0x23, handle, 1, 1), struct.pack("<BHBB", 0, handle, 2, 2)]
    assert [event.parameters[0] for event in watched.pair.central.of(PHY_COMPLETE)] == [0]


@ENGINES
def test_different_changes_that_collide(propagation: Propagation) -> None:
    watched = Watched(propagation)
    watched.central(0x2032, "BBBH", 0, 2, 2, 0)
    watched.peripheral(0x2013, "HHHHHH", 40, 40, 0, 200, 0, 0)
    watched.run()
    assert [event.parameters[0] for event in watched.pair.peripheral.of(UPDATED)] == [0x2A]


@ENGINES
def test_a_peripheral_begins_nothing_while_encryption_starts(propagation: Propagation) -> None:
    watched = Watched(propagation)
    watched.central(0x2019, "8sH16s", bytes(8), 0, bytes(16))
    watched.run(100)
    watched.peripheral(0x2022, "HH", 251, 2120)
    watched.run(100)
    watched.peripheral(0x201A, "16s", bytes(16))
    watched.run()
    assert watched.controls == [
        ("C", ENC_REQ), ("P", ENC_RSP), ("P", START_REQ), ("C", START_RSP), ("P", START_RSP),
        ("P", LENGTH_REQ), ("C", LENGTH_RSP),
    ]  # fmt: skip


def test_a_second_wish_for_a_phy_is_refused_while_the_first_waits_for_its_turn() -> None:
    watched = Watched(Propagation())
    watched.central(0x2022, "HH", 251, 2120)
    watched.central(0x2032, "BBBH", 0, 2, 2, 0)
    command = struct.pack("<HBBBH", watched.pair.central_handle, 0, 1, 1, 0)
    assert watched.pair.central.command(0x2032, command)[0] == 0x0C


@ENGINES
@pytest.mark.parametrize("own", ["phy", "parameters"])
@pytest.mark.parametrize("other", ["phy", "parameters", "channels"])
def test_a_peripheral_begins_no_change_before_the_instant_of_the_centrals(
    propagation: Propagation, own: str, other: str
) -> None:
    watched = Watched(propagation)
    if other == "channels":
        watched.pair.central.must(0x2014, b"\xff\xff\xff\x00\x00")
        sent = CHANNEL_MAP_IND
    else:
        sent = watched.change("central", other)
    while ("C", sent) not in watched.controls:
        watched.run(1)
    watched.change("peripheral", own)
    watched.run(60)
    request = ("P", PHY_REQ if own == "phy" else PARAM_REQ)
    assert request not in watched.controls
    watched.run()
    assert request in watched.controls
    assert ("C", REJECT) not in watched.controls


@ENGINES
@pytest.mark.parametrize("own", ["phy", "parameters", "channels"])
def test_a_central_begins_no_change_before_the_instant_of_its_peripherals(
    propagation: Propagation, own: str
) -> None:
    watched = Watched(propagation)
    watched.change("peripheral", "phy")
    while ("C", PHY_IND) not in watched.controls:
        watched.run(1)
    before = len(watched.controls)
    if own == "channels":
        watched.pair.central.must(0x2014, b"\xff\xff\xff\x00\x00")
        sent = CHANNEL_MAP_IND
    else:
        sent = watched.change("central", own)
    watched.central(0x2016, "")  # without an instant: it may overtake
    watched.run(60)
    assert watched.controls[before:] == [("C", FEATURE_REQ), ("P", FEATURE_RSP)]
    watched.run()
    assert ("C", PHY_REQ if own == "phy" else sent) in watched.controls[before:]


@ENGINES
def test_the_host_answers_its_peripheral_before_a_change_of_its_own(
    propagation: Propagation,
) -> None:
    watched = Watched(propagation)
    watched.change("peripheral", "parameters")
    watched.run(100)
    watched.central(0x2032, "BBBH", 0, 2, 2, 0)
    watched.central(0x2013, "HHHHHH", 48, 48, 0, 200, 0, 0)
    watched.run(100)
    assert watched.controls == [("P", PARAM_REQ)]
    watched.pair.central.must(
        0x2020, struct.pack("<HHHHHHH", watched.pair.central_handle, 40, 40, 0, 200, 0, 0)
    )
    watched.run(5000)
    assert watched.controls[1:] == [
        ("C", UPDATE_IND), ("C", PHY_REQ), ("P", PHY_RSP), ("C", PHY_IND), ("C", UPDATE_IND)
    ]  # fmt: skip
    intervals = [event.parameters[3] for event in watched.pair.central.of(UPDATED)]
    assert intervals == [40, 48]


CROSSING = {
    "data length": (0x2022, "HH", (251, 2120), LENGTH_REQ, [LENGTH_RSP]),
    "phy": (0x2032, "BBBH", (0, 2, 2, 0), PHY_REQ, [PHY_IND]),
    "features": (0x2016, "", (), PERIPHERAL_FEATURE_REQ, [FEATURE_RSP]),
    "version": (0x041D, "", (), VERSION_IND, [VERSION_IND]),
}


@ENGINES
@pytest.mark.parametrize("refused", [False, True], ids=["", "refused"])
@pytest.mark.parametrize("crossing", CROSSING)
def test_a_central_answers_what_crosses_its_encryption_afterwards(
    propagation: Propagation, crossing: str, refused: bool
) -> None:
    opcode, layout, fields, request, answer = CROSSING[crossing]
    watched = Watched(propagation)
    watched.central(0x2019, "8sH16s", bytes(8), 0, bytes(16))
    watched.peripheral(opcode, layout, *fields)
    watched.run(100)
    assert watched.controls == [("C", ENC_REQ), ("P", request), ("P", ENC_RSP)]
    if refused:
        watched.peripheral(0x201B, "")
        started = [("P", REJECT)]
    else:
        watched.peripheral(0x201A, "16s", bytes(16))
        started = [("P", START_REQ), ("C", START_RSP), ("P", START_RSP)]
    watched.run()
    assert watched.controls[3:] == started + [("C", each) for each in answer]


@ENGINES
def test_what_crosses_a_new_key_is_answered_with_the_new_key(propagation: Propagation) -> None:
    watched = Watched(propagation)
    for ltk in (bytes(16), bytes(range(16))):
        watched.controls.clear()
        watched.central(0x2019, "8sH16s", bytes(8), 0, ltk)
        if any(ltk):
            watched.peripheral(0x2022, "HH", 251, 2120)
        watched.run(100)
        watched.peripheral(0x201A, "16s", ltk)
        watched.run(100)
    assert watched.controls == [
        ("C", PAUSE_REQ), ("P", LENGTH_REQ), ("P", PAUSE_RSP), ("C", PAUSE_RSP), ("C", ENC_REQ),
        ("P", ENC_RSP), ("P", START_REQ), ("C", START_RSP), ("P", START_RSP), ("C", LENGTH_RSP),
    ]  # fmt: skip


@ENGINES
@pytest.mark.parametrize("agreed", [True, False])
def test_a_host_that_answers_while_encryption_starts(
    propagation: Propagation, agreed: bool
) -> None:
    watched = Watched(propagation)
    watched.change("peripheral", "parameters")
    watched.run(100)
    watched.central(0x2019, "8sH16s", bytes(8), 0, bytes(16))
    watched.run(100)
    handle = watched.pair.central_handle
    if agreed:
        watched.pair.central.must(0x2020, struct.pack("<HHHHHHH", handle, 40, 40, 0, 200, 0, 0))
    else:
        watched.pair.central.must(0x2021, struct.pack("<HB", handle, 0x3B))
    watched.run(100)
    assert watched.controls == [("P", PARAM_REQ), ("C", ENC_REQ), ("P", ENC_RSP)]
    watched.peripheral(0x201A, "16s", bytes(16))
    watched.run()
    assert watched.controls[-1] == ("C", UPDATE_IND if agreed else REJECT)
    status = [event.parameters[0] for event in watched.pair.peripheral.of(UPDATED)]
    assert status == [0 if agreed else 0x3B]
