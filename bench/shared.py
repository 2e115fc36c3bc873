"""Real time: a shared radio with one busy link, with twenty links, and processes with an idle link.

    python bench/shared.py limit|many12|many20|idle [SECONDS]

limit: one link at 2M PHY and 15 ms carries as many notifications of 244 octets as it can.
many: one central has twenty links, each of 50 notifications a second, with their time, of 12 or 20
octets. At 15 ms and 2M, anchor points of 20 links are 0.47 to 0.94 ms apart; an exchange with 12
octets takes 0.46 ms, one with 20 octets 0.50 ms.
idle: what a process with one link takes that nothing is said on: of ours on a scripted controller
and on a shared radio, of bumble's host on both, and the radio's own process.

Prints figures as JSON: per second, milliseconds, parts of a core, MiB. Linux only, for /proc.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from host import scripted

SECONDS = 5.0
OCTETS = 244
# Of one exchange at 2M, 4 us an octet: preamble 2, address 4, header 2, CRC 3; data 251, or none.
INTERVAL_US = 15_000
EXCHANGE_US = (11 + 251) * 4 + 150 + 11 * 4 + 150
LIMIT_PER_S = INTERVAL_US // EXCHANGE_US * 1e6 / INTERVAL_US
LINKS, PER_S = 20, 50

SENDER = f"""
import _bleio
C = _bleio.Characteristic
value = C.add_to_service(_bleio.Service(_bleio.UUID(0xFE10)), _bleio.UUID(0xFE11),
                         properties=C.NOTIFY, max_length={OCTETS})
