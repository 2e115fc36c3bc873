"""Connections in time: making, refusing, losing and ending them, and what is negotiated on them."""

from __future__ import annotations

import struct

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from support.raw_host import MS, SECOND, Pair, RawHost, connected_pair, handle_of, l2cap, new_hosts

COMPLETE, UPDATED, FEATURES, PARAM_REQUEST = 0x3E0A, 0x3E03, 0x3E04, 0x3E06
LENGTH, PHY, DISCONNECTED, VERSION = 0x3E07, 0x3E0C, 0x05, 0x0C
DISALLOWED, NO_CONNECTION = 0x0C, 0x02


def update(host: RawHost, handle: int, interval: int, latency: int = 0, timeout: int = 200) -> None:
    parameters = struct.pack("<HHHHHHH", handle, interval, interval, latency, timeout, 0, 0)
    assert host.command(0x2013, parameters)[0] == 0


def run(pair: Pair, milliseconds: float) -> None:
    pair.radio.run_until(pair.radio.now_us + round(milliseconds * MS))


def test_both_ends_hear_of_the_connection_with_the_addresses_it_was_made_with() -> None:
    pair = connected_pair(interval_ms=30, latency=2, timeout_ms=2000)
    for host, other, role in (
        (pair.central, pair.peripheral, 0),
        (pair.peripheral, pair.central, 1),
    ):
        (event,) = host.of(COMPLETE)
        assert event.parameters == struct.pack(
            "<BHBB6s6s6sHHHB", 0, handle_of(host), role, 1, other.random_address, bytes(6),
            bytes(6), 24, 2, 200, 0,
        )  # fmt: skip


def test_the_host_may_change_its_address_and_the_link_keeps_its_own() -> None:
    pair = connected_pair()
    pair.peripheral.must(0x2005, b"\x09" * 5 + b"\xc9")
    pair.central.send_acl(pair.central_handle, b"hello")
    run(pair, 100)
    assert [packet.payload for packet in pair.peripheral.acl] == [b"hello"]


def test_a_public_address_may_connect() -> None:
    radio = Radio()
    central, peripheral = new_hosts(radio)
    peripheral.advertise(own_type=0)
    public = peripheral.must(0x1009)
    central.connect(public, peer_type=0, own_type=0)
    radio.run_until(SECOND)
    assert central.last(COMPLETE)[4:11] == b"\x00" + public
    assert peripheral.last(COMPLETE)[4:11] == b"\x00" + central.must(0x1009)
    assert central.must(0x1009) != public


def test_an_initiator_waits_for_whom_it_looks_for() -> None:
    radio = Radio()
    central, wanted, other = new_hosts(radio, 3)
    other.advertise()
    central.connect(wanted.random_address)
    radio.run_until(SECOND)
    assert central.events == []
    wanted.advertise()
    radio.run_until(2 * SECOND)
    assert central.last(COMPLETE)[5:11] == wanted.random_address
    assert other.events == []


@pytest.mark.parametrize("kind", [2, 3])
def test_unconnectable_advertising_is_not_connected_to(kind: int) -> None:
    radio = Radio()
    central, peripheral = new_hosts(radio)
    peripheral.advertise(kind=kind)
    central.connect(peripheral.random_address)
    radio.run_until(SECOND)
    assert central.events == []


@pytest.mark.parametrize("kind", [1, 4])
def test_directed_advertising_connects_to_its_target_only(kind: int) -> None:
    radio = Radio()
    target, other, peripheral = new_hosts(radio, 3)
    for host in (other, target):
        host.connect(peripheral.random_address)
    peripheral.advertise(kind=kind, peer_type=1, peer=target.random_address)
    radio.run_until(SECOND)
    assert target.of(COMPLETE)
    assert not other.of(COMPLETE)


def test_the_accept_list_names_whom_to_connect_to() -> None:
    radio = Radio()
    central, wanted, other = new_hosts(radio, 3)
    other.advertise()
    wanted.advertise()
    central.must(0x2011, b"\x01" + wanted.random_address)
    central.connect(bytes(6), policy=1)
    assert central.command(0x2010)[0] == DISALLOWED
    radio.run_until(SECOND)
    assert central.last(COMPLETE)[5:11] == wanted.random_address
    central.must(0x2010)


