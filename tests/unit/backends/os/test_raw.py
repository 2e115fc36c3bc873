"""Packets of the kernel's monitor channel: its filter, what is read, duplicates asked for."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from typing import Any
from unittest import mock

import pytest

from bleio.backends.base import Report
from bleio.backends.os.scanning import kernel
from bleio.backends.os.scanning.counters import ScanCounters
from bleio.backends.os.scanning.kernel import COMMAND, EVENT, CommandChannel, MonitorChannel
from bleio.backends.os.scanning.raw import Everything, RawReports
from bleio.core.address import DeviceAddress
from support.bluez.loops import in_loop

OCTETS = bytes.fromhex("5544332211c0")
ADDRESS = DeviceAddress(OCTETS, random=True)
NAME = b"\x05\x09name"
FLAGS = b"\x02\x01\x06"
ENABLE, EXTENDED_ENABLE = 0x200C, 0x2042
ADVERTISEMENT, SCAN_RESPONSE = 0x13, 0x1B  # extended reports of legacy PDUs


def legacy_event(kind: int, data: bytes) -> bytes:
    report = bytes((kind, 1)) + OCTETS + bytes((len(data),)) + data + b"\xc4"
    return bytes((0x3E, 2 + len(report), 0x02, 1)) + report


def extended_event(kind: int, data: bytes) -> bytes:
    head = struct.pack("<HB", kind, 1) + OCTETS + bytes((1, 0, 0xFF, 127, 0xC4)) + bytes(9)
    report = head + bytes((len(data),)) + data
    return bytes((0x3E, 2 + len(report), 0x0D, 1)) + report


def command(opcode: int, *parameters: int) -> bytes:
    return struct.pack("<HB", opcode, len(parameters)) + bytes(parameters)


def complete(opcode: int, status: int = 0) -> bytes:
    return b"\x0e\x04\x01" + opcode.to_bytes(2, "little") + bytes((status,))


def monitored(kind: int, packet: bytes, index: int = 1) -> bytes:
    return struct.pack("<HHH", kind, index, len(packet)) + packet


# The filter in the kernel


def kept(packet: bytes, index: int = 1) -> bool:
    """Run the filter as the kernel does."""
    code = list(struct.iter_unpack("=HBBI", kernel._filter(index)))
    at, loaded = 0, 0
    while True:
        operation, if_equal, otherwise, operand = code[at]
        at += 1
        if operation == 0x06:
            return bool(operand)
        if operation == 0x15:
            at += if_equal if loaded == operand else otherwise
        else:
            width = {0x30: 1, 0x28: 2}[operation]
            part = packet[operand : operand + width]
            if len(part) < width:
                return False  # as the kernel has it
            loaded = int.from_bytes(part, "big")


@pytest.mark.parametrize(
    "packet",
    [
        monitored(EVENT, legacy_event(0, NAME)),
        monitored(EVENT, extended_event(ADVERTISEMENT, NAME)),
        monitored(EVENT, complete(ENABLE)),
        monitored(EVENT, complete(EXTENDED_ENABLE)),
        monitored(COMMAND, command(ENABLE, 1, 1)),
        monitored(COMMAND, command(EXTENDED_ENABLE, 1, 1, 0, 0, 0, 0)),
    ],
)
def test_what_the_filter_keeps(packet: bytes) -> None:
    assert kept(packet)
    assert not kept(packet, index=2)
    assert not kept(packet, index=0x0100)
    at_2 = packet[:2] + b"\x00\x01" + packet[4:]
    assert kept(at_2, index=0x0100)


@pytest.mark.parametrize(
    "packet",
    [
        monitored(EVENT, b"\x3e\x13\x0a" + bytes(18)),  # LE Enhanced Connection Complete
        monitored(EVENT, b"\x3e\x0d\x05" + bytes(12)),  # Long Term Key Request
        monitored(EVENT, complete(0x2017)),  # LE Encrypt
        monitored(COMMAND, command(0x2019, *range(18))),  # LE Enable Encryption, with its key
        monitored(COMMAND, command(0x0C20, 1)),
        monitored(4, b"\x40\x00\x07\x00\x03\x00\x04\x00\x1b\x01\x00"),  # ACL data
        monitored(5, b"\x3e\x20\x02" + bytes(30)),
        monitored(0x0203, b"\x3e\x20\x02" + bytes(30)),
        monitored(12, b"bluetoothd"),
        monitored(EVENT, b""),
        monitored(EVENT, b"\x3e\x00"),
        b"\x03\x00\x01\x00",
        b"",
    ],
)
def test_what_the_filter_drops(packet: bytes) -> None:
    assert not kept(packet)


# What is read


class Listened:
    """RawReports without sockets."""

    def __init__(self, *, extended: bool = False) -> None:
        self.reports: list[Report] = []
        self.counters = ScanCounters()
        self.sent: list[tuple[int, bytes]] = []
        with mock.patch.object(CommandChannel, "send", self.send):
            self.raw = RawReports(1, self.reports.append, self.ended, self.counters)
        self.raw._extended = extended

    def ended(self) -> None:
        raise AssertionError

    def send(self, opcode: int, parameters: bytes) -> None:
        self.sent.append((opcode, parameters))

    def hears(self, packet: bytes, kind: int = EVENT) -> None:
        self.raw.heard(kind, packet)


@in_loop
async def test_legacy_reports_and_their_scan_responses() -> None:
    listened = Listened()
    listened.hears(legacy_event(0, FLAGS))
    listened.hears(legacy_event(4, NAME))
    listened.hears(legacy_event(3, FLAGS))
    assert listened.reports == [
        Report(ADDRESS, FLAGS, -60, True, False),
        Report(ADDRESS, NAME, -60, True, True),
        Report(ADDRESS, FLAGS, -60, False, False),
    ]


@in_loop
async def test_extended_reports_of_legacy_packets() -> None:
    listened = Listened()
    listened.hears(extended_event(ADVERTISEMENT, FLAGS))
    listened.hears(extended_event(SCAN_RESPONSE, NAME))
    listened.hears(extended_event(0x10, FLAGS))
    assert listened.reports == [
        Report(ADDRESS, FLAGS, -60, True, False),
        Report(ADDRESS, NAME, -60, True, True),
        Report(ADDRESS, FLAGS, -60, False, False),
    ]


@in_loop
async def test_extended_packets_come_if_they_are_wanted_and_are_put_together() -> None:
    long = b"\xc8\xff" + bytes(199)
    listened = Listened()
    listened.hears(extended_event(0x01, long))
    assert not listened.reports
    listened = Listened(extended=True)
    listened.hears(extended_event(0x21, long[:150]))
    listened.hears(extended_event(0x01, long[150:]))
    assert listened.reports == [Report(ADDRESS, long, -60, True, False)]


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x3e",
        b"\x3e\x00",
        b"\x0e\x04\x01",
        b"\x3e\x02\x02\x01",
        b"\x3e\x02\x0d\x01",
        legacy_event(0, NAME)[:-1],
        extended_event(ADVERTISEMENT, NAME)[:-1],
    ],
)
@in_loop
async def test_what_is_cut_is_counted(packet: bytes) -> None:
    listened = Listened()
    listened.hears(packet)
    assert listened.counters.malformed == 1
    assert not listened.reports


@in_loop
async def test_commands_that_are_cut_are_nothing() -> None:
    listened = Listened()
    for packet in (b"", b"\x0c", b"\x0c\x20", b"\x0c\x20\x01\x01"):
        listened.hears(packet, COMMAND)
    listened.hears(complete(ENABLE))
    assert not listened.sent


@in_loop
async def test_a_command_that_the_kernel_refuses_is_counted_and_never_waited_for() -> None:
    """As while the adapter goes down; the loop's reader is called by asyncio, which logs."""
    listened, sent = Listened(), list[tuple[int, bytes]]()
    refusal = OSError(errno.ENETDOWN, "Network is down")
    listened.raw._everything._send = mock.Mock(side_effect=refusal)
    enable = (command(ENABLE, 1, 1), COMMAND), (complete(ENABLE), EVENT)
    for packet, kind in enable:
        listened.hears(packet, kind)
    assert listened.counters.refused_commands == 1
    listened.raw._everything._send = lambda *told: sent.append(told)
    listened.hears(command(ENABLE, 1, 0), COMMAND)  # the kernel's own, of which nothing is awaited
    listened.hears(command(ENABLE, 0, 0), COMMAND)
    for packet, kind in enable:
        listened.hears(packet, kind)
    assert sent == [(ENABLE, b"\1\0")]
    listened.hears(command(ENABLE, 0, 0), COMMAND)
    listened.raw._everything._send = mock.Mock(side_effect=refusal)
    listened.hears(command(ENABLE, 1, 0), COMMAND)  # ours, too late: not taken back, and counted
    assert listened.counters.refused_commands == 2


