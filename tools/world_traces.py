"""Runs worlds of many kinds and writes what happened in each, to show what a change changes.

    python tools/world_traces.py FOLDER [WORLD...]

Each world gets a folder:

    trace.txt      its last 10,000 packets
    output.txt     what its programs printed
    figures.txt    simulated time, number of packets, radio-on time of each device
    air.pcapng     every packet on the air
    hci/           what each device and its controller said
    keys.txt       where links were encrypted, their keys
    state/         in one world, the files of its bonds

The same source gives the same octets each time. So write them before a change and after it, and
compare with `diff -r`: where they differ, behaviour has changed.

Only what programs and tests may use is used here: `_bleio`, `bleio.api`, `bleio.testing`, the
examples, and of the radio its medium's settings and a station's clock. So the script runs on any
version of the source; PYTHONPATH says which. Not reached that way: LE legacy pairing (two of our
devices always agree on LE Secure Connections), and signed writes that are accepted (our central
encrypts the link with a bonded peer at once, and on an encrypted link nothing is signed).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

# What programs begin with. `meet` is the central's way to a link, `advertise` the peripheral's.

COMMON = r"""
import random
import time
import _bleio
from _bleio import UUID, Attribute, Characteristic, Descriptor, Service
adapter = _bleio.adapter
FLAGS = b"\x02\x01\x06"

def named(name):
    return FLAGS + bytes((len(name) + 1, 9)) + name.encode()

def add(service, uuid, properties, **options):
    return Characteristic.add_to_service(service, UUID(uuid), properties=properties, **options)

def meet(name=None, timeout=10, **options):
    for entry in adapter.start_scan(timeout=timeout, minimum_rssi=-120, **options):
        if entry.connectable and (name is None or name.encode() in entry.advertisement_bytes):
            break
    adapter.stop_scan()
    print("met", entry.address, entry.rssi)
    return adapter.connect(entry.address, timeout=timeout)

def discover(connection, *uuids):
    services = connection.discover_remote_services([UUID(uuid) for uuid in uuids] or None)
    found = {}
    for service in services:
        for each in service.characteristics:
            found[each.uuid.uuid16 if each.uuid.size == 16 else str(each.uuid)] = each
    return found

def attempt(what, *args, **options):
    try:
        print(what.__name__, what(*args, **options))
    except Exception as error:
        print(what.__name__, type(error).__name__, error)

def wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
"""

# A server with one of everything, and a client that uses all of it.

SERVER = r"""
C = Characteristic
service = Service(UUID(0xFE10))
readable = add(service, 0xFE11, C.READ | C.WRITE, max_length=512, initial_value=bytes(range(200)))
written = add(service, 0xFE12, C.WRITE, max_length=100)
commanded = add(service, 0xFE13, C.WRITE_NO_RESPONSE, max_length=244)
notified = add(service, 0xFE14, C.NOTIFY | C.READ, max_length=244, user_description="A stream")
indicated = add(service, 0xFE15, C.INDICATE, max_length=60)
forbidden = add(service, 0xFE16, C.READ, read_perm=Attribute.NO_ACCESS)
described = Descriptor.add_to_characteristic(
    readable, UUID(0x2904), max_length=7, fixed_length=True, initial_value=bytes(7))
packets = _bleio.PacketBuffer(written, buffer_size=4)
stream = _bleio.CharacteristicBuffer(commanded, timeout=0.2, buffer_size=600)
out = _bleio.PacketBuffer(notified, buffer_size=2, max_packet_size=120)
packet = bytearray(100)

def serve(seconds):
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        if not adapter.connected and not adapter.advertising:
            adapter.start_advertising(named("server"), interval=0.03)
            print("advertising")
        length = packets.readinto(packet)
        if length:
            print("packet", length, packet[:8].hex())
            indicated.value = packet[:length][:60]
        octets = stream.read(stream.in_waiting) if stream.in_waiting else b""
        if octets:
            print("stream", len(octets), octets[-4:].hex())
        if adapter.connected:
            count += 1
            if count % 4 == 0:
                notified.value = bytes((count % 256,)) * (count % 244)
            elif count % 4 == 2:
                out.write(b"-%d" % count, header=b"h")
        time.sleep(0.05)
serve(SECONDS)
"""

CLIENT = r"""
def use(connection, rounds=10):
    found = discover(connection, 0xFE10)
    print(sorted(hex(uuid) for uuid in found), connection.max_packet_length)
    readable, written, commanded = found[0xFE11], found[0xFE12], found[0xFE13]
    print("long read", len(readable.value))
    readable.value = bytes(450)
    print("after a long write", len(readable.value))
    for each in readable.descriptors:
        print(each.uuid, bytes(each.value))
        each.value = b"1234567"
    print([bytes(each.value) for each in found[0xFE14].descriptors])
    notices = _bleio.PacketBuffer(found[0xFE14], buffer_size=8, max_packet_size=244)
    indications = _bleio.CharacteristicBuffer(found[0xFE15], timeout=0.5)
    found[0xFE15].set_cccd(indicate=True)
    packet = bytearray(512)
    def secret():
        return bytes(found[0xFE16].value)
    attempt(secret)
    for count in range(rounds):
        written.value = b"packet %d" % count
        commanded.value = bytes((count,)) * (20 * count % 240)
        length = notices.readinto(packet)
        print("notice", length, packet[:4].hex())
        print("indication", indications.read(20))
        time.sleep(random.random() / 5)
