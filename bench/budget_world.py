"""What is counted in a world of two devices; see budget.py."""

from __future__ import annotations

from profile_calls import Cost, profiled

COUNTING = """
import time
import _bleio
C = _bleio.Characteristic

def begin_counting(): pass
def end_counting(): pass

TIMES = {times}

def count(act):
    for _ in range({times}):  # what is made at the first time is not counted
        act()
    begin_counting()
    for _ in range({times}):
        act()
    end_counting()
"""
SERVER = """
service = _bleio.Service(_bleio.UUID(0xFE10))
value = C.add_to_service(service, _bleio.UUID(0xFE11), properties=C.NOTIFY | C.READ, max_length=244,
                         initial_value=bytes(100))
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
"""
SLEEP = "time.sleep(1e6)\n"
FIND = """
entry = next(iter(_bleio.adapter.start_scan(timeout=10)))
_bleio.adapter.stop_scan()
"""
CLIENT = f"""{FIND}
connection = _bleio.adapter.connect(entry.address, timeout=10)
(service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
(value,) = service.characteristics
"""
SENDER = f"""{SERVER}
while not _bleio.adapter.connected:
    time.sleep(0.01)
time.sleep(2)
while True:
    value.value = bytes(244)
    time.sleep(0.02)
"""
RECEIVER = f"""{CLIENT}
buffer = _bleio.PacketBuffer(value, buffer_size=8, max_packet_size=244)
packet = bytearray(244)
def receive():
    while not buffer.readinto(packet):
        time.sleep(0.02)
receive()
count(receive)
"""
READER = f"{CLIENT}\ncount(lambda: value.value)\n"
LOOKER = "count(lambda: _bleio.adapter.connected)\n"
SCANNER = """
entries = iter(_bleio.adapter.start_scan(timeout=60))
def hear():
    entry = next(entries)
    return entry.address, entry.advertisement_bytes, entry.rssi
count(hear)
"""
AGAIN = f"""{SERVER}
while True:
    if not (_bleio.adapter.connected or _bleio.adapter.advertising):
        _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
    time.sleep(0.05)
"""
CONNECTOR = f"""{FIND}
def connect():
    _bleio.adapter.connect(entry.address, timeout=10).disconnect()
    time.sleep(0.2)
count(connect)
"""

SLEEPER = "count(lambda: time.sleep(0.001))\n"
TIMER = """
import asyncio
async def some():
    for _ in range(TIMES):
        await asyncio.sleep(0.001)
async def main():
    await some()
    begin_counting()
    await some()
    end_counting()
asyncio.run(main())
"""

WORLDS = {
    "notification": (SENDER, RECEIVER),
    "read": (SERVER + SLEEP, READER),
    "look": (SERVER + SLEEP, LOOKER),
    "report": (SERVER + SLEEP, SCANNER),
    "connection": (AGAIN, CONNECTOR),
    "sleep": (SERVER + SLEEP, SLEEPER),
    "timer of asyncio": (SERVER + SLEEP, TIMER),
}


def in_world(what: str, times: int) -> Cost:
    """Count in a world of two devices."""
    from bleio.testing import World

    with profiled(in_world=True) as profile, World(seed=1) as world:
        counting = COUNTING.format(times=times)
        server, client = (counting + source for source in WORLDS[what])
        world.add(source=server, name="server")
        counter = world.add(source=client, name="client")
        world.run(until=lambda: not counter.running)
    return profile.cost(times)