def test_an_advertiser_refuses_centrals_not_in_its_accept_list() -> None:
    radio = Radio()
    stranger, listed, peripheral = new_hosts(radio, 3)
    peripheral.must(0x2011, b"\x01" + listed.random_address)
    peripheral.advertise(policy=2)
    stranger.connect(peripheral.random_address)
    radio.run_until(SECOND)
    assert stranger.events == []
    listed.connect(peripheral.random_address)
    radio.run_until(2 * SECOND)
    assert peripheral.last(COMPLETE)[5:11] == listed.random_address


def test_cancel_ends_the_attempt_after_its_own_answer() -> None:
    radio = Radio()
    (central,) = new_hosts(radio, 1)
    central.connect(b"nobody")
    radio.run_until(SECOND)
    central.packets.clear()
    central.must(0x200E)
    assert [packet[1] for packet in central.packets] == [0x0E, 0x3E]
    assert central.last(COMPLETE)[0] == NO_CONNECTION
    assert central.command(0x200E)[0] == DISALLOWED
    central.connect(b"nobody")


def test_connecting_takes_the_advertiser_off_the_air() -> None:
    pair = connected_pair()
    (other,) = new_hosts(pair.radio, 1)
    other.must(0x2005, b"\x77" * 5 + b"\xc7")
    other.scan()
    run(pair, 500)
    assert other.events == []
    pair.peripheral.must(0x200A, b"\x01")
    run(pair, 500)
    assert other.events


def test_a_second_connection_between_the_same_addresses_is_refused() -> None:
    pair = connected_pair()
    parameters = struct.pack(
        "<HHBB6sBHHHHHH", 16, 16, 0, 1, pair.peripheral.random_address, 1, 12, 12, 0, 100, 0, 0
    )
    assert pair.central.command(0x200D, parameters)[0] == 0x0B


def test_links_in_both_roles_at_once_and_their_limit() -> None:
    radio = Radio()
    hub, *others = new_hosts(radio, 34)
    for other in others[:32]:
        other.advertise(interval_ms=20)
        hub.connect(other.random_address, interval_ms=100)
        radio.run_until(radio.now_us + 200 * MS)
    assert len(hub.of(COMPLETE)) == 32
    assert len({event.parameters[1:3] for event in hub.of(COMPLETE)}) == 32
    parameters = struct.pack(
        "<HHBB6sBHHHHHH", 16, 16, 0, 1, others[32].random_address, 1, 12, 12, 0, 100, 0, 0
    )
    assert hub.command(0x200D, parameters)[0] == 0x09
    hub.must(0x2006, struct.pack("<HHBBB6sBB", 160, 160, 0, 1, 0, bytes(6), 7, 0))
    assert hub.command(0x200A, b"\x01")[0] == 0x09
    last = others[31]
    last.advertise()
    others[32].connect(last.random_address)
    radio.run_until(radio.now_us + SECOND)
    assert [event.parameters[3] for event in last.of(COMPLETE)] == [1, 1]


# -- the end --


@pytest.mark.parametrize("ender", ["central", "peripheral"])
@pytest.mark.parametrize("reason", [0x13, 0x15, 0x3B])
def test_disconnecting_tells_both_sides_why(ender: str, reason: int) -> None:
    pair = connected_pair()
    hosts = {"central": pair.central, "peripheral": pair.peripheral}
    own, other = hosts.pop(ender), hosts.popitem()[1]
    handle = handle_of(own)
    assert own.command(0x0406, struct.pack("<HB", handle, reason)) == (0, b"pending")
    assert own.command(0x0406, struct.pack("<HB", handle, reason))[0] == DISALLOWED
    run(pair, 50)
    assert own.last(DISCONNECTED) == struct.pack("<BHB", 0, handle, 0x16)
    assert other.last(DISCONNECTED) == struct.pack("<BHB", 0, handle_of(other), reason)
    assert own.command(0x1405, struct.pack("<H", handle))[0] == NO_CONNECTION


def test_a_reason_that_hosts_may_not_give_is_invalid() -> None:
    pair = connected_pair()
    assert pair.central.command(0x0406, struct.pack("<HB", pair.central_handle, 0x08))[0] == 0x12


