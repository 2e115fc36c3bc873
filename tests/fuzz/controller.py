"""Target: what hosts say to virtual controllers, several of them on one air.

Commands are taken from the controllers' own table, with fields of the right size and values that
mostly mean something: handles of links that are there, addresses of the other hosts, numbers at the
ends of their ranges. Usual sequences are among them, so that there is something to disturb. Each
command must have its one answer, each event its length; and after a reset of all of them nothing is
left of what was, and two can connect.

The link layer's own PDUs cannot be forged by a host, for controllers make them; what is said to
controllers is what reaches them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from contextlib import suppress

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from bleio.radio.controller.dispatch import COMMANDS, Command
from bleio.radio.controller.flow import ACL_BUFFERS
from bleio.radio.controller.information import MAX_ADVERTISING_SETS
from fuzz.att import mutate
from fuzz.decisions import Decisions
from support.raw_host import MS, RESET, SECOND, RawHost, handle_of, new_hosts

OPCODES = sorted(COMMANDS)
_FIELD = re.compile(r"(\d*)([a-zA-Z])")
_SIZES = {"B": 1, "b": 1, "H": 2, "I": 4, "Q": 8}
# Of one host, which asks for nothing while the others are not heard: what waits at its controller.
MAX_TIMERS = 2_000
MAX_WAITING = ACL_BUFFERS + 40


class Host(RawHost):
    """A host that says anything."""

    def say(self, opcode: int, parameters: bytes) -> None:
        """Send a command, which must be answered once, or not at all where it is a silent one."""
        packet = struct.pack("<BHB", 1, opcode, len(parameters)) + parameters
        self.answers.clear()
        self.controller.receive(packet)
        entry = COMMANDS.get(opcode)
        if entry is not None and entry.silent and not self.answers:
            return
        assert len(self.answers) == 1, f"{opcode:04x} was answered {len(self.answers)} times"
        assert self.answers[0][0] == opcode

    def must(self, opcode: int, parameters: bytes = b"") -> bytes:
        """A step of a usual sequence; it may come at the wrong time here."""
        self.say(opcode, parameters)
        return b""

    def forget(self) -> None:
        """Let memory not be the target's own."""
        for kept in (self.packets, self.events, self.acl):
            del kept[:]


