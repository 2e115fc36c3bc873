"""How much the simulated radio takes: processor time and memory of crowds and of one link.

python bench/radio.py [--quick]
"""

from __future__ import annotations

import asyncio
import resource
import struct
import sys
import time
import tracemalloc
from random import Random

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from bleio.radio.controller import Controller
from bleio.radio.sharing.driver import Driver

SECOND = 1_000_000


class Host:
    """Counts what its controller says."""

    def __init__(self, radio: Radio, index: int) -> None:
        self.reports = self.handle = self.completed = 0
        self.controller = Controller(radio, self._packet)
        for opcode in (0x0C01, 0x2001):
            self.command(opcode, b"\xff" * 8)
        self.address = index.to_bytes(3, "little") + b"\x00\x00\xc0"
        self.command(0x2005, self.address)

    def _packet(self, packet: bytes) -> None:
        if packet[:2] == b"\x04\x3e":
            self.reports += packet[3] == 0x02
            if packet[3] == 0x0A:
                (self.handle,) = struct.unpack_from("<H", packet, 5)
        elif packet[:2] == b"\x04\x13":
            self.completed += 1

    def command(self, opcode: int, parameters: bytes = b"") -> None:
        self.controller.receive(struct.pack("<BHB", 1, opcode, len(parameters)) + parameters)

    def advertise(self, interval_ms: float, kind: int = 3) -> None:
        units = round(interval_ms / 0.625)
        timing = struct.pack("<HHBBB6sBB", units, units, kind, 1, 0, bytes(6), 7, 0)
        self.command(0x2006, timing)
        self.command(0x2008, b"\x15" + bytes(31))
        self.command(0x200A, b"\x01")

    def scan(self) -> None:
        self.command(0x200B, struct.pack("<BHHBB", 0, 160, 160, 1, 0))
        self.command(0x200C, b"\x01\x00")


def crowd(count: int, interval_ms: float, propagation: Propagation) -> tuple[Radio, Host]:
    """Advertisers, all begun by now at random moments of an interval, and one scanner."""
    radio, starts = Radio(1, propagation), Random(1)
    scanner = Host(radio, 0)
    interval_us = round(interval_ms * 1000)
    for index in range(1, count + 1):
        host = Host(radio, index)
        x, y = divmod(index, 100)
        host.controller.layer.station.position = (x + 1.0, float(y), 0.0)
        radio.schedule_in(starts.randrange(interval_us), host.advertise, interval_ms)
    scanner.scan()
    radio.run_until(interval_us)
    scanner.reports = 0
    return radio, scanner


async def in_real_time(count: int, interval_ms: float, seconds: float) -> None:
    radio, scanner = crowd(count, interval_ms, Propagation())
    driver = Driver(radio)
    begin = time.process_time()
    await asyncio.sleep(seconds)
    used = time.process_time() - begin
    driver.close()
    print(
        f"real time, {count:6} advertisers at {interval_ms:g} ms: {used / seconds:6.1%} of a core, "
        f"{scanner.reports / seconds:.0f} reports/s, {driver.times_behind} times behind"
    )


def in_virtual_time(count: int, seconds: int, name: str, propagation: Propagation) -> None:
    radio, scanner = crowd(count, 1000, propagation)
    begin = time.process_time()
    radio.run_until(radio.now_us + seconds * SECOND)
    took = time.process_time() - begin
    memory = memory_kib(count, propagation)
    print(
        f"virtual time, {name:9} {count:6} advertisers at 1 s for {seconds} s: {took:6.2f} s, "
        f"{took / count / seconds * 1e6:5.1f} us per event, {memory:.1f} KiB each, "
        f"{scanner.reports} reports"
    )


def memory_kib(count: int, propagation: Propagation) -> float:
    """What each of a crowd takes after three seconds; counting slows a run down."""
    tracemalloc.start()
    radio, scanner = crowd(count, 1000, propagation)
    radio.run_until(radio.now_us + 2 * SECOND)
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert scanner.controller.layer.radio is radio  # it is alive, as all of them are
    return memory / count / 1024


def link(name: str, propagation: Propagation, seconds: int) -> None:
    """One message each way every 50 ms."""
    radio = Radio(1)
    central, peripheral = Host(radio, 1), Host(radio, 2)
    peripheral.advertise(20, kind=0)
    timing = struct.pack(
        "<HHBB6sBHHHHHH", 16, 16, 0, 1, peripheral.address, 1, 12, 12, 0, 400, 0, 0
    )
    central.command(0x200D, timing)
    radio.run_until(SECOND)
    radio.medium.propagation = propagation
    message = bytes(20)
    begin = time.process_time()
    for _ in range(seconds * 20):
        for host in (central, peripheral):
            head = struct.pack("<BHH", 2, host.handle, len(message))
            host.controller.receive(head + message)
        radio.run_until(radio.now_us + 50_000)
    took = time.process_time() - begin
    print(
        f"a link at 15 ms, {name:9} 2 x 20 messages/s for {seconds} s: {took:.2f} s, "
        f"{central.completed + peripheral.completed} arrived"
    )


def main() -> None:
    quick = "--quick" in sys.argv
    real = Propagation(path_loss_db=None, noise=True, collisions=True)
    asyncio.run(in_real_time(1_000, 1000, 3 if quick else 20))
    asyncio.run(in_real_time(1_000, 100, 3 if quick else 20))
    for name, propagation in (("ideal", Propagation()), ("physics", real)):
        for count in (100, 1_000) if quick else (100, 1_000, 10_000):
            in_virtual_time(count, 10, name, propagation)
    for name, propagation in (("ideal", Propagation()), ("20 % loss", Propagation(loss=0.2))):
        link(name, propagation, 60)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