# Duplicates


class Controller:
    """The commands that it gets, in order; what is asked of it goes behind them."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.everything = Everything(
            lambda opcode, parameters: self.sent.append((opcode, parameters))
        )

    def takes(self, opcode: int, *parameters: int, status: int = 0) -> list[tuple[int, bytes]]:
        """Carry a command of the kernel out; return what it is asked for because of that."""
        del self.sent[:]
        self.everything.sent(opcode, bytes(parameters))
        self.everything.answered(opcode, status)
        return list(self.sent)

    def takes_ours(self) -> list[tuple[int, bytes]]:
        opcode, parameters = self.sent[-1]
        return self.takes(opcode, *parameters)


@pytest.mark.parametrize(
    ("opcode", "more"), [(ENABLE, ()), (EXTENDED_ENABLE, (0, 0, 0, 0))], ids=["legacy", "extended"]
)
class TestDuplicates:
    def test_the_kernels_command_is_said_again(self, opcode: int, more: tuple[int, ...]) -> None:
        controller = Controller()
        assert controller.takes(opcode, 1, 1, *more) == [(opcode, bytes((1, 0, *more)))]
        assert controller.takes_ours() == []
        assert controller.takes(opcode, 0, 0, *more) == []
        assert len(controller.takes(opcode, 1, 1, *more)) == 1

    def test_nothing_is_said_where_none_are_left_out(
        self, opcode: int, more: tuple[int, ...]
    ) -> None:
        assert Controller().takes(opcode, 1, 0, *more) == []

    def test_nothing_is_said_after_a_refusal(self, opcode: int, more: tuple[int, ...]) -> None:
        assert Controller().takes(opcode, 1, 1, *more, status=0x0C) == []

    def test_what_came_too_late_is_taken_back(self, opcode: int, more: tuple[int, ...]) -> None:
        controller = Controller()
        (ours,) = controller.takes(opcode, 1, 1, *more)
        controller.takes(opcode, 0, 0, *more)
        assert controller.takes(ours[0], *ours[1]) == [(opcode, bytes((0, 0, *more)))]

    def test_what_came_late_and_in_time_for_the_next_scan_stays(
        self, opcode: int, more: tuple[int, ...]
    ) -> None:
        controller = Controller()
        (ours,) = controller.takes(opcode, 1, 1, *more)
        controller.takes(opcode, 0, 0, *more)
        controller.takes(opcode, 1, 1, *more)
        assert controller.takes(ours[0], *ours[1]) == []

    def test_other_commands_are_not_concerned(self, opcode: int, more: tuple[int, ...]) -> None:
        controller = Controller()
        controller.everything.sent(opcode, bytes((1, 1, *more)))
        controller.everything.sent(0x2041, bytes((1, 1)))
        controller.everything.answered(0x2041, 0)
        assert not controller.sent


# Sockets


def opened_pair(index: int, heard: Any, ended: Any = None) -> tuple[MonitorChannel, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    channel = MonitorChannel(index, heard, ended)
    with mock.patch.object(kernel, "_opened", return_value=ours):
        channel.open()
    return channel, theirs


@in_loop
async def test_packets_of_one_controller_are_passed_on() -> None:
    heard: list[tuple[int, bytes]] = []
    channel, theirs = opened_pair(1, lambda *packet: heard.append(packet))
    with theirs:
        theirs.send(b"\x03")
        theirs.send(monitored(EVENT, b"other", index=0))
        for number in range(100):
            theirs.send(monitored(EVENT, bytes((number,))))
        while len(heard) < 100:
            await asyncio.sleep(0)
        assert heard == [(EVENT, bytes((number,))) for number in range(100)]
        channel.close()
        theirs_is_alone = theirs.recv(1) == b""
    assert theirs_is_alone
    channel.close()


@in_loop
async def test_a_channel_may_be_closed_by_what_hears() -> None:
    heard: list[int] = []

    def hear(kind: int, packet: bytes) -> None:
        heard.append(kind)
        channel.close()

    channel, theirs = opened_pair(1, hear)
    with theirs:
        theirs.send(monitored(EVENT, b"one"))
        theirs.send(monitored(EVENT, b"two"))
        while not heard:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert heard == [EVENT]


@in_loop
async def test_the_end_of_the_socket_ends_the_channel() -> None:
    ended = asyncio.Event()
    channel, theirs = opened_pair(1, print, ended.set)
    theirs.close()
    await ended.wait()
    channel.close()


def test_commands_are_packets() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = CommandChannel(1)
    channel.send(ENABLE, b"\x01\x00")
    with mock.patch.object(kernel, "_opened", return_value=ours), theirs:
        channel.open()
        channel.send(ENABLE, b"\x01\x00")
        assert theirs.recv(100) == b"\x01\x0c\x20\x02\x01\x00"
        channel.close()
        channel.close()
        channel.send(ENABLE, b"\x01\x00")
        assert theirs.recv(100) == b""


@in_loop
async def test_a_kernel_that_does_not_let_us_says_so() -> None:
    refusal = OSError(errno.EPERM, "Operation not permitted")
    with mock.patch.object(kernel, "_opened", side_effect=refusal):
        raw = RawReports(0, print, print, ScanCounters())
        with pytest.raises(OSError, match="not permitted"):
            raw.open(False)
        raw.close()


def test_a_bind_that_is_refused_leaves_no_socket() -> None:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with (
        mock.patch.object(kernel.socket, "socket", return_value=made),
        pytest.raises(OSError, match=r"\[Errno \d+\]"),
    ):
        kernel._opened(0xFFFF, 2)
    assert made.fileno() == -1


def test_a_python_without_ctypes_does_without() -> None:
    with (
        mock.patch.object(kernel, "ctypes", None),
        pytest.raises(OSError, match="has no ctypes"),
    ):
        kernel._opened(0xFFFF, 2)
