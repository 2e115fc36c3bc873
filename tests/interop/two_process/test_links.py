"""Links between programs in several processes: many at once, lost, taken up again, changed."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.interop


def test_several_centrals_on_one_peripheral(start):
    peripheral = start("many_centrals_peripheral", "3")
    centrals = [start("one_of_many_centrals", word, tag=word) for word in ("ash", "elm", "oak")]
    peripheral.says("^connected 3 to 3$", "^heard ash elm oak$")
    for central in centrals:
        central.wait_for(r"^everybody: ash\+elm\+oak$")
        central.ends_well()
    peripheral.wait_for("^all gone$")
    peripheral.ends_well()


def test_one_central_on_several_instances_of_one_peripheral(start):
    peripherals = [start("battery_peripheral", level, tag=level) for level in ("10", "20", "30")]
    addresses = {each.wait_for("advertising from (.*)")[1] for each in peripherals}
    assert len(addresses) == 3
    central = start("battery_central", "3", "0")
    central.says("^found 3$", "^connected 3$", "^levels 10 20 30$", "^disconnected$")
    central.ends_well()
    for peripheral in peripherals:
        peripheral.process.stdin.close()
        peripheral.says("^connected$", "^disconnected$")
        peripheral.ends_well()


def test_central_and_peripheral_at_the_same_time(start):
    source = start("reading_peripheral")
    relay = start("relay")
    relay.says("^connected upstream advertising$", "^copied 512$")
    reader = start("relay_central")
    reader.wait_for("^reads 512 octets right$")
    reader.ends_well()
    relay.says("^connected both ways$", "^downstream gone, upstream True$")
    relay.ends_well()
    source.says("^advertising", "^connected", "^disconnected$")


@pytest.mark.skipif(os.name == "nt", reason="needs SIGSTOP to hold the peer in the read")
def test_killing_the_peer_in_the_middle_of_a_read_fails_the_read(start):
    peripheral = start("reading_peripheral")
    peripheral.wait_for("^advertising")
    central = start("reading_central")
    central.type("find\nconnect\nread\n")
    central.says("^found", "^connected", "^read 512 octets right$")
    peripheral.freeze()  # from now on nobody answers: the read below is sure to be under way
    central.type("read\n")
    central.wait_for("^asked to read$")
    peripheral.kill()
    central.wait_for("^ConnectionError: Not connected; connected False$")
    central.type("read\n")
    central.wait_for("^ConnectionError: Not connected; connected False$")
    central.process.stdin.close()
    central.ends_well()


def test_killing_the_central_is_noticed_and_leaves_the_peripheral_usable(start):
    peripheral = start("reading_peripheral")
    first = start("reading_central", tag="first")
    first.type("find\nconnect\nread\n")
    first.wait_for("^read 512 octets right$")
    first.kill()
    peripheral.says("^advertising", "^connected not advertising$", "^disconnected$", "^advertising")
    second = start("reading_central", tag="second")
    second.type("find\nconnect\nread\n")
    second.wait_for("^read 512 octets right$")


def test_reconnecting_gives_a_fresh_link_each_time(start):
    peripheral = start("reading_peripheral")
    central = start("reading_central")
    central.type("find\n")
    for _ in range(5):
        peripheral.wait_for("^advertising")
        central.type("connect\nread\ndisconnect\n")
        central.says("^connected$", "^read 512 octets right$", "^disconnected$")
        peripheral.says("^connected not advertising$", "^disconnected$")
        central.type("read\n")
        central.wait_for("^ConnectionError: Not connected; connected False$")


def test_a_restarted_peripheral_is_the_same_device(start):
    peripheral = start("reading_peripheral", tag="before")
    address = peripheral.wait_for("advertising from (.*)")[1]
    central = start("reading_central")
    central.type("find\nconnect\nread\n")
    central.says(f"^found {address}$", "^read 512 octets right$")
    peripheral.kill()
    central.type("read\n")
    central.wait_for("^ConnectionError: Not connected; connected False$")
    restarted = start("reading_peripheral", tag="after")
    assert restarted.wait_for("advertising from (.*)")[1] == address
    central.type("connect\nread\n")
    central.wait_for("^read 512 octets right$")


def test_table_changes_while_connected(start):
    peripheral = start("growing_peripheral")
    central = start("growing_central")
    central.says(
        "^base True extra False$",
        "^peripheral has added$",
        "^base True extra True$",
        "^reads b'new here'$",
        "^peripheral has removed$",
        "^base True extra False$",
        "^gone: ",
        "^peripheral has added$",
        "^base True extra True$",
    )
    central.ends_well()
    peripheral.says("^added$", "^removed$", "^added$", "^disconnected$")
    peripheral.ends_well()
