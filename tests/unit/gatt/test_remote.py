"""Values that a peer sends, and its Service Changed."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from bleio.att.counters import Counters
from bleio.core.codes import Properties
from bleio.core.uuid import uuid16
from bleio.errors import AttError, ProtocolViolation, TransactionTimeout
from bleio.gatt.model import RemoteService, cccd_of
from bleio.gatt.remote import MAX_DISCOVERY_ATTEMPTS, RemoteTable
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable
from support.bearers import Heard, Loop, Wired, add_characteristic, add_service, published

READ = Properties.READ


class TestValues:
    def test_notifications_and_indications(self) -> None:
        wired, first, second = Wired(), Heard(), Heard()
        wired.bearer.client.remote.listen(5, first)
        wired.bearer.client.remote.listen(5, second)
        wired.bearer.client.remote.listen(5, second)
        wired.feed("1b 05 00 61", "1d 05 00 62", "1b 05 00")
        expected = [("notified", b"a"), ("notified", b"b"), ("notified", b"")]
        assert first.events == second.events == expected
        assert wired.sent == [b"\x1e"]

    def test_unheard_ones_are_counted_and_indications_confirmed(self) -> None:
        wired, heard = Wired(), Heard()
        wired.bearer.client.remote.listen(5, heard)
        wired.bearer.client.remote.unlisten(5, heard)
        wired.bearer.client.remote.unlisten(5, heard)
        wired.bearer.client.remote.unlisten(6, heard)
        wired.feed("1b 05 00 61", "1d 06 00 61")
        assert heard.events == [] and wired.sent == [b"\x1e"]
        assert wired.bearer.counters.unheard_values == 2

    @pytest.mark.parametrize("pdu", ["1b", "1b 05", "1d", "1d 05"])
    def test_truncated(self, pdu: str) -> None:
        wired = Wired()
        wired.feed(pdu)
        assert wired.bearer.counters.malformed == 1
        assert wired.sent == ([b"\x1e"] if pdu[:2] == "1d" else [])

    def test_nobody_hears_handle_0(self) -> None:
        """Objects that Service Changed made invalid have it, and a peer may well send it."""
        wired, heard = Wired(), Heard()
        wired.bearer.client.remote.listen(0, heard)
        wired.feed("1b 00 00 61", "1d 00 00 61", "23 00 00 01 00 61 00 00 00 00")
        assert heard.events == [] and wired.bearer.counters.malformed == 4
        wired.bearer.closed(0x13)
        assert heard.events == [("closed",)]

    def test_several_in_one(self) -> None:
        wired, heard = Wired(), Heard()
        wired.bearer.client.remote.listen(5, heard)
        wired.bearer.client.remote.listen(6, heard)
        wired.feed("23 05 00 02 00 61 62 06 00 00 00 05 00 01 00 63")
        assert heard.events == [("notified", b"ab"), ("notified", b""), ("notified", b"c")]
        wired.feed("23 05 00 02 00 61")  # its length lies
        assert len(heard.events) == 3 and wired.bearer.counters.malformed == 1

    def test_a_listener_may_leave_while_it_hears(self) -> None:
        wired, second = Wired(), Heard()

        class Leaving(Heard):
            def notified(self, value: bytes) -> None:
                super().notified(value)
                wired.bearer.client.remote.unlisten(5, self)

        first = Leaving()
        wired.bearer.client.remote.listen(5, first)
        wired.bearer.client.remote.listen(5, second)
        wired.feed("1b 05 00 61", "1b 05 00 62")
        assert len(first.events) == 1 and len(second.events) == 2

    def test_the_end_is_told_once_to_each(self) -> None:
        wired, heard = Wired(), Heard()
        wired.bearer.client.remote.listen(5, heard)
        wired.bearer.client.remote.listen(6, heard)
        wired.bearer.closed(0x08)
        wired.bearer.closed(0x08)
        wired.feed("1b 05 00 61")
        assert heard.events == [("closed",)]


@pytest.fixture
def server() -> LocalServer:
    server = published("Peer")
    for uuid in (0x1810, 0x1811):
        add_characteristic(server, add_service(server, uuid), 0x2A37, READ, value=b"v")
    return server


class TestNotifiedAndIndicated:
    """Listeners are told when a peer may send each value twice."""

    def test_only_while_both_are_on(self, server: LocalServer) -> None:
        service = server.services[0]
        add_characteristic(server, service, 0x2A38, Properties.NOTIFY | Properties.INDICATE)
        loop, heard = Loop(server), Heard()
        (found,) = loop.run(loop.gatt.discover([uuid16(0x1810)]))
        *_, characteristic = found.characteristics
        cccd = cccd_of(characteristic)
        assert cccd is not None
        loop.gatt.remote.listen(characteristic.handle, heard)
        handle = characteristic.handle.to_bytes(2, "little")
        for bits in (b"\x03\0", b"\x01\0", b"\x03\0", b"\x02\0", b"\x03\0", b"\0\0"):
            loop.run(loop.gatt.write(cccd.handle, bits))
            loop.client.received(b"\x1b" + handle + b"n")
            loop.client.received(b"\x1d" + handle + b"i")
        both = [("doubled", b"n", False), ("doubled", b"i", True)]
        one = [("notified", b"n"), ("notified", b"i")]
        assert heard.events == (both + one) * 3


class TestServiceChanged:
    def found(self, loop: Loop) -> list[RemoteService]:
        services: list[RemoteService] = loop.run(loop.gatt.discover(None))
        return services

    def test_the_first_discovery_subscribes(self, server: LocalServer) -> None:
        loop = Loop(server)
        self.found(loop)
        assert loop.server.subscription(AttributeTable.of(server).service_changed) == (False, True)
        writes = [pdu for pdu in loop.trace if pdu[0] == 0x12]
        self.found(loop)
        assert [pdu for pdu in loop.trace if pdu[0] == 0x12] == writes
        assert len(writes) == 1

    @pytest.mark.parametrize(("code", "asks_again"), [(0x0A, False), (0x05, True), (0x0E, True)])
    def test_a_peer_that_refuses_to_say_is_asked_again(self, code: int, asks_again: bool) -> None:
        remote, wired = RemoteTable(Counters()), Wired()
        asked = []
        for error in (AttError(code), AttError(0x0A)):
            discovering = remote.discover(None, wired.bearer)
            asked.append(next(discovering)[0] == 0x06)  # Find By Type Value
            with pytest.raises(StopIteration):
                while True:
                    discovering.throw(error)
                    error = AttError(0x0A)
        assert asked == [True, asks_again]

    def test_what_was_found_in_the_range_becomes_invalid(self, server: LocalServer) -> None:
        loop = Loop(server)
        *_, first, second = self.found(loop)
        old_handle, heard = first.characteristics[0].handle, Heard()
        loop.gatt.remote.listen(old_handle, heard)
        server.remove_service(server.services[0])
        loop.pump()
        assert (first.handle, first.characteristics[0].handle) == (0, 0)
        assert second.handle != 0
        assert loop.run(loop.gatt.read(second.characteristics[0].handle)) == b"v"
        error = loop.outcome(loop.gatt.read(first.characteristics[0].handle)).error
        assert isinstance(error, AttError) and error.code == 1
        loop.client.received(b"\x1b" + old_handle.to_bytes(2, "little"))
        assert heard.events == []

    def test_a_moved_service_is_found_again(self, server: LocalServer) -> None:
        loop = Loop(server)
        *_, first, _ = self.found(loop)
        add_characteristic(server, server.services[0], 0x2A38, READ)
        loop.pump()
        assert first.handle == 0
        again = {service.uuid: service for service in self.found(loop)}[uuid16(0x1810)]
        assert [item.uuid for item in again.characteristics] == [uuid16(0x2A37), uuid16(0x2A38)]

    def test_who_holds_a_characteristic_only_is_told_too(self, server: LocalServer) -> None:
        loop = Loop(server)
        characteristic = self.found(loop)[-1].characteristics[0]
        gc.collect()
        assert characteristic.handle != 0
        server.remove_service(server.services[1])
        loop.pump()
        assert characteristic.handle == 0

    def test_a_handle_with_another_meaning_tells_of_a_change_too(self, server: LocalServer) -> None:
        loop, heard = Loop(server), Heard()
        *_, first, second = self.found(loop)
        old_handle = second.characteristics[0].handle
        loop.gatt.remote.listen(old_handle, heard)
        other = published("Peer")
        for uuid in (0x1810, 0x1812):
            add_characteristic(other, add_service(other, uuid), 0x2A37, READ)
        loop.server = loop._bearer(other, True)  # it has not told
        *_, third = self.found(loop)
        assert third.characteristics[0].handle == old_handle
        assert (second.handle, second.characteristics[0].handle) == (0, 0)
        assert first.handle != 0
        loop.client.received(b"\x1b" + old_handle.to_bytes(2, "little"))
        assert heard.events == []

    def test_what_nobody_holds_any_more_is_not_kept(self, server: LocalServer) -> None:
        loop = Loop(server)
        self.found(loop)
        gc.collect()
        assert len(loop.gatt.remote._found) == 0

    def test_a_change_during_discovery_starts_it_anew(self, server: LocalServer) -> None:
        loop = Loop(server)
        self.found(loop)
        results: list[Any] = []
        loop.gatt.att.run(loop.gatt.discover(None), lambda *call: results.append(call))
        loop.server.received(loop.wire.popleft()[1])  # the first answer is on its way ...
        add_service(server, 0x1812)  # ... and already wrong
        loop.pump()
        ((services, error),) = results
        assert error is None
        assert uuid16(0x1812) in {service.uuid for service in services}

    def test_a_table_that_never_rests(self, server: LocalServer) -> None:
        loop = Loop(server)
        self.found(loop)
        results: list[Any] = []
        loop.gatt.att.run(loop.gatt.discover(None), lambda *call: results.append(call))
        starts = 0
        while loop.wire:
            from_server, pdu = loop.wire.popleft()
            if pdu[:3] == b"\x10\x01\x00":
                starts += 1
                loop.client.received(b"\x1d\x08\x00\x01\x00\xff\xff")
            (loop.client if from_server else loop.server).received(pdu)
        ((_, error),) = results
        assert isinstance(error, ProtocolViolation) and starts == MAX_DISCOVERY_ATTEMPTS

    def test_a_program_may_listen_to_it_too(self, server: LocalServer) -> None:
        loop, heard = Loop(server), Heard()
        found = self.found(loop)
        loop.gatt.remote.listen(AttributeTable.of(server).service_changed.handle, heard)
        server.remove_service(server.services[0])
        loop.pump()
        assert heard.events == [("notified", bytes.fromhex("10 00 12 00"))]
        assert found[2].handle == 0

    def test_it_may_itself_have_moved(self, server: LocalServer) -> None:
        loop = Loop(server)
        self.found(loop)
        loop.client.received(bytes.fromhex("1d 08 00 01 00 ff ff"))
        loop.pump()
        self.found(loop)
        assert sum(pdu[0] == 0x12 for pdu in loop.trace) == 2  # found and subscribed again

    def test_an_interrupted_subscription_is_tried_again(self) -> None:
        wired = Wired()
        outcome = wired.start(wired.bearer.client.discover(None), step_limit_s=20)
        wired.timers.advance(20)
        assert isinstance(outcome.error, TransactionTimeout)
        wired.feed("07 01 00 05 00")  # too late for it
        wired.start(wired.bearer.client.discover(None))
        assert wired.sent[-1][0] == 0x06

    def test_a_malformed_one_is_counted(self, server: LocalServer) -> None:
        loop = Loop(server)
        self.found(loop)
        loop.client.received(bytes.fromhex("1d 08 00 01 00 ff"))
        assert loop.client.counters.malformed == 1

    def test_a_peer_that_refuses_the_subscription_can_be_discovered(self) -> None:
        wired = Wired()
        outcome = wired.start(wired.bearer.client.discover(None))
        wired.feed("07 01 00 05 00", "09 07 02 00 20 03 00 05 2a", "01 08 04 00 0a")
        wired.feed("05 01 04 00 02 29", "01 04 05 00 0a")
        assert wired.sent[-1].hex(" ") == "12 04 00 02 00"
        wired.feed("01 12 04 00 05", "01 10 01 00 0a")
        assert outcome.result == []
