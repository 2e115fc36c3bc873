"""One bearer: CCCDs, notifications, indications, MTU, and its end."""

from __future__ import annotations

import pytest

from bleio.core.codes import Properties, SecurityMode
from bleio.core.security import LinkSecurity
from bleio.errors import CallerError, LinkLost, TransactionTimeout
from bleio.gatt.model import LocalCharacteristic
from bleio.gatt.table import AttributeTable
from support.bearers import Heard, Wired, add_characteristic, add_service, published

NOTIFY, INDICATE, READ = Properties.NOTIFY, Properties.INDICATE, Properties.READ


def serve(properties: Properties, **options: object) -> tuple[Wired, LocalCharacteristic, Heard]:
    """One characteristic, value at 0x0012 and CCCD at 0x0013, a listener and a client."""
    server = published("Test")
    characteristic = add_characteristic(
        server, add_service(server, 0x1810), 0x2A37, properties, **options
    )
    assert (characteristic.handle, characteristic.cccd_handle) == (0x12, 0x13)
    heard = Heard()
    characteristic.listeners.append(heard)
    return Wired(server), characteristic, heard


class TestCccd:
    def test_subscribing(self) -> None:
        wired, characteristic, heard = serve(NOTIFY | INDICATE)
        assert wired.ask("0a 13 00") == "0b 00 00"
        for bits in (1, 2, 3, 0):
            assert wired.ask(f"12 13 00 {bits:02x} 00") == "13"
            assert wired.ask("0a 13 00") == f"0b {bits:02x} 00"
            assert wired.bearer.subscription(characteristic) == (bool(bits & 1), bool(bits & 2))
            assert heard.events.pop() == ("subscribed", bool(bits & 1), bool(bits & 2))
        assert heard.events == []

    def test_writing_the_same_again_tells_nobody(self) -> None:
        wired, _, heard = serve(NOTIFY)
        wired.feed("12 13 00 01 00", "12 13 00 01 00")
        assert len(heard.events) == 1

    def test_each_client_has_its_own(self) -> None:
        wired, characteristic, _ = serve(NOTIFY)
        other = Wired(wired.server)
        wired.feed("12 13 00 01 00")
        assert other.ask("0a 13 00") == "0b 00 00"
        assert other.bearer.subscription(characteristic) == (False, False)

    @pytest.mark.parametrize(
        ("properties", "value", "answer"),
        [
            (NOTIFY, "02 00", "01 12 13 00 fd"),
            (NOTIFY, "03 00", "01 12 13 00 fd"),
            (INDICATE, "01 00", "01 12 13 00 fd"),
            (NOTIFY, "01", "01 12 13 00 0d"),
            (NOTIFY, "", "01 12 13 00 0d"),
            (NOTIFY, "01 00 00", "01 12 13 00 0d"),
            (NOTIFY, "fd ff", "13"),  # bits without a meaning are ignored
        ],
    )
    def test_improper_values(self, properties: Properties, value: str, answer: str) -> None:
        wired, _, _ = serve(properties)
        assert wired.ask(f"12 13 00 {value}") == answer
        assert wired.ask("0a 13 00") == ("0b 01 00" if answer == "13" else "0b 00 00")

    def test_open_to_read_but_written_only_by_who_may_read_the_value(self) -> None:
        wired, _, _ = serve(NOTIFY | READ, read_perm=SecurityMode.ENCRYPT_NO_MITM)
        assert wired.ask("0a 13 00") == "0b 00 00"
        assert wired.ask("12 13 00 01 00") == "01 12 13 00 05"
        wired.security.encrypted, wired.security.key_size = True, 16
        assert wired.ask("12 13 00 01 00") == "13"

    def test_by_command_too_under_the_same_conditions(self) -> None:
        wired, _, heard = serve(NOTIFY | READ, read_perm=SecurityMode.ENCRYPT_NO_MITM)
        wired.feed("52 13 00 01 00")
        assert heard.events == [] and wired.sent == []
        wired.security.encrypted, wired.security.key_size = True, 16
        wired.feed("52 13 00 02 00", "52 13 00 01")  # not what it can do, not what it is
        assert heard.events == []
        wired.feed("52 13 00 01 00")
        assert heard.events == [("subscribed", True, False)] and wired.sent == []

    def test_no_cccd_without_notify_or_indicate(self) -> None:
        server = published()
        characteristic = add_characteristic(server, add_service(server, 0x1810), 0x2A37, READ)
        assert characteristic.cccd_handle == 0
        assert AttributeTable.of(server).database.get(characteristic.handle + 1) is None

    def test_the_link_ends_it(self) -> None:
        wired, characteristic, heard = serve(NOTIFY)
        wired.feed("12 13 00 01 00")
        wired.bearer.closed(0x08)
        assert heard.events == [
            ("subscribed", True, False),
            ("subscribed", False, False),
            ("closed",),
        ]
        assert wired.bearer.subscription(characteristic) == (False, False)
        wired.bearer.closed(0x08)
        assert len(heard.events) == 3

    def test_removing_the_characteristic_ends_it(self) -> None:
        wired, _, heard = serve(NOTIFY)
        wired.feed("12 13 00 01 00")
        wired.server.remove_service(wired.server.services[0])
        assert heard.events[1:] == [("subscribed", False, False)]
        assert wired.bearer.subscriptions() == {}

    def test_it_moves_with_its_service(self) -> None:
        wired, characteristic, _ = serve(NOTIFY)
        wired.feed("12 13 00 01 00")
        add_service(wired.server, 0x1811)
        add_characteristic(wired.server, wired.server.services[0], 0x2A38, READ)
        assert characteristic.cccd_handle != 0x13
        assert wired.ask(f"0a {characteristic.cccd_handle:02x} 00") == "0b 01 00"

    def test_storing_and_restoring(self) -> None:
        wired, characteristic, heard = serve(NOTIFY | INDICATE)
        wired.feed("12 13 00 02 00")
        stored = wired.bearer.subscriptions()
        assert stored == {0x13: 2}
        wired.bearer.closed(0x13)
        del heard.events[:]
        again = Wired(wired.server)
        again.bearer.restore({**stored, 0x77: 1, 0: 1})
        assert again.bearer.subscription(characteristic) == (False, True)
        assert again.bearer.subscriptions() == stored
        assert heard.events == [("subscribed", False, True)]


