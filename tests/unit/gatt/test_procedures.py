"""Reads and writes of a client: the request bytes, and what comes of each response."""

from __future__ import annotations

import pytest

from bleio.core.codes import Properties
from bleio.errors import AttError, ProtocolViolation
from bleio.gatt.procedures import subscribe
from support.bearers import Loop, Wired, add_characteristic, add_service, published


@pytest.fixture
def wired() -> Wired:
    return Wired()


def part(first: int, count: int) -> str:
    return bytes(range(first, first + count)).hex(" ")


class TestRead:
    def test_short(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.read(0x1234))
        assert wired.take() == "0a 34 12"
        wired.feed("0b 61 62")
        assert outcome.result == b"ab" and wired.sent == []

    def test_long_goes_on_until_a_response_is_not_full(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.read(3))
        wired.feed("0b " + part(0, 22))
        assert wired.sent[1:] == [bytes.fromhex("0c 03 00 16 00")]
        wired.feed("0d " + part(22, 22))
        assert wired.sent[2:] == [bytes.fromhex("0c 03 00 2c 00")]
        wired.feed("0d " + part(44, 5))
        assert outcome.result == bytes(range(49))

    @pytest.mark.parametrize(
        "end",
        ["0d", "01 0c 00 00 06"]
        + [f"01 0c 03 00 {code}" for code in ("01", "07", "0b", "0e", "80")],
    )
    def test_ends_of_a_value_that_fills_its_responses(self, wired: Wired, end: str) -> None:
        outcome = wired.start(wired.bearer.client.read(3))
        wired.feed("0b " + part(0, 22), end)
        assert outcome.result == bytes(range(22))

    def test_errors(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.read(3))
        wired.feed("01 0a 03 00 02")
        assert isinstance(outcome.error, AttError) and outcome.error.code == 2

    @pytest.mark.parametrize("code", [0x05, 0x08, 0x0C, 0x0F])
    def test_a_part_that_needs_security_is_an_error(self, wired: Wired, code: int) -> None:
        outcome = wired.start(wired.bearer.client.read(3))
        wired.feed("0b " + part(0, 22), f"01 0c 03 00 {code:02x}")
        assert isinstance(outcome.error, AttError) and outcome.error.code == code

    def test_a_value_without_an_end_is_cut_at_512_octets(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.read(3))
        wired.feed("0b " + part(0, 22))
        for _ in range(23):
            assert outcome.pending
            wired.feed("0d " + part(0, 22))
        assert len(outcome.result) == 512

    def test_handle_0_is_refused_without_asking(self, wired: Wired) -> None:
        for procedure in (wired.bearer.client.read(0), wired.bearer.client.write(0, b"")):
            error = wired.start(procedure).error
            assert isinstance(error, AttError) and error.code == 1
        assert wired.sent == []


class TestWrite:
    def test_short(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.write(3, b"x" * 20))
        assert wired.take() == "12 03 00 " + (b"x" * 20).hex(" ")
        assert outcome.pending
        wired.feed("13")
        assert outcome.result is None

    def test_refused(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.write(3, b"x"))
        wired.feed("01 12 03 00 05")
        assert isinstance(outcome.error, AttError) and outcome.error.code == 5

    def test_malformed_response(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.write(3, b"x"))
        wired.feed("13 00")
        assert isinstance(outcome.error, ProtocolViolation)

    def test_long(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.write(3, bytes(range(21))))
        assert wired.sent[-1].hex(" ") == "16 03 00 00 00 " + part(0, 18)
        wired.feed("17 03 00 00 00 " + part(0, 18))
        assert wired.sent[-1].hex(" ") == "16 03 00 12 00 12 13 14"
        wired.feed("17 03 00 12 00 12 13 14")
        assert wired.sent[-1].hex(" ") == "18 01"
        assert outcome.pending
        wired.feed("19")
        assert outcome.result is None and len(wired.sent) == 3

    @pytest.mark.parametrize(
        "echo",
        ["17", "17 03 00 00 00", "17 04 00 00 00 " + part(0, 18), "17 03 00 00 00 " + part(1, 18)],
    )
    def test_what_was_queued_is_compared(self, wired: Wired, echo: str) -> None:
        outcome = wired.start(wired.bearer.client.write(3, bytes(range(21))))
        wired.feed(echo)
        assert wired.sent[-1].hex(" ") == "18 00"
        wired.feed("19")
        assert isinstance(outcome.error, ProtocolViolation)

    @pytest.mark.parametrize("cancelled", ["19", "01 18 00 00 06", "19 00"])
    def test_a_refused_part_cancels_the_queue(self, wired: Wired, cancelled: str) -> None:
        outcome = wired.start(wired.bearer.client.write(3, bytes(21)))
        wired.feed("01 16 03 00 09")
        assert wired.sent[-1].hex(" ") == "18 00"
        wired.feed(cancelled)
        assert isinstance(outcome.error, AttError) and outcome.error.code == 9

    def test_refused_at_execution(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.write(3, bytes(18) + b"xyz"))
        wired.feed("17 03 00 00 00" + "00" * 18, "17 03 00 12 00 78 79 7a", "01 18 03 00 0d")
        assert isinstance(outcome.error, AttError) and outcome.error.code == 0x0D

    def test_more_than_any_value_can_be(self, wired: Wired) -> None:
        outcome = wired.start(wired.bearer.client.write(3, bytes(513)))
        assert isinstance(outcome.error, AttError) and outcome.error.code == 0x0D
        assert wired.sent == []


def test_subscribe(wired: Wired) -> None:
    for notify, indicate, bits in ((True, False, "01"), (False, True, "02"), (False, False, "00")):
        outcome = wired.start(subscribe(3, notify, indicate, wired.bearer))
        assert wired.take() == f"12 03 00 {bits} 00"
        wired.feed("13")
        assert outcome.result is None


@pytest.mark.parametrize("mtu", [23, 24, 64, 185, 247, 512, 517])
def test_every_length_goes_there_and_back(mtu: int) -> None:
    server = published()
    characteristic = add_characteristic(
        server,
        add_service(server, 0x1810),
        0x2A37,
        Properties.READ | Properties.WRITE,
        max_length=512,
    )
    loop = Loop(server)
    loop.server.received(b"\x02" + mtu.to_bytes(2, "little"))
    loop.wire.clear()
    loop.client._server.mtu = mtu
    lengths = {0, 1, 512, 511} | {k * (mtu - 1) + d for k in (1, 2) for d in (-4, -3, -2, -1, 0, 1)}
    for length in sorted(length for length in lengths if length <= 512):
        value = bytes(index % 251 for index in range(length))
        loop.run(loop.gatt.write(characteristic.handle, value))
        assert characteristic.value == value
        assert loop.run(loop.gatt.read(characteristic.handle)) == value
    assert max(map(len, loop.trace)) <= mtu