def test_data_queued_before_a_disconnect_still_arrives() -> None:
    pair = connected_pair()
    for index in range(8):
        pair.central.send_acl(pair.central_handle, l2cap(bytes((index,)) * 96))
    pair.central.command(0x0406, struct.pack("<HB", pair.central_handle, 0x13))
    run(pair, 500)
    assert sum(len(packet.payload) for packet in pair.peripheral.acl) == 800
    assert pair.peripheral.of(DISCONNECTED)


@pytest.mark.parametrize("timeout_ms", [500, 4000])
def test_a_killed_host_is_missed_after_the_supervision_timeout(timeout_ms: int) -> None:
    pair = connected_pair(timeout_ms=timeout_ms)
    killed_us = pair.radio.now_us
    pair.peripheral.controller.detach()
    pair.central.send_acl(pair.central_handle, b"anyone?")
    run(pair, timeout_ms - 1)
    assert pair.central.of(DISCONNECTED) == []
    run(pair, 100)
    (event,) = pair.central.of(DISCONNECTED)
    assert event.parameters == struct.pack("<BHB", 0, pair.central_handle, 0x08)
    assert event.at_us == killed_us + timeout_ms * MS
    assert pair.peripheral.of(DISCONNECTED) == []


def test_a_link_that_never_got_a_packet_through_failed_to_be_established() -> None:
    radio = Radio(seed=1)
    central, peripheral = new_hosts(radio)
    peripheral.advertise()
    central.connect(peripheral.random_address, interval_ms=20)
    while not central.of(COMPLETE):
        next_us = radio.next_event_us()
        assert next_us is not None
        radio.run_until(next_us)
    made_us = radio.now_us
    peripheral.controller.detach()
    radio.run_until(radio.now_us + SECOND)
    (event,) = central.of(DISCONNECTED)
    assert (event.parameters[3], event.at_us) == (0x3E, made_us + 6 * 20 * MS)


def test_handles_of_ended_links_are_not_used_again_soon() -> None:
    pair = connected_pair()
    pair.central.command(0x0406, struct.pack("<HB", pair.central_handle, 0x13))
    run(pair, 100)
    pair.peripheral.must(0x200A, b"\x01")
    pair.central.connect(pair.peripheral.random_address)
    run(pair, 200)
    assert handle_of(pair.central) != pair.central_handle
    pair.central.send_acl(pair.central_handle, b"too late")
    run(pair, 100)
    assert pair.peripheral.acl == []


# -- time --


@pytest.mark.parametrize("interval_ms", [7.5, 30, 100])
def test_an_answer_takes_at_least_a_connection_interval(interval_ms: float) -> None:
    pair = connected_pair(interval_ms=interval_ms)
    pair.central.send_acl(pair.central_handle, b"question")
    run(pair, interval_ms)
    (question,) = pair.peripheral.acl
    pair.radio.run_until(question.at_us + MS)
    pair.peripheral.send_acl(pair.peripheral_handle, b"answer")
    run(pair, 2 * interval_ms)
    (answer,) = pair.central.acl
    assert answer.at_us - question.at_us == interval_ms * MS


# Where packets can be lost, the peripheral listens to one event more, for its acknowledgement.
@pytest.mark.parametrize(("loss", "events"), [(0, 5), (1e-12, 6)])
def test_latency_delays_the_central_and_not_the_peripheral(loss: float, events: int) -> None:
    radio = Radio(1, Propagation(loss=loss))
    pair = connected_pair(radio, interval_ms=20, latency=4, timeout_ms=2000)
    run(pair, 50)
    pair.peripheral.send_acl(pair.peripheral_handle, b"at once")
    sent_us = pair.radio.now_us
    run(pair, 20)
    assert len(pair.central.acl) == 1
    first_us = pair.central.acl[0].at_us
    assert first_us - sent_us <= 20 * MS
    pair.radio.run_until(first_us + 25 * MS)
    pair.central.send_acl(pair.central_handle, b"later")
    run(pair, 200)
    late_us = pair.peripheral.acl[0].at_us - first_us
    assert late_us == pytest.approx(events * 20 * MS, abs=500)


def test_an_idle_link_costs_nothing() -> None:
    pair = connected_pair()
    assert pair.radio.next_event_us() is None


# -- negotiation --