buffer = _bleio.PacketBuffer(value, buffer_size=1)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
print("up", flush=True)
number = 0
while True:
    if buffer.write(number.to_bytes(4, "little") * {OCTETS // 4}):
        number += 1
    elif number:
        break
    else:
        time.sleep(0.01)
"""

RECEIVER = f"""
import _bleio
entry = next(iter(_bleio.adapter.start_scan(timeout=10)))
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(entry.address, timeout=10)
(service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
(value,) = service.characteristics
connection.connection_interval = {INTERVAL_US / 1000}
assert connection.connection_interval == {INTERVAL_US / 1000}
buffer = _bleio.PacketBuffer(value, buffer_size=64)
packet, number = bytearray({OCTETS}), 0

def receive(seconds):
    global number
    begin, first = time.monotonic(), number
    while time.monotonic() < begin + seconds:
        if buffer.readinto(packet):
            assert packet == number.to_bytes(4, "little") * {OCTETS // 4}
            number += 1
        else:
            time.sleep(0.002)
    return (number - first) / (time.monotonic() - begin)

receive(1)
print("begin", flush=True)
rate = receive(float(sys.argv[1]))
print(json.dumps({{"value": rate}}), flush=True)
sys.stdin.readline()
"""

# All in one process, which sends to its links in turns, at equal distances.
SENDERS = f"""
import _bleio
C = _bleio.Characteristic
adapters = [_bleio.Adapter("virtual:bench") for _ in range({LINKS})]
values = []
for adapter in adapters:
    _bleio.set_adapter(adapter)
    service = _bleio.Service(_bleio.UUID(0xFE10))
    values.append(C.add_to_service(service, _bleio.UUID(0xFE11), properties=C.NOTIFY,
                                   max_length=20))
    adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
print("up", flush=True)
sys.stdin.readline()
count = round(float(sys.argv[1]) * {PER_S})
begin = time.monotonic()
for number in range(count * {LINKS}):
    time.sleep(max(0, begin + number / {LINKS * PER_S} - time.monotonic()))
    octets = number.to_bytes(4, "little") + time.monotonic_ns().to_bytes(8, "little")
    values[number % {LINKS}].value = octets + bytes(int(sys.argv[2]) - 12)
print("sent", flush=True)
sys.stdin.readline()
"""

RECEIVERS = f"""
import _bleio
addresses = set()
for entry in _bleio.adapter.start_scan(timeout=20):
    addresses.add(entry.address)
    if len(addresses) == {LINKS}:
        break
_bleio.adapter.stop_scan()
buffers = []
for address in addresses:
    connection = _bleio.adapter.connect(address, timeout=10)
    (service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
    (value,) = service.characteristics
    buffers.append(_bleio.PacketBuffer(value, buffer_size=64))
interval = connection.connection_interval
print("begin", flush=True)
count = round(float(sys.argv[1]) * {PER_S})
packet, last, late = bytearray(20), [None] * {LINKS}, []
end = time.monotonic() + float(sys.argv[1]) + 5
while len(late) < count * {LINKS} and time.monotonic() < end:
    for index, buffer in enumerate(buffers):
        while buffer.readinto(packet):
            late.append((time.monotonic_ns() - int.from_bytes(packet[4:12], "little")) / 1e6)
            number = int.from_bytes(packet[:4], "little")
            assert last[index] is None or number == last[index] + {LINKS}
            last[index] = number
    time.sleep(0.001)
late.sort()
print(json.dumps({{"delivered": len(late) / count / {LINKS}, "interval": interval,
                  "half": late[len(late) // 2], "p99": late[len(late) * 99 // 100]}}), flush=True)
sys.stdin.readline()
"""

# Processes with an idle link, which measure themselves when they are told to.
MEASURE = """
def measure():
    print("linked", flush=True)
    sys.stdin.readline()
    begin = time.process_time()
    time.sleep(float(sys.argv[1]))
    used = (time.process_time() - begin) / float(sys.argv[1])
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    print(json.dumps({"cpu": used, "mib": pages * os.sysconf("SC_PAGESIZE") / 2**20}), flush=True)
    sys.stdin.readline()
"""
OUR_CENTRAL = f"""{MEASURE}
import _bleio
address = _bleio.Address(bytes.fromhex(sys.argv[2]), _bleio.Address.RANDOM_STATIC)
connection = _bleio.adapter.connect(address, timeout=10)
measure()
"""
OUR_PEER = """
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
print(_bleio.adapter.address.address_bytes.hex(), flush=True)
sys.stdin.readline()
"""
BUMBLE_CENTRAL = f"""{MEASURE}
import asyncio
from bumble.device import Device, Peer
from bumble.hci import Address
from bumble.transport import open_transport

async def main():
    async with await open_transport("unix:" + sys.argv[3]) as transport:
        own = Address("C1:00:00:00:00:01")
        device = Device.with_hci("bench", own, transport.source, transport.sink)
        await device.power_on()
        peer = Address(bytes.fromhex(sys.argv[2]), Address.RANDOM_DEVICE_ADDRESS)
        connection = await device.connect(peer)
        await asyncio.to_thread(measure)

asyncio.run(main())
"""
PREFACE = "import json, os, sys, time\n"


class Lab:
    """A shared radio, and programs on it."""

    def __init__(self, folder: str, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.socket = f"{folder}/radio.sock"
        self.radio = self._start("-m", "bleio", "radio", "bench", "--listen", f"unix:{self.socket}")
        while "Ready" not in said(self.radio):
            pass

    def program(self, source: str, *arguments: object, adapter: str = "virtual:bench") -> Process:
        return self._start("-c", PREFACE + source, *map(str, arguments), adapter=adapter)

    def _start(self, *arguments: str, adapter: str = "") -> Process:
        environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": self.folder,
            "BLEIO_STATE_DIR": tempfile.mkdtemp(dir=self.folder),
            "BLEIO_ADAPTER": adapter,
        }
        process = subprocess.Popen(
            [sys.executable, "-u", *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.stack.callback(end, process)
        return process


Process = subprocess.Popen[str]


@contextmanager
def lab() -> Iterator[Lab]:
    """Start a radio, and end all at the end."""
    with tempfile.TemporaryDirectory(prefix="bleio-") as folder, ExitStack() as stack:
        yield Lab(folder, stack)


def end(process: Process) -> None:
    process.kill()
    process.communicate()


def said(process: Process) -> str:
    """Return the next line of a program."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "a program of the bench has ended"
    return line.strip()


def tell(process: Process) -> None:
    """Have a program go on that reads a line."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def used_s(process: Process) -> float:
    """Return the processor time of a process."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def parts_of_a_core(processes: dict[str, Process]) -> Callable[[float], dict[str, float]]:
    """Measure from now on. Returns: what says how much each used of a core, given the seconds."""
    before = {name: used_s(process) for name, process in processes.items()}
    return lambda seconds: {
        name: (used_s(process) - before[name]) / seconds for name, process in processes.items()
    }


def limit(seconds: float) -> dict[str, float]:
    """One link, as much as it carries."""
    with lab() as bench:
        sender = bench.program(SENDER)
        assert said(sender) == "up"
        receiver = bench.program(RECEIVER, seconds)
        assert said(receiver) == "begin"
        parts = parts_of_a_core({"radio": bench.radio, "sender": sender, "receiver": receiver})
        result = json.loads(said(receiver))
        cores = parts(seconds)
    return {**result, "limit": LIMIT_PER_S, **cores, "all": sum(cores.values())}


def many(octets: int, seconds: float) -> dict[str, float]:
    """Twenty links."""
    with lab() as bench:
        senders = bench.program(SENDERS, seconds, octets)
        assert said(senders) == "up"
        receiver = bench.program(RECEIVERS, seconds)
        assert said(receiver) == "begin"
        parts = parts_of_a_core({"radio": bench.radio, "sender": senders, "receiver": receiver})
        tell(senders)
        result: dict[str, float] = json.loads(said(receiver))
        cores = parts(seconds)
    return {**result, "intervals": result["p99"] / result["interval"], **cores}


def idle(seconds: float) -> dict[str, float]:
    """One idle link each, measured at the same time."""
    peer_address = "0102030405c6"
    with lab() as bench, scripted(1) as ours, scripted(1) as bumbles:
        peers = [bench.program(OUR_PEER) for _ in range(2)]
        addresses = [said(peer) for peer in peers]
        programs = {
            "hci": bench.program(OUR_CENTRAL, seconds, peer_address, adapter=f"hci:unix:{ours}"),
            "shared": bench.program(OUR_CENTRAL, seconds, addresses[0]),
            "bumble_hci": bench.program(BUMBLE_CENTRAL, seconds, peer_address, bumbles),
            "bumble_shared": bench.program(BUMBLE_CENTRAL, seconds, addresses[1], bench.socket),
        }
        for program in programs.values():
            assert said(program) == "linked"
        time.sleep(1)
        before = used_s(bench.radio)
        for program in programs.values():
            tell(program)
        result = {}
        for name, program in programs.items():
            for figure, number in json.loads(said(program)).items():
                result[f"{name}_{figure}"] = number
        result["radio_cpu"] = (used_s(bench.radio) - before) / seconds
    return result


if __name__ == "__main__":
    kinds = {"limit": limit, "many12": partial(many, 12), "many20": partial(many, 20), "idle": idle}
    take = kinds[sys.argv[1]]
    print(json.dumps(take(float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS)))
