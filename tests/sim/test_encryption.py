"""Starting, refreshing and failing encryption, and what may not overtake it."""

from __future__ import annotations

import struct

import pytest

from support.raw_host import MS, Pair, connected_pair

KEY, OTHER_KEY = bytes(range(16)), bytes(16)
RAND, EDIV = b"\x11" * 8, 0x2233
CHANGED, REFRESHED, KEY_REQUEST, DISCONNECTED = 0x08, 0x30, 0x3E05, 0x05


def run(pair: Pair, milliseconds: float) -> None:
    pair.radio.run_until(pair.radio.now_us + round(milliseconds * MS))


def start(pair: Pair, key: bytes = KEY) -> None:
    parameters = struct.pack("<H8sH16s", pair.central_handle, RAND, EDIV, key)
    assert pair.central.command(0x2019, parameters) == (0, b"pending")


def reply(pair: Pair, key: bytes = KEY) -> None:
    run(pair, 100)
    expected = struct.pack("<H8sH", pair.peripheral_handle, RAND, EDIV)
    assert pair.peripheral.last(KEY_REQUEST) == expected
    parameters = struct.pack("<H16s", pair.peripheral_handle, key)
    assert pair.peripheral.must(0x201A, parameters) == parameters[:2]


def encrypted_pair() -> Pair:
    pair = connected_pair()
    start(pair)
    reply(pair)
    run(pair, 100)
    return pair


def test_equal_keys_encrypt_and_both_hosts_hear_of_it() -> None:
    pair = encrypted_pair()
    assert pair.central.last(CHANGED) == struct.pack("<BHB", 0, pair.central_handle, 1)
    assert pair.peripheral.last(CHANGED) == struct.pack("<BHB", 0, pair.peripheral_handle, 1)


def test_the_answer_to_the_reply_comes_before_the_change() -> None:
    pair = encrypted_pair()
    codes = [packet[1] for packet in pair.peripheral.packets]
    answer = max(
        index
        for index, packet in enumerate(pair.peripheral.packets)
        if packet[1] == 0x0E and packet[4:6] == b"\x1a\x20"
    )
    assert answer < codes.index(CHANGED)


def test_different_keys_end_the_link_with_mic_failure_on_both_sides() -> None:
    pair = connected_pair()
    start(pair)
    reply(pair, OTHER_KEY)
    run(pair, 100)
    assert pair.central.of(CHANGED) == pair.peripheral.of(CHANGED) == []
    assert pair.central.last(DISCONNECTED)[3] == 0x3D
    assert pair.peripheral.last(DISCONNECTED)[3] == 0x3D


def test_a_host_without_the_key_says_so() -> None:
    pair = connected_pair()
    start(pair)
    run(pair, 100)
    pair.peripheral.must(0x201B, struct.pack("<H", pair.peripheral_handle))
    run(pair, 100)
    assert pair.central.last(CHANGED) == struct.pack("<BHB", 6, pair.central_handle, 0)
    assert pair.peripheral.of(CHANGED) == []
    pair.central.send_acl(pair.central_handle, b"in the clear")
    run(pair, 100)
    assert len(pair.peripheral.acl) == 1
    start(pair)
    reply(pair)
    run(pair, 100)
    assert pair.central.last(CHANGED)[0] == 0


def test_a_host_that_masked_the_key_request_has_no_key() -> None:
    pair = connected_pair()
    pair.peripheral.must(0x2001, struct.pack("<Q", 0x0F))
    start(pair)
    run(pair, 100)
    assert pair.central.last(CHANGED)[0] == 6


def test_a_refresh_keeps_the_link_encrypted() -> None:
    pair = encrypted_pair()
    start(pair, OTHER_KEY)
    reply(pair, OTHER_KEY)
    run(pair, 200)
    assert pair.central.last(REFRESHED) == struct.pack("<BH", 0, pair.central_handle)
    assert pair.peripheral.last(REFRESHED) == struct.pack("<BH", 0, pair.peripheral_handle)
    assert len(pair.central.of(CHANGED)) == 1


def test_a_refresh_without_a_key_ends_the_link() -> None:
    pair = encrypted_pair()
    start(pair)
    run(pair, 100)
    pair.peripheral.must(0x201B, struct.pack("<H", pair.peripheral_handle))
    run(pair, 100)
    assert pair.central.last(DISCONNECTED)[3] == 0x06


def test_a_host_that_never_answers_loses_the_link() -> None:
    pair = connected_pair()
    start(pair)
    run(pair, 41_000)
    assert pair.central.last(DISCONNECTED)[3] == 0x22


@pytest.mark.parametrize("refresh", [False, True])
def test_data_queued_during_the_procedure_arrives_after_it(refresh: bool) -> None:
    pair = encrypted_pair() if refresh else connected_pair()
    change = REFRESHED if refresh else CHANGED
    pair.central.send_acl(pair.central_handle, b"before")
    start(pair)
    pair.central.send_acl(pair.central_handle, b"after")
    reply(pair)
    pair.peripheral.send_acl(pair.peripheral_handle, b"back")
    assert [packet.payload for packet in pair.peripheral.acl] == [b"before"]
    run(pair, 200)
    assert [packet.payload for packet in pair.peripheral.acl] == [b"before", b"after"]
    for host, data in ((pair.central, b"back"), (pair.peripheral, b"after")):
        changed = max(i for i, packet in enumerate(host.packets) if packet[1] == change)
        arrived = next(i for i, packet in enumerate(host.packets) if packet[5:] == data)
        assert changed < arrived


def test_disconnecting_in_the_middle_of_it_ends_it() -> None:
    pair = connected_pair()
    start(pair)
    pair.central.send_acl(pair.central_handle, b"held")
    run(pair, 50)
    pair.central.command(0x0406, struct.pack("<HB", pair.central_handle, 0x13))
    run(pair, 100)
    assert pair.peripheral.last(DISCONNECTED)[3] == 0x13
    assert pair.radio.next_event_us() is None


def test_roles_and_states_are_checked() -> None:
    pair = connected_pair()
    parameters = struct.pack("<H8sH16s", pair.peripheral_handle, RAND, EDIV, KEY)
    assert pair.peripheral.command(0x2019, parameters)[0] == 0x0C
    assert pair.peripheral.command(0x201A, parameters[:2] + KEY)[0] == 0x0C
    assert pair.peripheral.command(0x201B, parameters[:2])[0] == 0x0C
    start(pair)
    assert pair.central.command(0x2019, parameters[:2] + bytes(26))[0] == 0x0C


def test_the_same_command_twice_gives_one_change() -> None:
    """As Linux does when pairing and an attribute's error fall together."""
    pair = connected_pair()
    start(pair)
    start(pair)
    reply(pair)
    start(pair)
    run(pair, 100)
    assert len(pair.peripheral.of(KEY_REQUEST)) == 1
    assert len(pair.central.of(CHANGED)) == len(pair.peripheral.of(CHANGED)) == 1