def test_remote_version_and_features() -> None:
    pair = connected_pair()
    for host, handle in (
        (pair.central, pair.central_handle),
        (pair.peripheral, pair.peripheral_handle),
        (pair.central, pair.central_handle),
    ):
        assert host.command(0x041D, struct.pack("<H", handle)) == (0, b"pending")
        assert host.command(0x2016, struct.pack("<H", handle)) == (0, b"pending")
        run(pair, 50)
        assert host.last(VERSION) == struct.pack("<BHBHH", 0, handle, 0x0C, 0xFFFF, 1)
        status, answered, features = struct.unpack("<BHQ", host.last(FEATURES))
        assert (status, answered) == (0, handle)
        assert features & 1 and features & 1 << 5 and features & 1 << 8
        assert not features & 1 << 12
        host.events.clear()


@pytest.mark.parametrize("asker", ["central", "peripheral"])
def test_data_length_changes_on_both_sides(asker: str) -> None:
    pair = connected_pair()
    host = getattr(pair, asker)
    handle = handle_of(host)
    other = pair.peripheral if host is pair.central else pair.central
    assert host.must(0x2022, struct.pack("<HHH", handle, 251, 2120)) == struct.pack("<H", handle)
    run(pair, 50)
    assert host.last(LENGTH) == struct.pack("<HHHHH", handle, 251, 2120, 27, 328)
    assert other.last(LENGTH) == struct.pack("<HHHHH", handle_of(other), 27, 328, 251, 2120)
    host.must(0x2022, struct.pack("<HHH", handle, 251, 2120))
    run(pair, 50)
    assert len(host.of(LENGTH)) == len(other.of(LENGTH)) == 1


def test_the_suggested_default_is_negotiated_by_itself() -> None:
    radio = Radio(seed=1)
    central, peripheral = new_hosts(radio)
    for host in (central, peripheral):
        host.must(0x2024, struct.pack("<HH", 251, 2120))
        assert host.must(0x2023) == struct.pack("<HH", 251, 2120)
    peripheral.advertise()
    central.connect(peripheral.random_address)
    radio.run_until(SECOND)
    for host in (central, peripheral):
        assert host.last(LENGTH) == struct.pack("<HHHHH", handle_of(host), 251, 2120, 251, 2120)


def test_a_request_during_the_automatic_one_is_not_lost() -> None:
    radio = Radio(seed=1)
    central, peripheral = new_hosts(radio)
    central.must(0x2024, struct.pack("<HH", 100, 2120))
    peripheral.advertise()
    central.connect(peripheral.random_address)
    while not central.of(COMPLETE):
        next_us = radio.next_event_us()
        assert next_us is not None
        radio.run_until(next_us)
    central.must(0x2022, struct.pack("<HHH", handle_of(central), 251, 2120))
    radio.run_until(radio.now_us + SECOND)
    assert struct.unpack_from("<H", central.last(LENGTH), 2) == (251,)
    assert struct.unpack_from("<H", peripheral.last(LENGTH), 6) == (251,)


@pytest.mark.parametrize("asker", ["central", "peripheral"])
def test_phys_change_at_an_instant(asker: str) -> None:
    pair = connected_pair()
    host = getattr(pair, asker)
    parameters = struct.pack("<HBBBH", handle_of(host), 0, 2, 2, 0)
    assert host.command(0x2032, parameters) == (0, b"pending")
    assert host.command(0x2032, parameters)[0] == DISALLOWED
    run(pair, 300)
    for end in (pair.central, pair.peripheral):
        assert end.last(PHY) == struct.pack("<BHBB", 0, handle_of(end), 2, 2)
    # What is in use already gives an event to the one who asked, and no other.
    pair.central.events.clear()
    pair.peripheral.events.clear()
    assert host.command(0x2032, parameters)[0] == 0
    run(pair, 300)
    assert len(pair.central.of(PHY)) + len(pair.peripheral.of(PHY)) == 1
    assert host.of(PHY)


def test_the_peers_default_phys_limit_the_choice() -> None:
    pair = connected_pair()
    pair.peripheral.must(0x2031, bytes((0, 1, 7)))  # sends at 1M alone
    pair.central.command(0x2032, struct.pack("<HBBBH", pair.central_handle, 3, 0, 0, 0))
    run(pair, 300)
    assert pair.central.last(PHY) == struct.pack("<BHBB", 0, pair.central_handle, 2, 1)
    assert pair.peripheral.last(PHY) == struct.pack("<BHBB", 0, pair.peripheral_handle, 1, 2)


