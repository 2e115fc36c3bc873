"""The table a client sees: built-in services, handles, and how they change."""

from __future__ import annotations

import pytest

from bleio.core.codes import Properties, SecurityMode
from bleio.core.uuid import uuid16
from bleio.errors import CallerError
from bleio.gatt.layout import Layout
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable
from support.bearers import Wired, add_characteristic, add_service, published

READ, NOTIFY = Properties.READ, Properties.NOTIFY


def rows(server: LocalServer, start: int = 16) -> str:
    """Give handle and type of each user attribute, one word each."""
    return " ".join(
        f"{attribute.handle}:{attribute.type[:2][::-1].hex()}"
        for attribute in AttributeTable.of(server).database
        if attribute.handle >= start
    )


def test_built_in_services() -> None:
    server = published("Name", appearance=0x0341)
    assert rows(server, 1) == (
        "1:2800 2:2803 3:2a00 4:2803 5:2a01 "
        "6:2800 7:2803 8:2a05 9:2902 10:2803 11:2b29 12:2803 13:2b2a 14:2803 15:2b3a"
    )
    assert server.services == []
    wired = Wired(server)
    assert wired.ask("0a 03 00") == "0b 4e 61 6d 65"
    assert wired.ask("0a 05 00") == "0b 41 03"
    assert wired.ask("0a 0f 00") == "0b 00"
    assert wired.ask("0a 02 00") == "0b 02 03 00 00 2a"
    assert wired.ask("0a 07 00") == "0b 20 08 00 05 2a"
    assert wired.ask("0a 08 00") == "01 0a 08 00 02"  # Service Changed is not readable
    for handle in (3, 5, 13, 15):
        assert wired.ask(f"12 {handle:02x} 00 00") == f"01 12 {handle:02x} 00 03"


def test_device_name_is_cut_at_a_character() -> None:
    server = published()
    server.set_device_name("x" + "é" * 124)  # 249 octets
    wired = Wired(server)
    wired.feed("02 05 02")
    answer = bytes.fromhex(wired.ask("0a 03 00"))
    assert answer[1:].decode() == "x" + "é" * 123


def test_a_service_and_what_it_holds() -> None:
    server = published()
    service = add_service(server, 0x180F)
    assert (service.handle, service.end_handle) == (16, 16)
    characteristic = add_characteristic(server, service, 0x2A19, READ | NOTIFY, value=b"d")
    server.add_descriptor(characteristic, LocalDescriptor(uuid16(0x2901), value=b"Level"))
    assert rows(server) == "16:2800 17:2803 18:2a19 19:2902 20:2901"
    assert (service.handle, service.end_handle) == (16, 20)
    wired = Wired(server)
    assert wired.ask("0a 10 00") == "0b 0f 18"
    assert wired.ask("0a 11 00") == "0b 12 12 00 19 2a"
    assert wired.ask("0a 12 00") == "0b 64"
    assert wired.ask("0a 14 00") == "0b 4c 65 76 65 6c"
    # Groups: of services, and of characteristics.
    assert wired.ask("10 10 00 ff ff 00 28") == "11 06 10 00 14 00 0f 18"
    assert wired.ask("06 10 00 ff ff 03 28 12 12 00 19 2a") == "07 11 00 14 00"


def test_secondary_services_are_not_primary() -> None:
    server = published()
    add_service(server, 0x180F, secondary=True)
    wired = Wired(server)
    assert wired.ask("10 10 00 ff ff 00 28") == "01 10 10 00 0a"
    assert wired.ask("10 10 00 ff ff 01 28") == "11 06 10 00 10 00 0f 18"


def test_128_bit_uuids_stay_128_bit() -> None:
    server = published()
    uuid = bytes(range(16))
    service = add_service(server, uuid)
    add_characteristic(server, service, uuid, READ)
    wired = Wired(server)
    wired.feed("02 05 02")
    assert wired.ask("0a 10 00") == "0b " + uuid.hex(" ")
    assert wired.ask("0a 11 00") == "0b 02 12 00 " + uuid.hex(" ")


def test_handles_are_dense_and_in_creation_order_while_nobody_is_connected() -> None:
    server = published()
    first, second = add_service(server, 0x1801), add_service(server, 0x1802)
    early = add_characteristic(server, first, 0x2A01, READ)
    add_characteristic(server, second, 0x2A03, READ)
    add_characteristic(server, first, 0x2A02, NOTIFY)
    server.add_descriptor(early, LocalDescriptor(uuid16(0x2904)))
    assert rows(server) == (
        "16:2800 17:2803 18:2a01 19:2904 20:2803 21:2a02 22:2902 23:2800 24:2803 25:2a03"
    )
    server.remove_characteristic(first, early)
    assert rows(server) == "16:2800 17:2803 18:2a02 19:2902 20:2800 21:2803 22:2a03"
    server.remove_service(first)
    assert rows(server) == "16:2800 17:2803 18:2a03"
    assert server.services == [second]
    assert (first.handle, first.end_handle, early.handle, early.declaration_handle) == (0, 0, 0, 0)