class TestWrites:
    def test_listeners_hear_each_kind(self) -> None:
        wired, characteristic, heard = serve(
            Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE | NOTIFY
        )
        wired.feed("12 12 00 61", "52 12 00 62", "16 12 00 00 00 63", "16 12 00 01 00 64", "18 01")
        assert heard.events == [("written", b"a"), ("written", b"b"), ("written", b"cd")]
        assert characteristic.value == b"cd"

    def test_the_link_ends_prepared_writes(self) -> None:
        wired, characteristic, _ = serve(Properties.WRITE | NOTIFY)
        wired.feed("16 12 00 00 00 63")
        wired.bearer.closed(0x13)
        wired.feed("18 01")
        assert characteristic.value == b""
        assert wired.sent[1:] == []

    def test_prepared_writes_of_one_client_are_not_another_ones(self) -> None:
        wired, characteristic, _ = serve(Properties.WRITE | NOTIFY)
        other = Wired(wired.server)
        wired.feed("16 12 00 00 00 63")
        other.feed("18 01")
        assert characteristic.value == b""
        wired.feed("18 01")
        assert characteristic.value == b"c"

    def test_a_listener_that_fails_ends_the_bearer_and_is_not_hidden(self) -> None:
        wired, _, heard = serve(Properties.WRITE | NOTIFY)

        def fail(link: object, value: bytes) -> None:
            raise ZeroDivisionError

        heard.written = fail  # type: ignore[method-assign]
        wired.feed("12 12 00 61")
        assert [type(error) for error in wired.deaths] == [ZeroDivisionError]
        assert wired.bearer.dead