"""

ONCE = r"""
connection = meet("server")
use(connection)
connection.disconnect()
wait(lambda: not adapter.connected)
"""

# Where links may break: goes on until the time is over, and says what went wrong.
AGAIN = r"""
while time.monotonic() < SECONDS:
    try:
        use(meet("server"))
        for each in adapter.connections:
            each.disconnect()
    except Exception as error:
        print(type(error).__name__, error)
        time.sleep(0.5)
"""

# Everything but the permissions of a secret service, for pairing.

SECRETS = r"""
from bleio.api import IoCapability, OobData, PairingDelegate, PairingMethod, SecuritySettings
C = Characteristic
KD = IoCapability.KEYBOARD_DISPLAY

class User(PairingDelegate):
    def accept(self, request):
        print("accept", request.method.value, request.secure_connections, request.is_central)
        return True
    def display_passkey(self, request, passkey):
        print("shown %06d" % passkey)
    def enter_passkey(self, request):
        time.sleep(2)
        return 123456
    def compare(self, request, number):
        print("compare %06d" % number)
        time.sleep(1)
        return True
    def ended(self, request, reason):
        print("ended", reason)

def publish(permission):
    service = Service(UUID(0xFE20))
    add(service, 0xFE22, C.WRITE | C.WRITE_NO_RESPONSE, write_perm=permission)
    return add(service, 0xFE21, C.READ | C.NOTIFY, read_perm=permission, initial_value=b"secret")

def be_there(seconds, secret, **options):
    end = time.monotonic() + seconds
    was = None
    while time.monotonic() < end:
        if not adapter.connected and not adapter.advertising:
            adapter.start_advertising(named("secrets"), interval=0.05, **options)
        state = [each.paired for each in adapter.connections]
        if state != was:
            secret.value = b"secret %d" % len(state)
            print("paired", state)
            was = state
        time.sleep(0.02)

def read_secret(connection):
    found = discover(connection, 0xFE20)
    return bytes(found[0xFE21].value)
"""


class Kind(NamedTuple):
    """One world: the arguments of `World`, and what happens in it."""

    options: dict[str, Any]
    run: Callable[[Any], None]


KINDS: dict[str, Kind] = {}


def kind(**options: Any) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Enter a function in the table of worlds, with the arguments of its `World`."""

    def enter(run: Callable[[Any], None]) -> Callable[[Any], None]:
        KINDS[run.__name__] = Kind(options, run)
        return run

    return enter


def add(world: Any, name: str, *parts: str, seconds: float = 0, **options: Any) -> Any:
    """Add a device whose program is those parts one after the other."""
    text = "\n".join((COMMON, f"SECONDS = {seconds}", *parts))
    return world.add(source=text, name=name, **options)


# Links and GATT


@kind(seed=1)
def gatt_of_every_kind(world: Any) -> None:
    add(world, "server", SERVER, seconds=18)
    add(world, "client", CLIENT, ONCE)
    world.run(until=19)


@kind(seed=2, hci=False)
def another_seed_without_hci_capture(world: Any) -> None:
    add(world, "server", SERVER, seconds=18)
    add(world, "client", CLIENT, ONCE, start_s=1.5)
    world.run(until=19)


@kind(seed=3, loss=0.25)
def a_quarter_is_lost(world: Any) -> None:
    add(world, "server", SERVER, seconds=40)
    add(world, "client", CLIENT, AGAIN, seconds=38)
    world.run(until=41)


@kind(seed=4, distance_m=20)
def moving_away_and_back(world: Any) -> None:
    server = add(world, "server", SERVER, seconds=60)
    client = add(world, "client", CLIENT, AGAIN, seconds=55)
    add(world, "far", LISTENER, seconds=55, position=(90, 40))
    client.move_along([(10, (20, 0)), (20, (700, 0)), (30, (700, 0)), (35, (15, 0))])
    world.run(until=50)
    server.position = (0, 30)
    server.antenna = False
    world.run_for(8)
    server.antenna = True
    world.run_for(3)