class TestInUse:
    """While a client is connected."""

    @pytest.fixture
    def server(self) -> LocalServer:
        server = published()
        self.first, self.second = add_service(server, 0x1801), add_service(server, 0x1802)
        self.early = add_characteristic(server, self.first, 0x2A01, READ)
        self.late = add_characteristic(server, self.second, 0x2A02, READ)
        assert rows(server) == "16:2800 17:2803 18:2a01 19:2800 20:2803 21:2a02"
        self.wired = Wired(server)
        self.wired.feed("12 09 00 02 00")  # Service Changed, please
        self.wired.take()
        return server

    def changed(self) -> str:
        """Take one Service Changed, confirm it, and give its range."""
        pdu = self.wired.take()
        assert pdu.startswith("1d 08 00 ")
        self.wired.feed("1e")
        return pdu[9:]

    def test_the_last_service_grows_in_place(self, server: LocalServer) -> None:
        add_characteristic(server, self.second, 0x2A03, NOTIFY)
        assert rows(server).endswith("21:2a02 22:2803 23:2a03 24:2902")
        assert self.changed() == "13 00 18 00"
        assert self.second.end_handle == 24

    def test_any_other_moves_to_unused_handles(self, server: LocalServer) -> None:
        add_characteristic(server, self.first, 0x2A03, READ)
        assert rows(server) == ("19:2800 20:2803 21:2a02 22:2800 23:2803 24:2a01 25:2803 26:2a03")
        assert self.changed() == "10 00 1a 00"
        assert (self.early.declaration_handle, self.early.handle) == (23, 24)
        assert self.wired.ask("0a 12 00") == "01 0a 12 00 01"  # the old handle is nobody's
        add_characteristic(server, self.first, 0x2A04, READ)  # now it is the last
        assert self.changed() == "16 00 1c 00"

    def test_a_descriptor_in_the_middle_moves_the_service(self, server: LocalServer) -> None:
        add_characteristic(server, self.second, 0x2A03, READ)
        assert self.changed() == "13 00 17 00"
        server.add_descriptor(self.late, LocalDescriptor(uuid16(0x2901)))
        assert rows(server).endswith("18:2a01 24:2800 25:2803 26:2a02 27:2901 28:2803 29:2a03")
        assert self.changed() == "13 00 1d 00"

    def test_a_descriptor_at_the_end_does_not(self, server: LocalServer) -> None:
        server.add_descriptor(self.late, LocalDescriptor(uuid16(0x2901)))
        assert rows(server).endswith("21:2a02 22:2901")
        assert self.changed() == "13 00 16 00"

    def test_removing_leaves_the_others_where_they_are(self, server: LocalServer) -> None:
        server.remove_service(self.first)
        assert rows(server) == "19:2800 20:2803 21:2a02"
        assert self.changed() == "10 00 12 00"
        server.remove_characteristic(self.second, self.late)
        assert rows(server) == "19:2800"
        assert self.changed() == "13 00 15 00"

    def test_a_new_service_comes_last(self, server: LocalServer) -> None:
        server.remove_service(self.first)
        self.changed()
        service = add_service(server, 0x1803)
        assert (service.handle, service.end_handle) == (22, 22)
        assert self.changed() == "16 00 16 00"

    def test_the_next_change_after_use_makes_handles_dense_again(self, server: LocalServer) -> None:
        add_characteristic(server, self.first, 0x2A03, READ)
        self.wired.bearer.closed(0x13)
        add_service(server, 0x1803)
        assert rows(server) == (
            "16:2800 17:2803 18:2a01 19:2803 20:2a03 21:2800 22:2803 23:2a02 24:2800"
        )

    def test_clients_that_did_not_ask_hear_nothing(self, server: LocalServer) -> None:
        other = Wired(server)
        add_characteristic(server, self.second, 0x2A03, READ)
        assert other.sent == []
        assert len(self.wired.sent) == 1


def big(count: int) -> LocalService:
    """A service that takes `count` handles."""
    service = LocalService(uuid16(0x1810))
    descriptors = [LocalDescriptor(uuid16(0x2904)) for _ in range(count - 3)]
    service.characteristics.append(
        LocalCharacteristic(uuid16(0x2A00), READ, descriptors=descriptors)
    )
    return service


def test_running_out_of_handles_changes_nothing() -> None:
    layout = Layout({})
    layout.add(big(30_000), in_use=False)
    last = big(35_535)
    layout.add(last, in_use=False)
    assert last.end_handle == 0xFFFF
    for in_use in (False, True):
        with pytest.raises(CallerError, match="No attribute handles left"):
            layout.add(big(3), in_use)
    last.characteristics[0].descriptors.append(LocalDescriptor(uuid16(0x2904)))
    for in_use in (False, True):
        with pytest.raises(CallerError, match="No attribute handles left"):
            layout.extend(last, 1, lambda start: None, in_use)
    assert len(layout.database) == 0xFFFF


