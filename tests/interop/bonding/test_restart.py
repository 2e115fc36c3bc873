"""Bonds outlive both programs: keys and what the client has subscribed to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bleio.gatt.attributes import NOTIFY_BIT

from .conftest import Side, bond_anew, until

pytestmark = pytest.mark.interop


def start(peripheral: Side, central: Side, *arguments: str) -> None:
    """Start both and connect."""
    peripheral.start(*arguments)
    peripheral.do("advertise")
    central.start()
    central.do("connect")


def notified(server: Side) -> bool:
    """Whether it has saved the client's subscription; that to Service Changed is saved earlier."""
    return any(bits & NOTIFY_BIT for _, bits in server.bonds[0]["client"]["cccds"])


@pytest.mark.parametrize("serving", ["peripheral", "central"])
@pytest.mark.parametrize("kill", [False, True], ids=["ended", "killed"])
def test_restarted_programs_go_on_where_they_were(
    peripheral: Side, central: Side, serving: str, kill: bool
) -> None:
    server, client = (peripheral, central) if serving == "peripheral" else (central, peripheral)
    start(peripheral, central)
    assert client.do("read") == "SecurityError: Insufficient authentication"
    assert client.do("pair", "subscribe", "read") == "b'first'"
    if kill:
        until(lambda: notified(server))
    until(lambda: client.bonds)
    keys = peripheral.key, central.key
    for side in (central, peripheral):
        side.end(kill)
    assert notified(server)
    assert not client.bonds[0]["client"]["cccds"]
    start(peripheral, central)
    client.do("await")
    server.do("await")
    client.begin("listen")
    assert client.program is not None
    client.program.wait_for("^listening$")
    server.do("set again")
    assert client.result("listen") == "b'again'"
    assert (peripheral.key, central.key) == keys
    # The restored subscriber is also the one that a PacketBuffer serves.
    client.begin("listen")
    client.program.wait_for("^listening$")
    assert server.do("packet bytes") == "5"
    assert client.result("listen") == "b'bytes'"


def test_a_peripheral_may_ask_a_bonded_central_for_encryption(
    peripheral: Side, central: Side
) -> None:
    start(peripheral, central)
    peripheral.do("pair")
    until(lambda: central.bonds)
    keys = peripheral.key, central.key
    for side in (central, peripheral):
        side.end()
    start(peripheral, central)
    assert peripheral.do("pair", "paired") == "True"
    assert central.do("paired") == "True"
    assert (peripheral.key, central.key) == keys


def test_a_subscription_does_not_outlive_the_table_it_was_made_in(
    peripheral: Side, central: Side
) -> None:
    start(peripheral, central)
    central.do("pair", "subscribe")
    central.end()
    peripheral.do("alone")
    peripheral.end()
    start(peripheral, central, "grown")
    central.do("await")
    peripheral.do("await")
    assert peripheral.do("packet bytes") == "0"  # nobody is subscribed to what is there now
    central.do("subscribe")
    central.begin("listen")
    assert central.program is not None
    central.program.wait_for("^listening$")
    assert peripheral.do("packet bytes") == "5"
    assert central.result("listen") == "b'bytes'"


def test_unsubscribed_stays_unsubscribed(peripheral: Side, central: Side) -> None:
    start(peripheral, central)
    central.do("pair")
    peripheral.do("await")
    for side in (central, peripheral):
        side.end()
    start(peripheral, central)
    central.do("await")
    peripheral.do("await")
    assert peripheral.do("packet bytes") == "0"


def test_without_a_folder_bonds_last_as_long_as_the_program(
    peripheral: Side, central: Side, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    peripheral.start(BLEIO_STATE_DIR=str(tmp_path / "file"))
    peripheral.do("advertise")
    central.start()
    central.do("connect", "pair", "subscribe", "disconnect")
    peripheral.do("alone", "advertise")
    central.do("connect", "await")
    peripheral.do("await")
    assert peripheral.do("packet bytes") == "5"
    central.end()
    assert peripheral.program is not None
    lines = [line for line in peripheral.program.lines if "saved" in line]
    assert len(lines) == 1
    assert lines[0].startswith("Bonds cannot be saved in ")
    assert "BLEIO_STATE_DIR" in lines[0]


def test_a_damaged_file_costs_the_bonds_and_nothing_else(peripheral: Side, central: Side) -> None:
    start(peripheral, central)
    central.do("pair")
    until(lambda: peripheral.bonds)
    for side in (central, peripheral):
        side.end()
    old = central.key
    central.file.write_bytes(central.file.read_bytes()[:-50])
    start(peripheral, central)
    assert central.do("paired") == "False"
    central.do("pair")
    bond_anew(peripheral, central, old)
    assert central.program is not None
    (line,) = [line for line in central.program.lines if "damaged" in line]
    assert "cannot be read: it is not whole" in line
    assert old not in line
    assert central.file.with_name(f"{central.file.name}.damaged").exists()