@kind(seed=5, path_loss_db=91)
def weak_and_disturbed(world: Any) -> None:
    add(world, "server", SERVER, seconds=50)
    add(world, "client", CLIENT, AGAIN, seconds=45)
    add(world, "beacon", BEACON, seconds=50)
    world.run_for(5)
    world.wifi(15, channel=6, load=0.6)
    world.wifi(10, channel=11, load=0.3)
    world.run_for(10)
    world.jam(2, channels=(37, 38, 5, 9))
    world.run_for(10)
    world.jam(3)
    world.run_for(10)
    world.loss = 0.1
    world.run_for(10)


@kind(seed=6)
def many_links_and_both_roles(world: Any) -> None:
    for index in range(3):
        add(world, f"leaf {index}", LEAF.replace("NAME", f"leaf{index}"), seconds=25)
    add(world, "hub", HUB, seconds=22)
    add(world, "phone", PHONE, start_s=6)
    world.run(until=26)


LEAF = r"""
service = Service(UUID(0xFE30))
value = add(service, 0xFE31, Characteristic.NOTIFY | Characteristic.READ, max_length=20)
count = 0
while time.monotonic() < SECONDS:
    if not adapter.connected and not adapter.advertising:
        adapter.start_advertising(named("NAME"), interval=0.04)
    if adapter.connected:
        count += 1
        value.value = b"NAME %d" % count
    time.sleep(0.1 + random.random() / 10)
"""

HUB = r"""
service = Service(UUID(0xFE40))
total = add(service, 0xFE41, Characteristic.READ | Characteristic.INDICATE, max_length=20)
leaves, buffers = [], []
for index in range(3):
    connection = meet("leaf%d" % index)
    leaves.append(connection)
    value = discover(connection, 0xFE30)[0xFE31]
    buffers.append(_bleio.PacketBuffer(value, buffer_size=4))
    connection.connection_interval = (20, 50, 100)[index]
adapter.start_advertising(named("hub"), interval=0.05)
packet, count = bytearray(20), 0
while time.monotonic() < SECONDS:
    for buffer in buffers:
        length = buffer.readinto(packet)
        if length:
            count += 1
            print(bytes(packet[:length]))
            if count % 10 == 0:
                total.value = b"%d" % count
    if count == 60 and len(leaves) == 3:
        leaves.pop().disconnect()
        buffers.pop()
    time.sleep(0.05)
print([each.connection_interval for each in leaves], len(adapter.connections))
"""

PHONE = r"""
connection = meet("hub")
total = discover(connection, 0xFE40)[0xFE41]
buffer = _bleio.CharacteristicBuffer(total, timeout=3)
total.set_cccd(indicate=True)
for _ in range(8):
    print(buffer.read(2), bytes(total.value))
connection.connection_interval = 30
time.sleep(2)
print(connection.connection_interval)
connection.disconnect()
"""


@kind(seed=7)
def intervals_change(world: Any) -> None:
    add(world, "server", SERVER, seconds=100)
    add(world, "client", CLIENT, INTERVALS)
    world.run(until=101)


INTERVALS = r"""
connection = meet("server")
for interval_ms in (7.5, 100, 400, 15, 4000, 30, 1):
    try:
        connection.connection_interval = interval_ms
    except ValueError as error:
        print(error)
    use(connection, 1)
    time.sleep(1)
    print(connection.connection_interval)
"""


@kind(seed=23)
def a_fast_stream(world: Any) -> None:
    add(world, "server", FAST_SERVER, seconds=4)
    add(world, "client", FAST_CLIENT)
    world.run(until=5)


FAST_SERVER = r"""
service = Service(UUID(0xFE10))
value = add(service, 0xFE11, Characteristic.NOTIFY, max_length=244)
sink = add(service, 0xFE12, Characteristic.WRITE_NO_RESPONSE, max_length=244)
incoming = _bleio.CharacteristicBuffer(sink, buffer_size=20000, timeout=1)
adapter.start_advertising(named("fast"), interval=0.02)
wait(lambda: adapter.connected)
time.sleep(1)
count = 0
while adapter.connected and time.monotonic() < SECONDS:
    value.value = bytes((count % 256,)) * 244
    count += 1
print(count, incoming.in_waiting, len(incoming.read(1000)))
"""

FAST_CLIENT = r"""
connection = meet("fast")
found = discover(connection, 0xFE10)
buffer = _bleio.PacketBuffer(found[0xFE11], buffer_size=16, max_packet_size=244)
packet = bytearray(244)
count = octets = 0
while connection.connected and time.monotonic() < 3:
    length = buffer.readinto(packet)
    if length:
        count += 1
        octets += length
    else:
        time.sleep(0.005)
    if count % 20 == 0:
        found[0xFE12].value = bytes((count % 256,)) * 200
print(count, octets)
connection.disconnect()
"""


@kind(seed=25)
def long_values_and_the_rest_of_the_api(world: Any) -> None:
    add(world, "server", REST_SERVER)
    add(world, "client", REST_CLIENT)
    world.run(until=12)