def test_gaps_are_used_when_the_end_is_reached() -> None:
    layout = Layout({})
    first, second = big(30_000), big(35_000)
    layout.add(first, in_use=False)
    layout.add(second, in_use=True)
    assert layout.remove(first, in_use=True) == (1, 30_000)
    third = big(1_000)
    assert layout.add(third, in_use=True) == (1, 1_000)
    layout.add(big(3), in_use=True)
    assert layout.add(big(600), in_use=False) == (1, 0xFFFF)
    assert (second.handle, third.handle) == (1, 35_001)


def test_values_that_the_engine_makes() -> None:
    server = published()
    service = add_service(server, 0x1810)
    counter = iter(range(9))
    add_characteristic(server, service, 0x2A00, READ, dynamic_value=lambda: bytes((next(counter),)))
    wired = Wired(server)
    assert [wired.ask("0a 12 00") for _ in range(2)] == ["0b 00", "0b 01"]


def test_database_hash_follows_the_table() -> None:
    server = published()
    before = AttributeTable.of(server).database_hash()
    wired = Wired(server)
    assert wired.ask("08 01 00 ff ff 2a 2b") == "09 12 0d 00 " + before.hex(" ")
    service = add_service(server, 0x1810)
    assert AttributeTable.of(server).database_hash() != before
    server.remove_service(service)
    assert AttributeTable.of(server).database_hash() == before


def test_value_permissions_and_properties() -> None:
    """Each kind of access needs its property and the permission; without any property declared
    the permission decides."""
    kinds = {
        "0a 12 00": Properties.READ,
        "0c 12 00 00 00": Properties.READ,
        "12 12 00 78": Properties.WRITE,
        "16 12 00 00 00 78": Properties.WRITE,
        "52 12 00 78": Properties.WRITE_WITHOUT_RESPONSE,
    }
    for properties in map(Properties, range(64)):
        for permission in (SecurityMode.OPEN, SecurityMode.ENCRYPT_NO_MITM):
            server = published()
            characteristic = add_characteristic(
                server,
                add_service(server, 0x1810),
                0x2A3D,
                properties,
                read_perm=permission,
                write_perm=permission,
            )
            wired = Wired(server)
            for pdu, needed in kinds.items():
                characteristic.value = b""
                answer = wired.ask(pdu)
                declared = not properties or bool(properties & needed)
                allowed = declared and permission == SecurityMode.OPEN
                if needed == Properties.WRITE_WITHOUT_RESPONSE:
                    assert answer == ""
                    assert characteristic.value == (b"x" if allowed else b"")
                elif allowed:
                    assert answer[:2] != "01"
                elif declared:
                    assert answer.endswith("12 00 05")
                else:
                    assert answer.endswith("12 00 02" if needed == Properties.READ else "12 00 03")


def test_lengths() -> None:
    server = published()
    service = add_service(server, 0x1810)
    short = add_characteristic(server, service, 0x2A01, Properties.WRITE, max_length=3)
    fixed = add_characteristic(
        server, service, 0x2A02, Properties.WRITE, max_length=2, fixed_length=True
    )
    wired = Wired(server)
    assert wired.ask(f"12 {short.handle:02x} 00 31 32 33") == "13"
    assert wired.ask(f"12 {short.handle:02x} 00 31 32 33 34").endswith("0d")
    assert wired.ask(f"12 {short.handle:02x} 00") == "13"
    assert short.value == b""
    for value in ("31", "31 32 33"):
        assert wired.ask(f"12 {fixed.handle:02x} 00 {value}").endswith("0d")
    assert wired.ask(f"12 {fixed.handle:02x} 00 31 32") == "13"
    assert fixed.value == b"12"


def test_descriptors() -> None:
    server = published()
    characteristic = add_characteristic(server, add_service(server, 0x1810), 0x2A01)
    open_one = LocalDescriptor(uuid16(0x2904), value=b"x", max_length=2)
    closed = LocalDescriptor(
        uuid16(0x2901),
        value=b"x",
        read_perm=SecurityMode.ENCRYPT_NO_MITM,
        write_perm=SecurityMode.NO_ACCESS,
    )
    server.add_descriptor(characteristic, open_one)
    server.add_descriptor(characteristic, closed)
    wired = Wired(server)
    assert wired.ask("0a 13 00") == "0b 78"
    assert wired.ask("12 13 00 79") == "13"
    assert open_one.value == b"y"
    assert wired.ask("12 13 00 79 79 79") == "01 12 13 00 0d"
    assert wired.ask("0a 14 00") == "01 0a 14 00 05"
    assert wired.ask("12 14 00 79") == "01 12 14 00 03"
    assert wired.ask("52 13 00 7a") == "" and open_one.value == b"y"


def test_a_descriptor_needs_a_published_characteristic() -> None:
    characteristic = LocalCharacteristic(uuid16(0x2A00), READ)
    with pytest.raises(CallerError):
        published().add_descriptor(characteristic, LocalDescriptor(uuid16(0x2904)))
