"""A scripted controller: HCI bytes at a socket, faster than any host takes them.

    python bench/controller.py SOCKET COUNT [SERVICES CHARACTERISTICS]

All that it sends is made before: while a host is measured, it looks answers up and writes. The peer
that it stands for is scripted too. As a peripheral it has services, and sends COUNT notifications
once a client subscribes. As a central it comes as soon as the host advertises, subscribes to the
characteristic 0xFE11, compares COUNT notifications with what they should be, and ends the link.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TextIO

OCTETS = 244
HANDLE, BUFFERS = 0x0040, 8
PEER = b"\x01\x02\x03\x04\x05\xc6"
SERVICE, CHARACTERISTIC, SUBSCRIPTION = 0x2800, 0x2803, 0x2902
VALUE_UUID = 0xFE11

# The commands that hosts ask about before they use them, by octet and bit (Vol 4, Part E, 6.27).
SUPPORTED = {14: 1 << 3, 25: 1 << 2 | 1 << 1, 33: 1 << 6, 35: 1 << 6, 36: 3 << 6}
BY_STATUS = {0x0406, 0x041D, 0x200D, 0x2043, 0x2013, 0x2016, 0x2032}
RETURNED = {
    0x1001: bytes.fromhex("0b00000b00000000"),
    0x1002: bytes(SUPPORTED.get(octet, 0) for octet in range(64)),
    0x1005: bytes.fromhex("fb0000 0800 0000".replace(" ", "")),
    0x1009: bytes.fromhex("060504030201"),
    0x2002: struct.pack("<HB", 251, BUFFERS),
    0x2003: struct.pack("<Q", 0x1021),  # encryption, longer packets, extended advertising
    0x2023: struct.pack("<HH", 251, 2120),
    0x2036: b"\x00",
    0x203A: struct.pack("<H", 1650),
    0x203B: b"\x04",
}


def event(code: int, parameters: bytes) -> bytes:
    return bytes((4, code, len(parameters))) + parameters


def acl(pdu: bytes) -> bytes:
    """Return an ATT PDU as a whole packet of data to the host."""
    return struct.pack("<BHHHH", 2, HANDLE | 0x2000, len(pdu) + 4, len(pdu), 4) + pdu


def connection_complete(central: bool) -> bytes:
    role = 0 if central else 1
    meta = struct.pack("<BBHBB6sHHHB", 1, 0, HANDLE, role, 1, PEER, 24, 0, 400, 0)
    return event(0x3E, meta)


def value(number: int) -> bytes:
    """Return what notification `number` carries: other octets in each."""
    return number.to_bytes(4, "little") * (OCTETS // 4)


def advertisement(number: int) -> tuple[bytes, bytes, int]:
    """Return whose advertisement `number` is, its data, and its dBm: fifty devices in turns."""
    address = bytes((number % 50, 0, 0, 0, 0, 0xC0))
    data = b"\x02\x01\x06\x1b\xff\xff\xff" + number.to_bytes(4, "little") * 6
    return address, data, -30 - number % 40


def report(number: int) -> bytes:
    """Return a report of a legacy packet, not connectable, as Bluetooth 5 has it."""
    address, data, dbm = advertisement(number)
    fields = (13, 1, 0x10, 1, address, 1, 0, 0xFF, 127, dbm, 0, 0, bytes(6), len(data))
    return event(0x3E, struct.pack("<BBHB6sBBBbbHB6sB", *fields) + data)


class Server:
    """The peer's attribute table, and what it answers."""

    def __init__(self, services: int, characteristics: int) -> None:
        self.table: list[tuple[int, bytes]] = []  # type and value, from handle 1 on
        self.groups: list[tuple[int, int, bytes]] = []
        uuids = iter(range(VALUE_UUID, 0xFFFF))
        for number in range(services):
            start = len(self.table) + 1
            service = struct.pack("<H", 0xFE10 - number)
            self.table.append((SERVICE, service))
            for uuid in islice(uuids, characteristics):
                handle = len(self.table) + 2
                self.table.append((CHARACTERISTIC, struct.pack("<BHH", 0x1A, handle, uuid)))
                self.table += [(uuid, bytes(20)), (SUBSCRIPTION, bytes(2))]
            self.groups.append((start, len(self.table), service))

    def answer(self, request: bytes) -> bytes:
        """Return the response to an ATT request."""
        opcode = request[0]
        if opcode == 0x02:
            return b"\x03\xf7\x00"
        if opcode in (0x12, 0x16):
            return b"\x13"
        if opcode == 0x0A:
            (handle,) = struct.unpack_from("<H", request, 1)
            return b"\x0b" + self.table[handle - 1][1]
        first, last = struct.unpack_from("<HH", request, 1)
        wanted = int.from_bytes(request[5:7], "little")
        if opcode == 0x10:
            entries = [
                struct.pack("<HH", start, end) + uuid
                for start, end, uuid in self.groups
                if start >= first and wanted == SERVICE
            ]
        else:
            last = min(last, len(self.table))
            rows = ((handle, *self.table[handle - 1]) for handle in range(first, last + 1))
            if opcode == 0x04:
                entries = [struct.pack("<HH", handle, kind) for handle, kind, _ in rows]
            elif opcode == 0x08:
                entries = [
                    struct.pack("<H", h) + octets for h, kind, octets in rows if kind == wanted
                ]
            else:
                entries = []
        if not entries:
            return struct.pack("<BBHB", 1, opcode, first, 0x0A)
        head = b"\x05\x01" if opcode == 0x04 else bytes((opcode + 1, len(entries[0])))
        room = (247 - 2) // len(entries[0])
        return head + b"".join(entries[:room])


