"""How fast worlds run, on all cores.

    python bench/worlds.py NAME

Prints how many seconds one took as JSON, from its making to its end; a short one is the mean of
several. Another world has run before. With PYTHONPATH it runs with another version of bleio, so
what is used here is what older ones have, too.
"""

from __future__ import annotations

import json
import sys
import time

from bleio.testing import World

NUS = "6E400001-B5A3-F393-E0A9-E50E24DCCA9E"
RX = "6E400002-B5A3-F393-E0A9-E50E24DCCA9E"
TX = "6E400003-B5A3-F393-E0A9-E50E24DCCA9E"

UART_SERVER = f"""
import _bleio
service = _bleio.Service(_bleio.UUID("{NUS}"))
rx = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID("{RX}"), properties=_bleio.Characteristic.WRITE_NO_RESPONSE)
tx = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID("{TX}"), properties=_bleio.Characteristic.NOTIFY)
incoming = _bleio.CharacteristicBuffer(rx, timeout=100)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
while not _bleio.adapter.connected:
    pass
while _bleio.adapter.connected:
    line = incoming.readline()
    tx.value = line.upper()
"""

UART_CLIENT = f"""
import time
import _bleio
for entry in _bleio.adapter.start_scan(timeout=10):
    if entry.connectable:
        break
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(entry.address, timeout=10)
(service,) = connection.discover_remote_services((_bleio.UUID("{NUS}"),))
by_uuid = {{each.uuid: each for each in service.characteristics}}
rx, tx = by_uuid[_bleio.UUID("{RX}")], by_uuid[_bleio.UUID("{TX}")]
back = _bleio.CharacteristicBuffer(tx, timeout=5)
tx.set_cccd(notify=True)
count = 0
start = time.monotonic()
while time.monotonic() < start + 60:
    rx.value = b"message %4d\\n" % count
    assert back.readline() == b"MESSAGE %4d\\n" % count
    count += 1
    time.sleep(max(0, start + count / 20 - time.monotonic()))
print(count, "messages")
connection.disconnect()
"""

BEACON = """
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", connectable=False, interval=1.0)
import time
time.sleep(3600)
"""

SCANNER = """
import _bleio
count = 0
for entry in _bleio.adapter.start_scan(timeout=3600, active=False, interval=0.1, window=0.1):
    count += 1
print(count, "packets heard")
"""


def uart_pair() -> World:
    """One minute of lines there and back, 20 a second."""
    return _talk(UART_SERVER, UART_CLIENT)


def _talk(server: str, client: str) -> World:
    world = World(seed=1)
    world.add(source=server, name="server")
    talker = world.add(source=client, name="client")
    world.run(until=lambda: not talker.running)
    assert talker.text == "1200 messages\n"
    return world


def beacon() -> World:
    """One hour of a beacon, once a second, and a scanner that always listens."""
    world = World(seed=1)
    world.add(source=BEACON, name="beacon")
    scanner = world.add(source=SCANNER, name="scanner")
    world.run(until=lambda: not scanner.running, within_s=3700)
    assert int(scanner.text.split()[0]) > 3500
    return world


SPINNING_SERVER = UART_SERVER.replace(
    "    line = incoming.readline()\n",
    "    while _bleio.adapter.connected and not incoming.in_waiting:\n"
    "        pass\n"
    "    line = incoming.readline() if incoming.in_waiting else b''\n",
)

SPINNING_CLIENT = UART_CLIENT.replace(
    "    time.sleep(max(0, start + count / 20 - time.monotonic()))\n",
    "    while time.monotonic() < start + count / 20:\n        pass\n",
)

SPINNER = """
import time
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=1.0)
while time.monotonic() < 60 and not _bleio.adapter.connected:
    pass
"""


def spinning_uart_pair() -> World:
    """The same lines, but both devices spin in place of waiting."""
    return _talk(SPINNING_SERVER, SPINNING_CLIENT)


def two_spin() -> World:
    """Two devices that spin on `connected` and the time for a minute."""
    return _spin(2)


def three_spin() -> World:
    """Three of them."""
    return _spin(3)


def ten_spin() -> World:
    """Ten of them."""
    return _spin(10)


def _spin(devices: int) -> World:
    world = World(seed=1)
    for _ in range(devices):
        world.add(source=SPINNER)
    world.run()
    return world


PAIRING_SERVER = """
import time
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
while not _bleio.adapter.connected:
    time.sleep(0.01)
while _bleio.adapter.connected:
    time.sleep(0.01)
"""

PAIRING_CLIENT = """
import _bleio
entry = next(iter(_bleio.adapter.start_scan(timeout=10)))
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(entry.address, timeout=10)
connection.pair()
assert connection.paired
connection.disconnect()
"""


def pairing() -> World:
    """Two devices meet and pair."""
    world = World(seed=1)
    world.add(source=PAIRING_SERVER, name="server")
    world.add(source=PAIRING_CLIENT, name="client")
    world.run()
    return world


ADVERTISER = """
import time
import _bleio
time.sleep({number} / 1000)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", connectable=False, interval=0.1)
time.sleep(60)
"""

LISTENER = """
import _bleio
count = 0
for entry in _bleio.adapter.start_scan(timeout=60, active=False, interval=0.1, window=0.1):
    count += 1
print(count, "packets heard")
"""


def hundred_advertise() -> World:
    """A hundred devices advertise every 100 ms, and one scans, for a minute."""
    world = World(seed=1)
    for number in range(100):
        world.add(source=ADVERTISER.format(number=number), name=f"beacon{number}")
    listener = world.add(source=LISTENER, name="listener")
    world.run(until=lambda: not listener.running)
    assert int(listener.text.split()[0]) > 50_000
    return world


TIMES = {"pairing": 20, "two_spin": 5}


def main(name: str) -> None:
    """Measure one."""
    pairing().close()  # loads what worlds need
    times = TIMES.get(name, 1)
    begin = time.perf_counter()
    for _ in range(times):
        globals()[name]().close()
    print(json.dumps({"value": (time.perf_counter() - begin) / times}))


if __name__ == "__main__":
    main(sys.argv[1])