class TestNotifications:
    def test_cut_at_the_mtu(self) -> None:
        wired, characteristic, _ = serve(NOTIFY)
        wired.bearer.teller.notify(characteristic.handle, bytes(range(30)))
        assert wired.take() == "1b 12 00 " + bytes(range(20)).hex(" ")
        wired.feed("02 1e 00")
        wired.take()
        wired.bearer.teller.notify(characteristic.handle, bytes(range(30)))
        assert wired.take() == "1b 12 00 " + bytes(range(27)).hex(" ")

    def test_nothing_after_the_end(self) -> None:
        wired, characteristic, _ = serve(NOTIFY)
        wired.bearer.closed(0x13)
        wired.bearer.teller.notify(characteristic.handle, b"x")
        assert wired.sent == []


class TestIndications:
    def indicate(self, wired: Wired, value: bytes) -> list[Exception | None]:
        done: list[Exception | None] = []
        wired.bearer.teller.indicate(0x12, value, done.append)
        return done

    def test_one_at_a_time_each_confirmed(self) -> None:
        wired, _, _ = serve(INDICATE)
        first, second = self.indicate(wired, b"1"), self.indicate(wired, b"2" * 30)
        assert wired.take() == "1d 12 00 31" and not wired.sent
        wired.feed("1e")
        assert (first, second) == ([None], [])
        assert wired.take() == "1d 12 00 " + (b"2" * 20).hex(" ")
        wired.feed("1e")
        assert second == [None] and len(wired.timers) == 0

    def test_one_that_waited_is_withheld_if_the_link_has_lost_its_security(self) -> None:
        wired, _, _ = serve(INDICATE, read_perm=SecurityMode.ENCRYPT_NO_MITM)
        wired.security.encrypted, wired.security.key_size = True, 16
        done = [self.indicate(wired, value) for value in (b"1", b"2", b"3")]
        assert wired.take() == "1d 12 00 31"
        wired.security.encrypted = False
        wired.feed("1e")
        assert done == [[None], [None], [None]]
        assert wired.sent == [] and len(wired.timers) == 0
        assert wired.bearer.counters.insecure_values == 2

    def test_confirmations_nobody_waits_for(self) -> None:
        wired, _, _ = serve(INDICATE)
        wired.feed("1e", "1e")
        assert wired.bearer.counters.unsolicited_confirmations == 2
        first = self.indicate(wired, b"1")
        assert first == []

    def test_no_confirmation_within_30_seconds(self) -> None:
        wired, _, _ = serve(INDICATE)
        first, second = self.indicate(wired, b"1"), self.indicate(wired, b"2")
        wired.timers.advance(29.9)
        assert wired.deaths == []
        wired.timers.advance(0.2)
        assert isinstance(first[0], TransactionTimeout)
        assert isinstance(second[0], TransactionTimeout)
        assert len(wired.deaths) == 1
        assert isinstance(self.indicate(wired, b"3")[0], TransactionTimeout)
        assert wired.ask("0a 03 00") == ""  # no more PDUs on this bearer

    def test_the_link_ends_it(self) -> None:
        wired, _, _ = serve(INDICATE)
        first = self.indicate(wired, b"1")
        wired.bearer.closed(0x08)
        (error,) = first
        assert isinstance(error, LinkLost) and error.reason == 0x08
        assert wired.deaths == [] and len(wired.timers) == 0

    def test_service_changed_ranges_are_merged_and_go_first(self) -> None:
        wired, _, _ = serve(INDICATE)
        wired.feed("12 09 00 02 00")
        wired.take()
        first, second = self.indicate(wired, b"1"), self.indicate(wired, b"2")
        for uuid in range(0x1811, 0x1821):
            add_service(wired.server, uuid)
        assert wired.take() == "1d 12 00 31"
        wired.feed("1e")
        assert wired.take() == "1d 08 00 14 00 23 00"
        wired.feed("1e")
        assert wired.take() == "1d 12 00 32"
        wired.feed("1e")
        assert first == second == [None] and wired.sent == []