REST_SERVER = r"""
C = Characteristic
service = Service(UUID(0xFE10))
long = add(service, 0xFE11, C.READ | C.WRITE | C.NOTIFY, max_length=512, initial_value=bytes(512))
short = add(service, 0xFE12, C.READ | C.WRITE, max_length=4, fixed_length=True)
both = add(service, 0xFE13, C.NOTIFY | C.INDICATE | C.WRITE_NO_RESPONSE, max_length=100)
hidden = Service(UUID(0xFE18), secondary=True)
add(hidden, 0xFE19, C.READ, initial_value="text")
passing = Service(UUID("12345678-1234-1234-1234-123456789abc"))
doomed = add(passing, "87654321-1234-1234-1234-123456789abc", C.READ)
print(service, long, hidden.secondary, service.characteristics, passing)
buffer = _bleio.PacketBuffer(both, buffer_size=3, max_packet_size=50)
print(buffer.incoming_packet_length, buffer.outgoing_packet_length, buffer.packet_size)
adapter.start_advertising(named("rest"), interval=0.03)
wait(lambda: adapter.connected)
for count in range(30):
    print(buffer.write(bytes((count,)) * 20, header=b"head"), buffer.outgoing_packet_length)
    if count % 10 == 5:
        long.value = bytes((count,)) * 500
    time.sleep(0.2)
packet = bytearray(10)
for _ in range(8):
    def read():
        return buffer.readinto(packet), bytes(packet)
    attempt(read)
passing.deinit()
attempt(lambda: doomed.value)
buffer.deinit()
attempt(lambda: buffer.write(b""))
print(len(long.value), bytes(short.value))
"""

REST_CLIENT = r"""
connection = meet("rest")
services = connection.discover_remote_services()
print(services, [each.secondary for each in services])
found = {str(each.uuid): each for service in services for each in service.characteristics}
long, short, both = (found["UUID(0xfe1%d)" % index] for index in (1, 2, 3))
def write(target, value):
    target.value = value
print(len(long.value))
attempt(write, long, bytes(range(256)) * 2)
print(len(long.value), bytes(long.value[-4:]))
attempt(write, long, bytes(513))
attempt(write, short, b"12345")
attempt(write, short, b"1234")
attempt(write, both, bytes(100))
attempt(write, both, bytes(300))
buffer = _bleio.CharacteristicBuffer(both, timeout=0.3, buffer_size=64)
both.set_cccd(notify=True, indicate=True)
octets = bytearray(30)
for size in range(1, 12):
    print(buffer.in_waiting, buffer.readinto(octets), bytes(octets[:size]), buffer.read(size))
    write(both, bytes(size))
buffer.reset_input_buffer()
buffer.deinit()
attempt(lambda: buffer.in_waiting)
packets = _bleio.PacketBuffer(long, buffer_size=2)
print(packets.incoming_packet_length, packets.outgoing_packet_length)
long.set_cccd(notify=True)
time.sleep(2)
attempt(packets.readinto, octets)
attempt(lambda: found["UUID('87654321-1234-1234-1234-123456789abc')"].value)
connection.disconnect()
attempt(lambda: long.value)
attempt(lambda: connection.connection_interval)
"""


@kind(seed=26, distance_m=8)
def collisions_and_clocks_that_drift(world: Any) -> None:
    medium = world.radio.medium
    medium.propagation = replace(
        medium.propagation, collisions=True, capture_db=6.0, shadowing_db=5.0, noise=True
    )
    server = add(world, "server", SERVER, seconds=22)
    client = add(world, "client", CLIENT, AGAIN, seconds=20, start_s=0.5)
    for index in range(15):
        add(world, f"beacon {index}", BEACON, seconds=20)
    add(world, "listener", LISTENER, seconds=20)
    add(world, "another listener", LISTENER, seconds=20)
    world.run_for(0.25)
    server.radio.station.set_clock(400, 500)
    world.run_for(0.5)
    client.radio.station.set_clock(-200, 50)
    world.run(until=24)


@kind(seed=24)
def an_hour_of_a_beacon(world: Any) -> None:
    add(world, "beacon", HOURLY_BEACON)
    add(world, "listener", HOURLY_LISTENER)
    world.run(until=3600)


HOURLY_BEACON = r"""
adapter.start_advertising(FLAGS, connectable=False, interval=3.0)
time.sleep(3590)
"""

HOURLY_LISTENER = r"""
count = 0
for entry in adapter.start_scan(timeout=3580, active=False, interval=0.1, window=0.07):
    count += 1
print(count)
"""


@kind(seed=8)
def services_change_while_connected(world: Any) -> None:
    add(world, "server", CHANGING_SERVER)
    add(world, "client", CHANGING_CLIENT)
    world.run(until=14)