def test_the_central_changes_the_parameters() -> None:
    pair = connected_pair(interval_ms=30)
    update(pair.central, pair.central_handle, interval=80, latency=1, timeout=300)
    run(pair, 15)
    assert pair.central.of(UPDATED) == []
    run(pair, 500)
    for host in (pair.central, pair.peripheral):
        expected = struct.pack("<BHHHH", 0, handle_of(host), 80, 1, 300)
        assert host.last(UPDATED) == expected
    assert pair.central.of(UPDATED)[0].at_us == pair.peripheral.of(UPDATED)[0].at_us
    pair.peripheral.controller.detach()
    run(pair, 2990)
    assert pair.central.of(DISCONNECTED) == []
    run(pair, 20)
    assert pair.central.of(DISCONNECTED)


def test_a_second_update_waits_for_the_first() -> None:
    pair = connected_pair()
    update(pair.central, pair.central_handle, interval=80)
    parameters = struct.pack("<HHHHHHH", pair.central_handle, 80, 80, 0, 200, 0, 0)
    assert pair.central.command(0x2013, parameters)[0] == DISALLOWED
    run(pair, 500)
    update(pair.central, pair.central_handle, interval=40)


def test_the_peripheral_asks_and_the_centrals_host_agrees() -> None:
    pair = connected_pair()
    update(pair.peripheral, pair.peripheral_handle, interval=80)
    run(pair, 50)
    request = pair.central.last(PARAM_REQUEST)
    assert request == struct.pack("<HHHHH", pair.central_handle, 80, 80, 0, 200)
    reply = struct.pack("<HHHHHHH", pair.central_handle, 80, 80, 0, 200, 0, 0)
    assert pair.central.must(0x2020, reply) == struct.pack("<H", pair.central_handle)
    run(pair, 500)
    assert pair.peripheral.last(UPDATED)[:5] == struct.pack("<BHH", 0, pair.peripheral_handle, 80)
    assert pair.central.of(UPDATED)
    assert pair.central.command(0x2020, reply)[0] == DISALLOWED


def test_the_peripheral_asks_and_the_centrals_host_refuses() -> None:
    pair = connected_pair()
    update(pair.peripheral, pair.peripheral_handle, interval=80)
    run(pair, 50)
    pair.central.must(0x2021, struct.pack("<HB", pair.central_handle, 0x3B))
    run(pair, 50)
    assert pair.peripheral.last(UPDATED)[0] == 0x3B
    assert pair.central.of(UPDATED) == []


def test_the_peripheral_asks_a_central_whose_host_does_not_want_to_hear() -> None:
    pair = connected_pair()
    pair.central.must(0x2001, struct.pack("<Q", 0x1F))
    update(pair.peripheral, pair.peripheral_handle, interval=80)
    run(pair, 50)
    assert pair.peripheral.last(UPDATED)[0] == 0x1A


def test_a_host_that_never_answers_loses_the_link_after_40_seconds() -> None:
    pair = connected_pair()
    update(pair.peripheral, pair.peripheral_handle, interval=80)
    run(pair, 39_000)
    assert pair.central.of(DISCONNECTED) == []
    run(pair, 2_000)
    assert pair.central.last(DISCONNECTED)[3] == 0x22
    assert pair.peripheral.last(DISCONNECTED)[3] == 0x22


def test_channel_classification_reaches_both_maps() -> None:
    pair = connected_pair()
    everything = bytes.fromhex("ffffffff1f")
    query = struct.pack("<H", pair.peripheral_handle)
    assert pair.peripheral.must(0x2015, query) == query + everything
    for last in (b"\x0f\x00\x00\x00\x00", b"\xf0\x00\x00\x00\x00", b"\x00\xff\x00\x00\x00"):
        pair.central.must(0x2014, last)
    run(pair, 1000)
    assert pair.peripheral.must(0x2015, query) == query + b"\x00\xff\x00\x00\x00"


def test_rssi_is_the_peers_power_less_path_loss() -> None:
    pair = connected_pair(Radio(1, Propagation(path_loss_db=71.6)))
    query = struct.pack("<H", pair.central_handle)
    assert pair.central.must(0x1405, query) == query + struct.pack("<b", -72)