def client() -> Iterator[bytes]:
    """Yield the requests of the central, given each response; ends when it has subscribed."""
    yield b"\x02\xf7\x00"
    found = yield struct.pack("<BHHH", 0x08, 1, 0xFFFF, VALUE_UUID)
    (handle,) = struct.unpack_from("<H", found, 2)
    yield struct.pack("<BHH", 0x12, handle + 1, 1)
    yield struct.pack("<H", handle)


class Controller:
    """One host's."""

    def __init__(self, line: socket.socket, count: int, server: Server, say: TextIO) -> None:
        self.line, self.count, self.server, self.say = line, count, server, say
        self.reports = b"".join(map(report, range(count)))
        self.notified = b""
        self.answers: dict[bytes, bytes] = {}
        self.client: Iterator[bytes] | None = None
        self.expected = memoryview(b"")
        self.take: Callable[[bytes], int] = self.packets

    def run(self) -> None:
        """Serve until the host goes."""
        left = b""
        while octets := self.line.recv(1 << 18):
            known = self.answers.get(octets)
            if known is not None and not left:
                self.line.sendall(known)
                continue
            octets = left + octets
            left = octets[self.take(octets) :]

    def packets(self, octets: bytes) -> int:
        """Answer whole packets. Returns: how many octets they are."""
        start = 0
        while len(octets) - start >= 4:
            if octets[start] == 1:
                end = start + 4 + octets[start + 3]
            else:
                end = start + 5 + int.from_bytes(octets[start + 3 : start + 5], "little")
            if end > len(octets):
                break
            packet = octets[start:end]
            start = end
            if packet[0] == 1:
                self.command(int.from_bytes(packet[1:3], "little"), packet[4:])
            else:
                self.data(packet)
                if self.take != self.packets:
                    return start + self.take(octets[start:])
        return start

    def command(self, opcode: int, parameters: bytes) -> None:
        if opcode in BY_STATUS:
            self.line.sendall(event(0x0F, struct.pack("<BBH", 0, 1, opcode)))
        else:
            returned = b"\x00" + RETURNED.get(opcode, b"")
            self.line.sendall(event(0x0E, struct.pack("<BH", 1, opcode) + returned))
        if opcode == 0x2042 and parameters[0]:
            self.line.sendall(self.reports)
        elif opcode in (0x200D, 0x2043):
            self.line.sendall(connection_complete(central=True))
        elif opcode == 0x2039 and parameters[0]:
            self.line.sendall(connection_complete(central=False))
            terminated = struct.pack("<BBBHB", 0x12, 0, parameters[2], HANDLE, 1)
            self.line.sendall(event(0x3E, terminated))
            self.client = client()
            self.line.sendall(acl(next(self.client)))
        elif opcode == 0x0406:
            self.line.sendall(event(0x05, struct.pack("<BHB", 0, HANDLE, 0x16)))
        elif opcode == 0x2016:
            self.line.sendall(event(0x3E, struct.pack("<BBHQ", 4, 0, HANDLE, 0x21)))
        elif opcode == 0x041D:
            self.line.sendall(event(0x0C, struct.pack("<BHBHH", 0, HANDLE, 11, 0xFFFF, 0)))

    def data(self, packet: bytes) -> None:
        completed = event(0x13, struct.pack("<BHH", 1, HANDLE, 1))
        channel, pdu = int.from_bytes(packet[7:9], "little"), packet[9:]
        if channel != 4:
            self.line.sendall(completed)
        elif self.client is not None and pdu[0] & 1 and pdu[0] != 0x1B:
            self.line.sendall(completed)
            request = self.client.send(pdu)
            if len(request) > 2:
                self.line.sendall(acl(request))
            else:
                head = acl(b"\x1b" + request + bytes(OCTETS))[:-OCTETS]
                self.expected = memoryview(b"".join(head + value(n) for n in range(self.count)))
                self.take = self.notifications
        else:
            answer = completed + acl(self.server.answer(pdu))
            self.line.sendall(answer)
            if pdu[0] == 0x12 and pdu[3:] == b"\x01\x00":
                self.line.sendall(self.notifications_for(pdu[1:3]))
            elif pdu[0] != 0x12:
                self.answers[packet] = answer

    def notifications_for(self, subscription: bytes) -> bytes:
        """Return them as the host reads them, for the characteristic before a descriptor."""
        if not self.notified:
            handle = struct.pack("<H", int.from_bytes(subscription, "little") - 1)
            self.notified = b"".join(acl(b"\x1b" + handle + value(n)) for n in range(self.count))
        return self.notified

    def notifications(self, octets: bytes) -> int:
        """Compare what the host notifies with what it should."""
        size = OCTETS + 3 + 4 + 5
        whole = len(octets) // size * size
        if not whole:
            return 0
        # The first packet of a value to the controller is marked otherwise than one from it.
        got = bytearray(octets[:whole])
        got[2::size] = bytes(each | 0x20 for each in got[2::size])
        if self.expected[:whole] != got:
            self.say.write("wrong notifications\n")
            sys.exit(1)
        self.expected = self.expected[whole:]
        self.line.sendall(event(0x13, struct.pack("<BHH", 1, HANDLE, whole // size)))
        if not self.expected:
            self.take, self.client = self.packets, None
            self.line.sendall(event(0x05, struct.pack("<BHB", 0, HANDLE, 0x13)))
        return whole


def main(path: str, count: int, services: int = 1, characteristics: int = 1) -> None:
    """Serve one host."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        print("ready", flush=True)
        line, _ = listener.accept()
        with line:
            Controller(line, count, Server(services, characteristics), sys.stderr).run()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