CHANGING_SERVER = r"""
C = Characteristic
first = Service(UUID(0xFE50))
value = add(first, 0xFE51, C.READ | C.NOTIFY, initial_value=b"first")
last = Service(UUID(0xFE52))
add(last, 0xFE53, C.READ, initial_value=b"last")
adapter.start_advertising(named("changing"), interval=0.03)
wait(lambda: adapter.connected)
time.sleep(3)
add(first, 0xFE54, C.READ, initial_value=b"grown")
middle = Service(UUID("12345678-1234-1234-1234-123456789abc"))
add(middle, 0xFE55, C.READ, initial_value=b"middle")
time.sleep(3)
value.value = b"still here"
middle.deinit()
time.sleep(5)
"""

CHANGING_CLIENT = r"""
connection = meet("changing")
for _ in range(4):
    found = discover(connection)
    print([str(each) for each in found])
    def values():
        return [bytes(each.value) for each in found.values() if each.properties & 8]
    attempt(values)
    if 0xFE51 in found:
        found[0xFE51].set_cccd(notify=True)
    time.sleep(2)
    attempt(values)
connection.disconnect()
"""

# Advertising and scanning


LISTENER = r"""
while time.monotonic() < SECONDS:
    for entry in adapter.start_scan(
            timeout=4, interval=0.08, window=0.05, extended=EXTENDED, minimum_rssi=-120,
            active=random.random() < 0.6, prefixes=PREFIXES):
        print(entry.address, entry.rssi, entry.connectable, entry.scan_response,
              len(entry.advertisement_bytes), entry.advertisement_bytes[:12].hex())
    time.sleep(0.3)
""".replace("EXTENDED", "False").replace("PREFIXES", 'b""')

BEACON = r"""
while time.monotonic() < SECONDS:
    adapter.start_advertising(
        FLAGS + b"\x05\xff\xff\xff" + random.randbytes(2), connectable=False, interval=0.1)
    time.sleep(2)
    adapter.stop_advertising()
"""


@kind(seed=9)
def advertising_of_every_kind(world: Any) -> None:
    add(world, "beacon", BEACON, seconds=20)
    add(world, "many kinds", KINDS_OF_ADVERTISING, seconds=20)
    add(world, "legacy listener", LISTENER, seconds=20)
    extended = LISTENER.replace("extended=False", "extended=True")
    add(world, "extended listener", extended, seconds=20)
    filtered = LISTENER.replace('prefixes=b""', r'prefixes=b"\x05\xff\xff\xff\x03\xff\x01"')
    add(world, "filtering listener", filtered, seconds=20)
    world.run(until=21)


KINDS_OF_ADVERTISING = r"""
KINDS = (
    dict(data=named("with response"), scan_response=named("response")),
    dict(data=FLAGS, scan_response=named("only scannable"), connectable=False),
    dict(data=FLAGS, anonymous=True, connectable=False),
    dict(data=b"\x63\xff" + bytes(98), connectable=False),
    dict(data=b"\xf0\xff" + bytes(239), connectable=False, anonymous=True),
    dict(data=b"\x40\xff" + bytes(63)),
    dict(data=FLAGS, scan_response=b"\x60\xff" + bytes(95), connectable=False),
    dict(data=FLAGS, timeout=1),
    dict(data=FLAGS, tx_power=-12, interval=0.5),
    dict(data=bytes(32), scan_response=FLAGS),
    dict(data=FLAGS, interval=0.001),
    dict(data=b"", directed_to=_bleio.Address(b"\1\2\3\4\5\xc6", 1)),
)
while time.monotonic() < SECONDS:
    for each in KINDS:
        attempt(adapter.start_advertising, **{"interval": 0.05, **each})
        time.sleep(1.2)
        print(adapter.advertising)
        adapter.stop_advertising()
"""


@kind(seed=10)
def directed_and_extended_links(world: Any) -> None:
    client = add(world, "client", CLIENT, ONCE_EXTENDED, start_s=1)
    add(
        world, "server", DIRECTED.replace("PEER", repr(bytes(client.adapter.address.address_bytes)))
    )
    add(world, "bystander", LISTENER, seconds=12)
    world.run(until=18)


DIRECTED = r"""
service = Service(UUID(0xFE10))
value = add(service, 0xFE11, Characteristic.READ | Characteristic.NOTIFY, initial_value=b"directed")
peer = _bleio.Address(PEER, _bleio.Address.RANDOM_STATIC)
extended = named("server") + b"\x30\xff" + bytes(47)
for data, options in ((b"", dict(directed_to=peer)), (extended, {})):
    adapter.start_advertising(data, interval=0.03, **options)
    wait(lambda: adapter.connected)
    print("connected", data[:3])
    for count in range(100):
        value.value = bytes(range(count, count + 20))
        time.sleep(0.02)
    wait(lambda: not adapter.connected)
"""

