"""Twins of devices of many kinds, in worlds: what is hard to copy, and what has to be said."""

from __future__ import annotations

import re
from typing import Any

import pytest
from _bleio import UUID

from bleio.cli.cloning.record import Access, Characteristic, Paired, Record
from bleio.cli.cloning.writing import write
from bleio.core.uuid import uuid16
from support.twins import EXAMPLES, client_says, cloned, packets_of, sent_to, table_of

HEAD = """
import time
import _bleio
from _bleio import Attribute, Characteristic, Descriptor, Service, UUID

add = Characteristic.add_to_service
READ, WRITE, NOTIFY = Characteristic.READ, Characteristic.WRITE, Characteristic.NOTIFY
INDICATE = Characteristic.INDICATE
_bleio.adapter.name = "Odd"
"""
ADDRESS = """
import _bleio
_bleio.adapter.address = _bleio.Address(bytes.fromhex("5544332211c0"), 1)
"""
SERVE = """
while True:
    _bleio.adapter.start_advertising(b"\\x02\\x01\\x06\\x04\\x09Odd")
    while not _bleio.adapter.connected:
        time.sleep(0.01)
    while _bleio.adapter.connected:
        {act}
"""


def device(table: str, act: str = "time.sleep(0.01)") -> str:
    return HEAD + table + SERVE.format(act=act)


def only(record: Record, uuid: int) -> Characteristic:
    (found,) = [
        each
        for service in record.services
        for each in service.characteristics
        if each.uuid == uuid16(uuid)
    ]
    return found


LONG = """
service = Service(UUID(0xFF00))
add(service, UUID(0xFF01), properties=READ, max_length=512, initial_value=bytes(range(256)) * 2)
add(service, UUID(0xFF02), properties=READ, max_length=300, initial_value=b"text " * 60)
add(service, UUID(0xFF03), properties=READ, max_length=10)
"""
TWICE = """
for number in (b"one", b"two"):
    service = Service(UUID(0xFF00))
    for letter in (b"a", b"b"):
        it = add(service, UUID(0xFF01), properties=READ | NOTIFY, initial_value=number + letter)
        for value in (b"x", b"y"):
            Descriptor.add_to_characteristic(it, UUID(0xFF05), initial_value=value + letter)
"""
DESCRIBED = """
service = Service(UUID("12345678-1234-5678-1234-56789abcdef0"))
it = add(
    service,
    UUID("12345678-1234-5678-1234-56789abcdef1"),
    properties=READ | WRITE | Characteristic.WRITE_NO_RESPONSE | NOTIFY | INDICATE,
    initial_value=b"\\x10\\x27",
    user_description="hundredths",
)
Descriptor.add_to_characteristic(
    it, UUID(0x2904), initial_value=bytes.fromhex("0efe2f27010000"), write_perm=Attribute.NO_ACCESS
)
second = add(service, UUID(0xFF06), properties=READ, initial_value=b"x")
Descriptor.add_to_characteristic(second, UUID(0x2904), initial_value=bytes(7))
Descriptor.add_to_characteristic(second, UUID(0x2901), initial_value="späte Beschreibung".encode())
Descriptor.add_to_characteristic(second, UUID(0xFF07), initial_value=b"", max_length=0)
"""
BROKEN_NAMES = """
_bleio.adapter.name = 'A"\\n\\\\x\\x1b[2J'
service = Service(UUID(0xFF00))
text = b'\\"\\"\\"\\nimport os'
add(service, UUID(0xFF01), properties=READ, initial_value=text, user_description='"#\\n')
"""


@pytest.mark.parametrize("table", [LONG, TWICE, DESCRIBED, BROKEN_NAMES])
def test_tables_are_the_same_octet_by_octet(table: str) -> None:
    original = device(table)
    twin = write(cloned(original, "Odd", record_s=0.5))
    assert table_of(twin, "Odd") == table_of(original, "Odd")
    assert packets_of(twin, "") == packets_of(original, "")


@pytest.mark.parametrize("table", [LONG, TWICE, DESCRIBED, BROKEN_NAMES])
def test_a_twin_of_a_twin_is_the_same_program(table: str) -> None:
    twin = write(cloned(device(table), "Odd", record_s=0.5))
    assert write(cloned(twin, "Odd", record_s=0.5)) == twin