class TestMtu:
    def test_our_own_request_offers_512(self) -> None:
        wired = Wired()
        outcome = wired.start(wired.bearer.client.exchange_mtu())
        assert wired.take() == "02 00 02"
        assert wired.bearer.mtu == 23
        wired.feed("03 05 02")
        assert outcome.result == wired.bearer.mtu == 512

    def test_both_directions_offer_the_same(self) -> None:
        wired = Wired()
        wired.start(wired.bearer.client.exchange_mtu())
        wired.take()
        assert wired.ask("02 05 02") == "03 00 02"
        other = Wired()
        assert other.ask("02 05 02") == "03 05 02"
        other.start(other.bearer.client.exchange_mtu())
        assert other.sent == [b"\x02\x05\x02"]

    def test_it_grows_once_whoever_asks_first(self) -> None:
        """A peer that breaks the rule changes no length that a program was told."""
        we_first = Wired()
        we_first.start(we_first.bearer.client.exchange_mtu())
        we_first.feed("03 00 01")
        we_first.take()
        for again in ("02 17 00", "02 05 02"):
            assert we_first.ask(again) == "03 00 02"
            assert we_first.bearer.mtu == 256
        peer_first = Wired()
        peer_first.ask("02 00 01")
        for answer in ("03 17 00", "03 05 02"):
            outcome = peer_first.start(peer_first.bearer.client.exchange_mtu())
            peer_first.feed(answer)
            assert outcome.result == peer_first.bearer.mtu == 256

    def test_it_can_still_grow_when_the_first_exchange_was_for_23(self) -> None:
        wired = Wired()
        wired.start(wired.bearer.client.exchange_mtu())
        wired.feed("03 17 00")
        assert wired.bearer.mtu == 23
        wired.ask("02 00 01")
        assert wired.bearer.mtu == 256

    def test_small_and_wrong_answers(self) -> None:
        for answer, mtu in (("03 40 00", 64), ("03 05 00", 23), ("01 02 00 00 06", 23)):
            wired = Wired()
            outcome = wired.start(wired.bearer.client.exchange_mtu())
            wired.feed(answer)
            assert outcome.result == wired.bearer.mtu == mtu
        wired = Wired()
        outcome = wired.start(wired.bearer.client.exchange_mtu())
        wired.feed("03 40")
        assert outcome.error and wired.bearer.mtu == 23


class TestEnd:
    def test_request_time_out_ends_the_bearer_once(self) -> None:
        wired = Wired()
        outcome = wired.start(wired.bearer.client.read(3))
        wired.timers.advance(30)
        assert isinstance(outcome.error, TransactionTimeout)
        assert [type(error) for error in wired.deaths] == [TransactionTimeout]
        assert wired.bearer.dead
        wired.timers.advance(100)
        wired.bearer.closed(0x16)
        assert len(wired.deaths) == 1

    def test_closing_fails_what_runs(self) -> None:
        wired = Wired()
        outcome = wired.start(wired.bearer.client.read(3))
        wired.bearer.closed(0x3E)
        assert isinstance(outcome.error, LinkLost) and outcome.error.reason == 0x3E
        with pytest.raises(LinkLost):
            wired.bearer.client.write_command(3, b"")

    def test_what_is_no_pdu(self) -> None:
        wired = Wired()
        wired.feed("")
        assert wired.ask(b"\x0a" * 518) == ""
        assert wired.bearer.counters.malformed == 2


def test_write_command() -> None:
    wired = Wired()
    wired.bearer.client.write_command(0x1234, b"x" * 20)
    assert wired.take() == "52 34 12 " + (b"x" * 20).hex(" ")
    with pytest.raises(CallerError):
        wired.bearer.client.write_command(0x1234, b"x" * 21)
    assert wired.sent == []


def test_links_of_one_server_have_each_their_security() -> None:
    wired, _, _ = serve(READ | NOTIFY, read_perm=SecurityMode.ENCRYPT_NO_MITM, value=b"v")
    other = Wired(wired.server, LinkSecurity(encrypted=True, key_size=16))
    assert wired.ask("0a 12 00") == "01 0a 12 00 05"
    assert other.ask("0a 12 00") == "0b 76"