ONCE_EXTENDED = r"""
for _ in range(2):
    connection = meet(extended=True)
    value = discover(connection)[0xFE11]
    buffer = _bleio.CharacteristicBuffer(value, timeout=1)
    value.set_cccd(notify=True)
    print(bytes(value.value), buffer.read(100).hex())
    connection.disconnect()
    wait(lambda: not adapter.connected)
"""

# Security


@kind(seed=11, state=True)
def just_works_bonding_and_coming_back(world: Any) -> None:
    secrets = add(world, "secrets", SECRETS, JUST_WORKS, seconds=60)
    reader = add(world, "reader", SECRETS, READER)
    world.run(until=lambda: not reader.running, within_s=60)
    secrets.power_off()
    reader.power_on(0.5)
    world.run_for(5)
    secrets.power_on()
    world.run(until=lambda: not reader.running, within_s=60)


JUST_WORKS = """
be_there(SECONDS, publish(Attribute.ENCRYPT_NO_MITM))
"""

READER = r"""
connection = meet("secrets", timeout=20)
attempt(read_secret, connection)
attempt(connection.pair)
attempt(read_secret, connection)
connection.disconnect()
wait(lambda: not adapter.connected)
connection = meet("secrets")
time.sleep(1)
print("paired", connection.paired)
attempt(read_secret, connection)
secret = discover(connection)[0xFE21]
secret.set_cccd(notify=True)
connection.disconnect()
wait(lambda: not adapter.connected)
adapter.erase_bonding()
connection = meet("secrets")
attempt(read_secret, connection)
attempt(connection.pair)
attempt(read_secret, connection)
connection.disconnect()
"""


@kind(seed=12, decipher=True)
def numeric_comparison(world: Any) -> None:
    add(world, "secrets", SECRETS, COMPARING, seconds=25)
    reader = add(world, "reader", SECRETS, "adapter.pairing_delegate = User(KD)", READER)
    world.run(until=lambda: not reader.running, within_s=60)


COMPARING = """
adapter.pairing_delegate = User(IoCapability.DISPLAY_YES_NO)
be_there(SECONDS, publish(Attribute.LESC_ENCRYPT_WITH_MITM))
"""


@kind(seed=13)
def passkey_right_and_wrong(world: Any) -> None:
    def shown() -> int:
        lines = [line.text for line in secrets.output.lines if line.text.startswith("shown")]
        return int(lines[-1].split()[1])

    def type_it() -> None:
        import _bleio

        from bleio.api import IoCapability, PairingDelegate

        class Typist(PairingDelegate):
            tries = 0

            def enter_passkey(self, request: object) -> int | None:
                self.tries += 1
                time.sleep(5)
                return (0, None, shown())[self.tries - 1]

        adapter = _bleio.adapter
        adapter.pairing_delegate = Typist(IoCapability.KEYBOARD_ONLY)
        entry = next(iter(adapter.start_scan()))
        adapter.stop_scan()
        for _ in range(3):
            connection = adapter.connect(entry.address, timeout=5)
            try:
                connection.pair()
            except _bleio.SecurityError as error:
                print(error)
            print(connection.paired)
            connection.disconnect()
            while adapter.connected:
                time.sleep(0.1)

    display = COMPARING.replace("DISPLAY_YES_NO", "DISPLAY_ONLY")
    secrets = add(world, "secrets", SECRETS, display, seconds=60)
    typist = world.add(type_it, name="typist")
    world.run(until=lambda: not typist.running, within_s=60)


@kind(seed=14, loss=0.1)
def pairing_asked_by_the_peripheral_with_loss(world: Any) -> None:
    add(world, "secrets", SECRETS, ASKING, seconds=40)
    add(world, "central", SECRETS, "adapter.pairing_delegate = User(KD)", FOLLOWING, seconds=38)
    world.run(until=41)


ASKING = r"""
adapter.pairing_delegate = User(IoCapability.DISPLAY_YES_NO)
adapter.security = SecuritySettings(
    method=PairingMethod.NUMERIC_COMPARISON, secure_connections_only=True, min_key_octets=16)
value = publish(Attribute.ENCRYPT_WITH_MITM)
while time.monotonic() < SECONDS:
    if not adapter.connected and not adapter.advertising:
        adapter.start_advertising(named("secrets"), interval=0.05)
    for connection in adapter.connections:
        if not connection.paired:
            attempt(connection.pair)
        value.value = b"at %d" % time.monotonic()
    time.sleep(0.3)
"""

FOLLOWING = r"""
while time.monotonic() < SECONDS:
    try:
        connection = meet("secrets")
        wait(lambda: connection.paired or not connection.connected)
        secret = discover(connection, 0xFE20)[0xFE21]
        buffer = _bleio.PacketBuffer(secret, buffer_size=4)
        packet = bytearray(64)
        for _ in range(60):
            length = buffer.readinto(packet)
            if length:
                print(bytes(packet[:length]))
            time.sleep(0.1)
        connection.disconnect()
    except Exception as error:
        print(type(error).__name__, error)
    time.sleep(0.5)
"""


