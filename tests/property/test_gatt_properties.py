"""Properties of the engine over inputs that hypothesis looks for."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bleio.core.codes import Properties
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable
from support.att_checker import check_answer
from support.bearers import Loop, Wired, add_characteristic, add_service, published

READ_WRITE = Properties.READ | Properties.WRITE


def small_server() -> tuple[LocalServer, LocalCharacteristic]:
    server = published("Property")
    service = add_service(server, 0x1810)
    characteristic = add_characteristic(
        server, service, 0x2A37, READ_WRITE | Properties.NOTIFY, max_length=512
    )
    add_characteristic(server, service, bytes(range(16)), READ_WRITE)
    return server, characteristic


@given(st.lists(st.binary(max_size=600), max_size=20))
@settings(deadline=None)
def test_any_bytes_get_a_valid_answer_or_none(pdus: list[bytes]) -> None:
    wired = Wired(small_server()[0])
    for pdu in pdus:
        del wired.sent[:]
        wired.bearer.received(pdu)
        assert check_answer(pdu, wired.sent, wired.bearer.mtu) == ""
    assert wired.deaths == []


@given(st.binary(max_size=512), st.integers(23, 517))
@settings(deadline=None)
def test_what_is_written_is_read_back(value: bytes, mtu: int) -> None:
    server, characteristic = small_server()
    loop = Loop(server)
    loop.server.received(b"\x02" + mtu.to_bytes(2, "little"))
    loop.wire.clear()
    loop.client._server.mtu = loop.server.mtu
    loop.run(loop.gatt.write(characteristic.handle, value))
    assert loop.run(loop.gatt.read(characteristic.handle)) == value


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=18)), max_size=12))
@settings(deadline=None)
def test_prepared_parts_do_what_writing_them_in_turn_does(parts: list[tuple[int, bytes]]) -> None:
    server, characteristic = small_server()
    characteristic.value = b"0123456789"
    expected: bytes | None = characteristic.value
    wired = Wired(server)
    for offset, part in parts:
        handle = characteristic.handle.to_bytes(2, "little")
        wired.bearer.received(b"\x16" + handle + offset.to_bytes(2, "little") + part)
        if expected is not None:
            base = b"" if offset == 0 else expected
            fits = offset <= len(base)
            expected = base[:offset] + part + base[offset + len(part) :] if fits else None
    answer = wired.ask("18 01")
    if expected is None:
        assert answer == f"01 18 {characteristic.handle:02x} 00 07"
        expected = b"0123456789"
    assert characteristic.value == expected


class Table(RuleBasedStateMachine):
    """Any sequence of changes, with and without a client: the table stays in order, the client
    learns of every change, and what discovery finds is what there is."""

    @initialize()
    def start(self) -> None:
        self.server = published("Table")
        self.loop: Loop | None = None
        self.told: list[tuple[int, int]] = []

    @rule()
    @precondition(lambda self: self.loop is None)
    def connect(self) -> None:
        self.loop = Loop(self.server)
        self.loop.run(self.loop.gatt.discover([uuid16(0xFFFF)]))  # subscribes
        remote = self.loop.gatt.remote
        original = remote._service_changed

        def changed(value: bytes) -> None:
            self.told.append((value[0] | value[1] << 8, value[2] | value[3] << 8))
            original(value)

        remote._service_changed = changed  # type: ignore[method-assign]

    @rule()
    @precondition(lambda self: self.loop is not None)
    def disconnect(self) -> None:
        assert self.loop is not None
        self.loop.server.closed(0x13)
        self.loop = None

    @rule(count=st.integers(0, 3))
    def add_service(self, count: int) -> None:
        service = LocalService(uuid16(0x1810 + len(self.server.services)))
        for _ in range(count):
            service.characteristics.append(LocalCharacteristic(uuid16(0x2A37), READ_WRITE))
        self.change(lambda: self.server.add_service(service))

    @rule(which=st.integers(0, 9), notify=st.booleans())
    @precondition(lambda self: self.server.services)
    def add_characteristic(self, which: int, notify: bool) -> None:
        service = self.server.services[which % len(self.server.services)]
        properties = Properties.NOTIFY if notify else Properties.READ
        characteristic = LocalCharacteristic(uuid16(0x2A38), properties)
        self.change(lambda: self.server.add_characteristic(service, characteristic))

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self.characteristics())
    def add_descriptor(self, which: int) -> None:
        every = self.characteristics()
        self.change(
            lambda: self.server.add_descriptor(
                every[which % len(every)], LocalDescriptor(uuid16(0x2904))
            )
        )

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self.server.services)
    def remove_service(self, which: int) -> None:
        service = self.server.services[which % len(self.server.services)]
        self.change(lambda: self.server.remove_service(service))

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self.characteristics())
    def remove_characteristic(self, which: int) -> None:
        every = self.characteristics()
        characteristic = every[which % len(every)]
        (service,) = (one for one in self.server.services if characteristic in one.characteristics)
        self.change(lambda: self.server.remove_characteristic(service, characteristic))

    def characteristics(self) -> list[LocalCharacteristic]:
        return [one for service in self.server.services for one in service.characteristics]

    def handles(self) -> dict[int, bytes]:
        database = AttributeTable.of(self.server).database
        return {entry.handle: entry.type for entry in database}

    def change(self, change: object) -> None:
        before = self.handles()
        self.told = []
        change()  # type: ignore[operator]
        if self.loop is None:
            return
        self.loop.pump()
        after = self.handles()
        different = {handle for handle in before | after if before.get(handle) != after.get(handle)}
        assert self.told
        for handle in different:
            assert any(start <= handle <= end for start, end in self.told)
        for handle in before.keys() & after.keys():
            assert before[handle] == after[handle]  # no handle gets another meaning in place

    @invariant()
    def in_order(self) -> None:
        last = 0
        for attribute in AttributeTable.of(self.server).database:
            assert attribute.handle > last
            last = attribute.handle
        spans = sorted((one.handle, one.end_handle) for one in self.server.services)
        for (_, end), (start, _) in pairwise(spans):
            assert end < start
        for service in self.server.services:
            for characteristic in service.characteristics:
                handles = [characteristic.declaration_handle, characteristic.handle]
                handles += [characteristic.cccd_handle] if characteristic.cccd_handle else []
                handles += [descriptor.handle for descriptor in characteristic.descriptors]
                assert len(set(handles)) == len(handles)
                assert service.handle < min(handles) <= max(handles) <= service.end_handle
                assert min(handles) == handles[0] and handles[1] == handles[0] + 1

    @invariant()
    def discovery_finds_it(self) -> None:
        if self.loop is None:
            return
        found = self.loop.run(self.loop.gatt.discover(None))[2:]
        mine = sorted(self.server.services, key=lambda one: one.handle)
        assert [(one.uuid, one.handle, one.end_handle) for one in found] == [
            (one.uuid, one.handle, one.end_handle) for one in mine
        ]
        for theirs, ours in zip(found, mine, strict=True):
            assert [item.handle for item in theirs.characteristics] == [
                item.handle for item in ours.characteristics
            ]


TestTable = Table.TestCase
TestTable.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)