@pytest.mark.parametrize(
    ("example", "name", "wishes"),
    [
        ("heart_rate_peripheral", "Pulse", {"record_s": 10}),
        ("uart_echo_server", "CIRCUITPY", {"record_s": 1, "said": [b"hello\n", b"x" * 50 + b"\n"]}),
        ("raw_bleio_peripheral", "c0:11:22:33:44:55", {"record_s": 4}),
    ],
)
def test_a_twin_of_a_twin_of_an_example(example: str, name: str, wishes: Any) -> None:
    original = ADDRESS + (EXAMPLES / f"{example}.py").read_text("utf-8")
    twin = write(cloned(original, name, **wishes))
    assert write(cloned(ADDRESS + twin, name, **wishes)) == twin


def test_a_keyboard_is_paired_with_and_cloned() -> None:
    original = EXAMPLES / "hid_keyboard.py"
    record = cloned(original, "Bluetooth keyboard", record_s=8, pair=True)
    assert record.paired is Paired.JUST_WORKS
    twin = write(record)
    seen = table_of(twin, "keyboard", pair=True)
    assert seen == table_of(original, "keyboard", pair=True)
    assert sum(row[0] == "UUID(0x2a4d)" for row in seen) > 2
    assert table_of(twin, "keyboard") == table_of(original, "keyboard")  # it refuses the same
    typed = [each.value for each in _reports(record) if any(each.value)]
    assert len(typed) == len("Hello from Python!\n")


def _reports(record: Record) -> list[Any]:
    return [
        sent
        for service in record.services
        for each in service.characteristics
        for sent in each.sent
    ]


SECRET = """
service = Service(UUID(0xFF00))
MODES = Attribute.OPEN, Attribute.ENCRYPT_NO_MITM, Attribute.ENCRYPT_WITH_MITM
for number, mode in enumerate(MODES):
    add(service, UUID(0xFF01 + number), properties=READ, read_perm=mode, initial_value=b"secret")
add(service, UUID(0xFF04), properties=NOTIFY, read_perm=Attribute.ENCRYPT_NO_MITM)
"""


def test_what_asks_for_encryption_is_told_apart_by_pairing() -> None:
    record = cloned(device(SECRET), "Odd", record_s=1, pair=True)
    reads = [only(record, 0xFF01 + number).read for number in range(3)]
    assert [each.access for each in reads] == [
        Access.OPEN,
        Access.ENCRYPTED,
        Access.AUTHENTICATED,
    ]
    assert [each.values for each in reads] == [[b"secret"], [b"secret"], []]
    assert only(record, 0xFF04).subscribing is Access.ENCRYPTED
    twin = write(record)
    assert "read_perm=AUTHENTICATED" in twin
    for pair in (False, True):
        assert table_of(twin, "Odd", pair=pair) == table_of(device(SECRET), "Odd", pair=pair)


def test_without_pairing_a_secret_is_not_known_and_the_twin_refuses_it_too() -> None:
    record = cloned(device(SECRET), "Odd", record_s=1)
    assert record.paired is Paired.NO
    twin = write(record)
    assert "# Its value could not be read: Insufficient Authentication (0x05)." in twin
    assert table_of(twin, "Odd") == table_of(device(SECRET), "Odd")


REFUSING = """
service = Service(UUID(0xFF00))
add(service, UUID(0xFF01), properties=READ, read_perm=Attribute.NO_ACCESS)
it = add(service, UUID(0xFF02), properties=READ, initial_value=b"x")
Descriptor.add_to_characteristic(it, UUID(0xFF03), read_perm=Attribute.NO_ACCESS)
"""


def test_what_is_never_read_is_never_read_of_the_twin() -> None:
    twin = write(cloned(device(REFUSING), "Odd", record_s=0))
    assert table_of(twin, "Odd") == table_of(device(REFUSING), "Odd")


RHYTHM = """
service = Service(UUID(0xFF00))
it = add(service, UUID(0xFF01), properties={properties}, max_length=40)
begun = 0
"""
BEATS = """
        for value, pause in ((b"a", 0.4), (b"b", 0.1), (b"c" * 40, 1.5)):
            it.value = value
            time.sleep(pause)
"""


@pytest.mark.parametrize("properties", ["NOTIFY", "INDICATE"])
def test_values_are_sent_with_the_recorded_steps(properties: str) -> None:
    original = device(RHYTHM.format(properties=properties), BEATS.strip())
    twin = write(cloned(original, "Odd", record_s=6))
    steps = {}
    for step, value in sent_to(twin, "Odd", UUID(0xFF01), 7)[1:]:
        steps[value] = step
    assert steps[b"b"] == pytest.approx(0.4, abs=0.05)
    assert steps[b"c" * 40] == pytest.approx(0.1, abs=0.05)
    assert steps[b"a"] == pytest.approx(1.5, abs=0.05)