@kind(seed=15)
def out_of_band(world: Any) -> None:
    def pair(name: str, peer: str) -> None:
        import _bleio

        from bleio.api import OobData, PairingDelegate

        class Courier(PairingDelegate):
            def out_of_band(self, address: object) -> OobData | None:
                return carried.get(peer)

            def ended(self, request: Any, reason: str | None) -> None:
                print(request.method.value, reason)

        adapter = _bleio.adapter
        adapter.pairing_delegate = Courier()
        mine = adapter.local_oob()
        carried[name] = OobData(confirm=mine.confirm, random=mine.random)
        while peer not in carried:
            time.sleep(0.1)
        if name == "advertiser":
            adapter.start_advertising(b"\x02\x01\x06")
            time.sleep(10)
            return
        entry = next(iter(adapter.start_scan()))
        adapter.stop_scan()
        connection = adapter.connect(entry.address, timeout=5)
        connection.pair()
        print(connection.paired)

    carried: dict[str, Any] = {}
    world.add(partial(pair, "advertiser", "scanner"), name="advertiser")
    world.add(partial(pair, "scanner", "advertiser"), name="scanner", start_s=0.5)
    world.run(until=12)


@kind(seed=16)
def private_addresses_that_change(world: Any) -> None:
    secrets = add(world, "secrets", SECRETS, PRIVATE, JUST_WORKS, seconds=60)
    reader = add(world, "reader", SECRETS, PRIVATE, READER)
    add(world, "stranger", LISTENER, seconds=30)
    world.run(until=lambda: not reader.running, within_s=60)
    world.run_for(12)
    secrets.power_off()
    secrets.power_on()
    reader.power_on()
    world.run(until=lambda: not reader.running, within_s=60)


PRIVATE = "adapter.security = SecuritySettings(private_address=True, rotation_s=5)"


@kind(seed=17)
def signed_writes(world: Any) -> None:
    """The server forgets its bond, so the link stays plain and the client signs in vain."""
    add(world, "server", SECRETS, SIGNED_SERVER)
    add(world, "client", SECRETS, SIGNED_CLIENT)
    world.run(until=20)


SIGNED_SERVER = r"""
service = Service(UUID(0xFE61))
signed = add(service, 0xFE60, C.WRITE_NO_RESPONSE | C.READ, write_perm=Attribute.SIGNED_NO_MITM)
buffer = _bleio.CharacteristicBuffer(signed, timeout=3)
secret = publish(Attribute.OPEN)
be_there(6, secret)
adapter.erase_bonding()
be_there(12, secret)
print(buffer.in_waiting, bytes(signed.value))
"""

SIGNED_CLIENT = r"""
connection = meet("secrets")
connection.pair()
discover(connection)[0xFE60].value = b"encrypted"
connection.disconnect()
time.sleep(8)
connection = meet("secrets")
time.sleep(2)
print("paired", connection.paired)
signed = discover(connection)[0xFE60]
for count in range(3):
    def write():
        signed.value = b"signed %d" % count
    attempt(write)
    time.sleep(0.2)
"""

# Faults, and programs of every habit


@kind(seed=18)
def faults_of_devices(world: Any) -> None:
    server = add(world, "server", SERVER, seconds=100)
    client = add(world, "client", CLIENT, AGAIN, seconds=60)
    world.run_for(4)
    client.drop_links()
    world.run_for(3)
    for _ in range(5):
        server.corrupt_next()
        client.corrupt_next()
        world.run_for(0.7)
    server.power_off()
    world.run_for(8)
    server.power_on(0.25)
    world.run_for(4)
    server.refuse_connections = True
    client.drop_links()
    world.run_for(6)
    server.refuse_connections = False
    world.run_for(5)
    server.slowness = 2000
    world.run_for(8)
    server.slowness, client.slowness = 1, 300
    world.run_for(6)
    client.power_off()
    world.run_for(3)


@kind(seed=19)
def spinning_programs(world: Any) -> None:
    add(world, "server", SPINNING_SERVER, seconds=8)
    add(world, "client", SPINNING_CLIENT)
    for index in range(3):
        add(world, f"spinner {index}", SPINNER, seconds=9)
    world.run(until=10)


SPINNER = r"""
adapter.start_advertising(FLAGS, interval=1.0)
looks = 0
while time.monotonic() < SECONDS and not adapter.connected:
    looks += 1
print(looks)
"""

SPINNING_SERVER = r"""
service = Service(UUID(0xFE10))
rx = add(service, 0xFE11, Characteristic.WRITE_NO_RESPONSE, max_length=100)
tx = add(service, 0xFE12, Characteristic.NOTIFY, max_length=100)
incoming = _bleio.CharacteristicBuffer(rx, timeout=1)
adapter.start_advertising(named("spinning"), interval=0.02)
while not adapter.connected:
    pass
while adapter.connected and time.monotonic() < SECONDS:
    if incoming.in_waiting:
        tx.value = incoming.readline().upper()
"""