class Talk:
    """Some hosts on one air, and what they say."""

    def __init__(self, random: Decisions) -> None:
        self.random = random
        self.loss = random.choice((0.0, 0.0, 0.3))
        propagation = Propagation(loss=self.loss, collisions=self.loss > 0)
        self.radio = Radio(seed=1, propagation=propagation)
        self.hosts = [Host(self.radio, address=f"c000000000{n:02x}") for n in range(1, 4)]
        if random.random() < 0.7:
            central, peripheral, _ = self.hosts
            peripheral.advertise(interval_ms=20)
            central.connect(peripheral.random_address)
            self.radio.run_until(self.radio.now_us + 200 * MS)

    def step(self) -> None:
        host = self.random.choice(self.hosts)
        says: Callable[[Host], None] = self.random.choice(self.SAYINGS)
        says(self, host)
        self.check()

    def handle(self, host: Host) -> int:
        links = list(host.controller.layer.links)
        if links and self.random.random() < 0.9:
            return self.random.choice(links)
        return self.random.choice((0, 0x0FFF, 0xFFFF, self.random.getrandbits(16)))

    def address(self) -> bytes:
        host = self.random.choice(self.hosts)
        layer = host.controller.layer
        own = layer.random_address.octets if layer.random_address else bytes(6)
        return self.random.choice((own, own, layer.public_address.octets, bytes(6), b"\xff" * 6))

    # Commands

    def commands(self, host: Host) -> None:
        entry = COMMANDS[self.random.choice(OPCODES)]
        host.say(entry.opcode, self.parameters(entry, host)[:255])

    def parameters(self, entry: Command, host: Host) -> bytes:
        octets = b""
        for count, kind in _FIELD.findall(entry.layout.format):
            if kind == "s":
                octets += self.text(int(count))
            else:
                for _ in range(int(count or 1)):
                    octets += self.number(_SIZES[kind], not octets, host)
        if entry.tail:
            octets += self.random.randbytes(self.random.choice((0, 4, 8, 31, 60)))
        if self.random.random() < 0.05:
            octets = mutate(self.random, octets)
        return octets

    def number(self, size: int, first: bool, host: Host) -> bytes:
        if size == 2 and first:
            return struct.pack("<H", self.handle(host))
        most = (1 << 8 * size) - 1
        values = (
            0,
            1,
            1,
            2,
            3,
            6,
            16,
            24,
            27,
            100,
            251,
            400,
            most,
            self.random.getrandbits(8 * size),
        )
        return min(self.random.choice(values), most).to_bytes(size, "little")

    def text(self, size: int) -> bytes:
        if size == 6:
            return self.address()
        if self.random.random() < 0.5:
            return bytes((self.random.choice((0, 32, 0xFF)),)) + bytes(size - 1)
        return self.random.randbytes(size)

    def anything(self, host: Host) -> None:
        if self.random.random() < 0.5:
            host.say(self.random.getrandbits(16), self.random.randbytes(self.random.randrange(9)))
        else:
            host.controller.receive(self.random.randbytes(self.random.randrange(9)))
            self.check()

    def sends(self, host: Host) -> None:
        payload = self.random.randbytes(self.random.choice((0, 1, 27, 251, 252)))
        host.send_acl(self.handle(host) & 0xFFF, payload, self.random.choice((0, 2, 1, 3)))

    # Usual sequences

    def advertises(self, host: Host) -> None:
        host.advertise(
            interval_ms=self.random.choice((20, 100, 1)),
            kind=self.random.choice((0, 1, 2, 3, 4)),
            peer=self.address(),
            peer_type=self.random.randrange(2),
            data=self.random.randbytes(self.random.choice((3, 31))),
        )

    def advertises_extended(self, host: Host) -> None:
        number, data = self.random.randrange(3), self.random.randbytes(self.random.choice((3, 200)))
        properties = self.random.choice((0, 1, 2, 4, 0x10, 0x13, 0x20))
        interval = (32).to_bytes(3, "little")
        head = struct.pack("<BH", number, properties) + interval + interval
        phys = struct.pack("<BBB", 1, 0, self.random.choice((1, 2, 3)))
        host.say(
            0x2036, head + struct.pack("<BBB6sBb", 7, 1, 0, self.address(), 0, 127) + phys + b"\1\0"
        )
        host.say(0x2035, bytes((number,)) + b"\3\0\0\0\0\xc0")
        host.say(0x2037, struct.pack("<BBBB", number, 3, 1, len(data)) + data)
        host.say(0x2038, struct.pack("<BBBB", number, 3, 1, len(data)) + data)
        host.say(0x2039, struct.pack("<BBBHB", 1, 1, number, self.random.choice((0, 5)), 0))

    def scans(self, host: Host) -> None:
        if self.random.random() < 0.5:
            host.scan(active=self.random.random() < 0.5)
        else:
            host.say(0x2041, struct.pack("<BBBBHH", 1, 0, 1, 1, 16, 16))
            host.say(0x2042, struct.pack("<BBHH", 1, 0, self.random.choice((0, 10)), 0))

    def connects(self, host: Host) -> None:
        latency, timeout_ms = self.random.choice(((0, 1000), (4, 1000), (0, 100)))
        with suppress(struct.error):
            host.connect(self.address(), latency=latency, timeout_ms=timeout_ms)

    def encrypts(self, host: Host) -> None:
        handle = self.handle(host)
        key = self.random.choice((bytes(16), b"the same key 123"))
        if self.random.random() < 0.5:
            host.say(0x2019, struct.pack("<H8sH16s", handle, bytes(8), 0, key))
        elif self.random.random() < 0.8:
            host.say(0x201A, struct.pack("<H16s", handle, key))
        else:
            host.say(0x201B, struct.pack("<H", handle))

    def procedures(self, host: Host) -> None:
        handle = struct.pack("<H", self.handle(host))
        timing = struct.pack("<HHHHHH", 12, self.random.choice((12, 24)), 0, 100, 0, 0)
        length = struct.pack("<HH", self.random.choice((27, 251)), 2120)
        phys = struct.pack("<BBBH", 0, *(self.random.choice((1, 2, 4)) for _ in "12"), 0)
        opcode, parameters = self.random.choice(
            (
                *((0x2013, timing), (0x2020, timing), (0x2021, b"\x3b"), (0x2016, b"")),
                *((0x041D, b""), (0x2022, length), (0x2032, phys), (0x0406, b"\x13")),
            )
        )
        host.say(opcode, handle + parameters)

    def completes(self, host: Host) -> None:
        """Flow control towards the host, and what it says of it."""
        if self.random.random() < 0.3:
            host.say(0x0C31, bytes((self.random.choice((0, 1)),)))
            host.say(0x0C33, struct.pack("<HBHH", 251, 0, self.random.choice((1, 4)), 0))
        else:
            handle, count = self.handle(host), self.random.choice((1, 2, 0xFFFF))
            host.say(0x0C35, struct.pack("<BHH", 1, handle, count))

    def congests(self, host: Host) -> None:
        if host.controller.attached:
            host.controller.congested = self.random.random() < 0.5

    def resets(self, host: Host) -> None:
        if self.random.random() < 0.3:
            host.say(RESET, b"")
            host.say(0x2005, self.random.choice((b"\1\0\0\0\0\xc0", b"\2\0\0\0\0\xc0")))

    def passes(self, host: Host) -> None:
        """Time goes by."""
        ms = self.random.choice((1, 5, 30, 30, 200, 1500))
        self.radio.run_until(self.radio.now_us + ms * MS)

    SAYINGS = (
        *(commands, commands, commands, commands, anything, sends, sends, sends, advertises),
        *(advertises_extended, scans, connects, connects, encrypts, procedures, procedures),
        *(completes, congests, resets, passes, passes, passes, passes, passes),
    )

    # What holds

    def check(self) -> None:
        """Nothing that hosts say fills anything without bound."""
        assert len(self.radio.clock._heap) <= MAX_TIMERS
        for host in self.hosts:
            controller = host.controller
            assert 0 <= controller.host.acl_in_flight <= ACL_BUFFERS
            assert not controller._after_reply
            assert len(controller.layer.advertisers) <= MAX_ADVERTISING_SETS
            for end in controller.layer.links.values():
                assert end.queue.waiting <= MAX_WAITING, end.queue.waiting
            assert len(host.packets) < 20_000
            host.forget()

    def end(self) -> None:
        """After a reset nothing is left, and the air is as good as new."""
        for host in self.hosts:
            host.controller.congested = False
            host.say(RESET, b"")
        self.radio.run_until(self.radio.now_us + 40 * SECOND)
        for host in self.hosts:
            layer = host.controller.layer
            assert not layer.links and not layer.advertisers
            assert host.controller.host.acl_in_flight == 0
        if self.loss:
            return  # a connection request may get lost
        central, peripheral = new_hosts(self.radio)
        peripheral.advertise(interval_ms=20)
        central.connect(peripheral.random_address)
        self.radio.run_until(self.radio.now_us + 5 * SECOND)
        assert handle_of(central) in central.controller.layer.links
        assert handle_of(peripheral) in peripheral.controller.layer.links


def controllers(octets: bytes) -> None:
    """HCI into virtual controllers."""
    talk = Talk(Decisions(octets))
    while talk.random.left:
        talk.step()
    talk.end()