COUNTER = """
service = Service(UUID(0xFF00))
it = add(service, UUID(0xFF01), properties=READ, initial_value=b"0")
"""


def test_values_that_change_are_noted() -> None:
    act = "it.value = str(int(it.value.decode()) + 1).encode(); time.sleep(0.3)"
    twin = write(cloned(device(COUNTER, act), "Odd", record_s=1))
    assert re.search(r'# Its value changed while it was watched: "?\d+"?\.', twin)


DIALOGUE = """
service = Service(UUID(0xFF00))
asked = add(service, UUID(0xFF01), properties=WRITE, max_length=100)
told = add(service, UUID(0xFF02), properties=NOTIFY, max_length=100)
ticks = add(service, UUID(0xFF03), properties=NOTIFY)
packets = _bleio.PacketBuffer(asked, buffer_size=4)
buffer, count, last = bytearray(100), 0, 0
"""
DIALOGUE_ACT = """
        if time.monotonic() - last > 0.3:
            last = time.monotonic()
            ticks.value = b"tick"
        length = packets.readinto(buffer)
        if length:
            count += 1
            told.value = b"%d. " % count + bytes(buffer[:length])
            if length > 3:
                time.sleep(0.4)
                told.value = b"more"
        time.sleep(0.01)
"""
CLIENT = """
import asyncio, _bleio
from _bleio import UUID
from bleio import aio

async def main():
    async with aio.scan(_bleio.adapter) as entries:
        async for entry in entries:
            break
    link = await aio.connect(_bleio.adapter, entry.address, timeout=10)
    (service,) = await aio.discover(link, [UUID(0xFF00)])
    asked, told = service.characteristics[:2]
    async with aio.notifications(told) as values:
        for said in (b"one", b"four", b"one", b"unknown", b"fo", b"ur"):
            await aio.write(asked, said)
            try:
                while True:
                    print(said, await asyncio.wait_for(anext(values), 1))
            except asyncio.TimeoutError:
                pass
    await aio.disconnect(link)

asyncio.run(main())
"""


def test_answers_are_given_in_turns_and_to_nothing_else() -> None:
    original = device(DIALOGUE, DIALOGUE_ACT.strip())
    record = cloned(original, "Odd", record_s=2, said=[b"one", b"four", b"one"])
    assert [len(each.answers) for each in record.exchanges] == [1, 2, 1]  # no ticks
    said = client_says(write(record), CLIENT).splitlines()
    assert said == [
        "b'one' b'1. one'",
        "b'four' b'2. four'",
        "b'four' b'more'",
        "b'one' b'3. one'",
        "b'ur' b'2. four'",  # in pieces
        "b'ur' b'more'",
    ]


def test_a_beacon_is_cloned_without_a_link() -> None:
    beacon = """
import time, _bleio
_bleio.adapter.start_advertising(
    b"\\x02\\x01\\x06\\x05\\x09Lamp\\x04\\xff\\x22\\x08\\x01",
    scan_response=b"\\x03\\x03\\x0f\\x18", connectable=False, interval=0.5)
time.sleep(1000)
"""
    record = cloned(beacon, "Lamp")
    twin = write(record)
    assert record.services == []
    assert packets_of(twin, "") == packets_of(beacon, "")
    assert record.advertising.interval_ms == 500


def test_a_long_advertisement_is_cloned() -> None:
    data = b"\x02\x01\x06\x05\x09Lamp\x80\xff" + b"x" * 127
    beacon = (
        f"import time, _bleio\n_bleio.adapter.start_advertising({data!r}, connectable=False)\n"
        "time.sleep(1000)\n"
    )
    twin = write(cloned(beacon, "Lamp"))
    assert packets_of(twin, "") == packets_of(beacon, "")


def test_a_twin_has_the_address_only_if_it_is_asked_for() -> None:
    original = ADDRESS + device(LONG)
    record = cloned(original, "Odd", record_s=0)
    assert record.address is None
    assert "address" not in write(record)
    record = cloned(original, "Odd", record_s=0, same_address=True)
    twin = write(record)
    again = cloned(twin, "Odd", record_s=0, same_address=True)
    assert record.address == again.address == bytes.fromhex("c01122334455")[::-1]