SPINNING_CLIENT = r"""
connection = meet("spinning")
found = discover(connection, 0xFE10)
rx, tx = found[0xFE11], found[0xFE12]
back = _bleio.CharacteristicBuffer(tx, timeout=1)
tx.set_cccd(notify=True)
for count in range(40):
    rx.value = b"message %4d\n" % count
    while back.in_waiting < 13:
        pass
    print(back.readline())
    end = time.monotonic() + random.random() / 10
    while time.monotonic() < end:
        pass
connection.disconnect()
"""


@kind(seed=20)
def names_addresses_and_second_adapters(world: Any) -> None:
    add(world, "settings", SETTINGS)
    add(world, "listener", LISTENER, seconds=10)
    world.run(until=12)


SETTINGS = r"""
from bleio.api import Adapter, use_adapter
print(adapter.name, adapter.address, adapter.enabled)
adapter.name = "A name of more than thirty-one octets"
print(adapter.name)
attempt(adapter.connect, _bleio.Address(bytes(6), 0), timeout=1)
adapter.start_advertising(named(adapter.name[:20]), interval=0.1)
time.sleep(1)
adapter.enabled = False
print(adapter.advertising)
attempt(adapter.start_advertising, FLAGS)
adapter.enabled = True
adapter.address = _bleio.Address(b"\1\2\3\4\5\xc6", _bleio.Address.RANDOM_STATIC)
second = Adapter("virtual")
second.start_advertising(named("second"), interval=0.1)
for entry in adapter.start_scan(timeout=2, minimum_rssi=-120):
    print(entry.address, entry.rssi)
connection = adapter.connect(second.address, timeout=5)
print(len(second.connections), connection.connected)
second.enabled = False
wait(lambda: not connection.connected)
attempt(lambda: connection.discover_remote_services())
"""


@kind(seed=21)
def heart_rate_of_the_examples(world: Any) -> None:
    sensor = world.add(EXAMPLES / "heart_rate_peripheral.py")
    reader = world.add(EXAMPLES / "heart_rate_central.py", start_s=1)
    world.run(until=lambda: not reader.running, within_s=60)
    sensor.power_off()


@kind(seed=22, loss=0.05)
def uart_and_beacon_of_the_examples(world: Any) -> None:
    world.add(EXAMPLES / "beacon.py")
    world.add(EXAMPLES / "scanner.py")
    world.add(EXAMPLES / "raw_bleio_peripheral.py")
    world.add(EXAMPLES / "raw_bleio_central.py", start_s=1)
    world.run(until=15)


def run(name: str, folder: Path) -> float:
    """Run one world, write what happened into the folder, and return the seconds that it took."""
    from bleio.testing import World

    begin_s = time.perf_counter()
    options = dict(KINDS[name].options)
    if options.pop("hci", True):
        options["hci_capture"] = folder / "hci"
    if options.pop("state", False):
        options["state_folder"] = folder / "state"
    folder.mkdir(parents=True)
    with World(capture=folder / "air.pcapng", **options) as world:
        KINDS[name].run(world)
        (folder / "trace.txt").write_text(world.trace())
        (folder / "output.txt").write_text(world.output())
        (folder / "figures.txt").write_text(figures(world))
        world.save_keys(folder / "keys.txt")
    if len((folder / "keys.txt").read_text().splitlines()) == 1:  # only its heading
        (folder / "keys.txt").unlink()
    return time.perf_counter() - begin_s


def figures(world: Any) -> str:
    """Return the world's time, its packets and how long each radio was on, in lines of text."""
    lines = [f"{world.now_s:.6f} s, {world.packet_count} packets"]
    for name, device in world.devices.items():
        energy = device.energy
        lines.append(f"{name}: tx_us {energy.tx_us} rx_us {energy.rx_us}")
    return "\n".join(lines) + "\n"


def main(folder: str, *names: str) -> None:
    """Run the worlds of those names, by default all, in two processes."""
    for setting in [each for each in os.environ if each.startswith("BLEIO_")]:
        del os.environ[setting]
    os.environ["BLEIO_CAPTURE_KEYS"] = "1"
    place = Path(folder)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        runs = {name: pool.submit(run, name, place / name) for name in names or KINDS}
        failed = []
        for name, each in runs.items():
            try:
                print(f"{each.result():6.2f} s  {name}", flush=True)
            except Exception as error:
                failed.append(name)
                print(f"FAILED    {name}: {type(error).__name__}: {error}", flush=True)
    if failed:
        raise SystemExit(f"{len(failed)} of {len(runs)} worlds failed")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
