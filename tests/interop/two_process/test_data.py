"""Data between two programs in two processes, in all the ways that `_bleio` has for it."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.interop


def test_battery_level_is_read_and_its_changes_are_notified(start):
    peripheral = start("battery_peripheral", "80")
    peripheral.wait_for("advertising")
    central = start("battery_central", "1", "3")
    central.says("found 1", "connected 1", "levels 80", "subscribed")
    for level in (79, 3, 100):
        peripheral.type(f"{level}\n")
        central.wait_for(f"^notified {level} reads {level}$")
    central.wait_for("^disconnected")
    central.ends_well()
    peripheral.process.stdin.close()
    peripheral.wait_for("^disconnected")
    peripheral.ends_well()


def test_nordic_uart_carries_lines_both_ways(start):
    server = start("uart_server")
    client = start("uart_client")
    client.says("all answers right", "answered all")
    server.says("connected", "all answers right")
    client.ends_well()
    server.ends_well()


def test_packets_both_ways_keep_their_boundaries_and_a_burst_its_order(start):
    server = start("packet_server")
    client = start("packet_client")
    client.wait_for("^may send 500 and gets 509$")  # an ATT_MTU of 512
    client.wait_for("^answered 18$")
    client.wait_for("^refused: Total data to write is larger than outgoing_packet_length$")
    client.wait_for("^burst came back$")
    client.ends_well()
    server.wait_for("^client gone$")
    server.ends_well()


def test_byte_streams_both_ways_drop_only_what_finds_no_room(start):
    server = start("stream_server")
    client = start("stream_client")
    server.says(
        r"^read b'Hello'$",
        r"^readinto 4 b'1234'$",
        r"^readline b'line\\n'$",
        r"^waiting 64$",
        f"^kept {re.escape(repr(bytes(range(48, 112))))}$",
        r"^end b'bye\\n'$",
    )
    client.says(
        r"^told b'go on\\n'$",
        r"^told b'full\\n'$",
        r"^told b'emptied\\n'$",
        r"^after the end: Not connected$",
    )
    client.ends_well()
    server.ends_well()
