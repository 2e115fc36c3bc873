"""A device's disk is full: its bonds, and what its program writes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from bleio.testing import World
from support.pairing_pair import PAIRING_CENTRAL, PAIRING_PERIPHERAL

PERIPHERAL = PAIRING_PERIPHERAL.replace("sleep(30)", "sleep(1000)")
CENTRAL = PAIRING_CENTRAL.replace("print(", "print(connection.paired, ") + "connection.disconnect()"
PERIPHERAL = PERIPHERAL.replace(
    "time.sleep(1000)",
    "while True:\n"
    "    time.sleep(0.1)\n"
    "    if not _bleio.adapter.advertising and not _bleio.adapter.connected:\n"
    "        _bleio.adapter.start_advertising(b'\\x02\\x01\\x06')\n",
)


def pairings(world: World) -> int:
    """How often was asked to pair: L2CAP channel 6, code 1, in plain text."""
    return sum(packet.octets[4:7] == b"\x06\x00\x01" for packet in world.packets)


def read_once(world: World) -> None:
    """Let the central run once more, from its beginning to its end."""
    central = world["central"]
    if not central.running:
        central.power_on()
    world.run(until=lambda: not central.running, within_s=60)


@pytest.fixture(params=["memory", "files"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "state" if request.param == "files" else None
    with World(state_folder=folder) as world:
        world.add(source=PERIPHERAL, name="peripheral")
        world.add(source=CENTRAL, name="central")
        yield world


def test_a_bond_that_could_not_be_saved_is_gone_with_the_power(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world["central"].full_disk = True
    with caplog.at_level(logging.WARNING):
        read_once(world)
    assert world["central"].text == "True b'secret'\n"  # the link does not fail for that
    (warning,) = caplog.messages
    assert "No space left on device" in warning
    assert "central" in warning
    assert pairings(world) == 1
    read_once(world)
    assert pairings(world) == 2  # it has forgotten
    world["central"].full_disk = False
    read_once(world)
    assert pairings(world) == 3
    read_once(world)
    assert pairings(world) == 3


def test_what_was_on_the_disk_before_stays(world: World) -> None:
    read_once(world)
    world["central"].full_disk = True
    read_once(world)
    read_once(world)
    assert pairings(world) == 1


def test_what_could_not_be_saved_is_saved_once_there_is_room(world: World) -> None:
    peripheral = world["peripheral"]
    peripheral.full_disk = True
    read_once(world)
    peripheral.full_disk = False
    for _ in range(2):
        peripheral.power_off()
        peripheral.power_on()
        read_once(world)
    assert pairings(world) == 1


def test_bonds_that_could_not_be_erased_come_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    read_once(world)
    central = world["central"]
    central.full_disk = True
    with caplog.at_level(logging.WARNING):
        central.adapter.erase_bonding()
    assert len(caplog.messages) == 1
    read_once(world)
    assert pairings(world) == 1
    central.full_disk = False
    central.adapter.erase_bonding()
    read_once(world)
    assert pairings(world) == 2


def run(source: str, *, full: bool = True) -> str:
    with World() as world:
        device = world.add(source=source)
        device.full_disk = full
        world.run()
        return device.text


SAVE = """
import errno
try:
    with open({path!r}, {mode!r}) as file:
        file.write({what!r})
    print("saved")
except OSError as error:
    print(error.errno == errno.ENOSPC, error)
"""


@pytest.mark.parametrize(
    ("mode", "what", "then"),
    [
        ("w", "new", b""),  # `open` has emptied it
        ("wb", b"new", b""),
        ("a", "new", b"old"),
        ("r+", "new", b"old"),
        ("r+b", b"new", b"old"),
        ("w+", "x" * 100_000, b""),
    ],
)
def test_writing_to_a_full_disk_fails_where_it_would(
    tmp_path: Path, mode: str, what: str, then: bytes
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    source = SAVE.format(path=str(path), mode=mode, what=what)
    assert run(source) == "True [Errno 28] No space left on device\n"
    assert path.read_bytes() == then
    assert run(source, full=False) == "saved\n"
    octets = what if isinstance(what, bytes) else what.encode()
    assert path.read_bytes().endswith(octets)


FILES = """
import os
path = {path!r}
def kind(file):
    layers = [file]
    while layers:
        layer = layers.pop()
        layers += [getattr(layer, name) for name in ("buffer", "raw") if hasattr(layer, name)]
        yield type(layer).__mro__[-4].__name__, layer.mode, layer.name, layer.writable()
with open(path, "x", encoding="utf-16", newline="\\r\\n") as file:
    print("é", "b", sep="\\n", file=file)
    print(file.encoding, file.mode, file.name == path, file.tell())
with open(path, "rb") as file:
    print(file.read())
with open(path, "ab", 0) as file:
    print(file.tell(), file.write(b"raw"), file.mode)
with open(path, "r+b") as file:
    print(file.read(4), file.seek(-3, 2), file.read(), file.write(b"more"), file.seek(0))
    file.truncate(2)
print(os.path.getsize(path))
with open(path, "w+", 1, encoding="latin-1", errors="replace") as file:
    print(file.line_buffering, file.errors, file.write("line\\n"), os.path.getsize(path))
for arguments in ((path, "x"), (path, "wz"), (path, "w", 0), ("/nowhere/at/all", "w")):
    try:
        open(*arguments)
    except (OSError, ValueError) as error:
        print(type(error).__name__, error)
descriptor = os.open(path, os.O_RDWR)
with open(descriptor, "r+b", closefd=False) as file:
    file.write(b"LI")
print(os.read(descriptor, 2))
os.close(descriptor)
with open(os.devnull, "w") as file:
    print(file.write("anything"))
"""


def test_files_of_programs_are_what_they_are_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = FILES.format(path=str(tmp_path / "file"))
    exec(compile(source, "<source>", "exec"), {})
    expected = capsys.readouterr().out
    (tmp_path / "file").unlink()
    assert run(source, full=False) == expected


def test_a_device_file_takes_all_from_a_full_disk_too(tmp_path: Path) -> None:
    assert run(SAVE.format(path="/dev/null", mode="w", what="all")) == "saved\n"


def test_a_file_that_was_open_before_is_on_the_same_disk(tmp_path: Path) -> None:
    path = tmp_path / "log"
    source = f"""
import time
with open({str(path)!r}, "w", buffering=1) as file:
    for number in range(5):
        try:
            print(number, file=file)
        except OSError as error:
            print(number, error)
        time.sleep(1)
"""
    with World() as world:
        device = world.add(source=source)
        world.run(until=1.5)
        device.full_disk = True
        world.run(until=2.5)
        device.full_disk = False
        world.run()
        assert device.text == "2 [Errno 28] No space left on device\n"
    assert path.read_text() == "0\n1\n2\n3\n4\n"  # Python keeps what it could not write


def test_disks_of_other_devices_have_room(tmp_path: Path) -> None:
    source = SAVE.format(path=str(tmp_path / "file"), mode="w", what="new")
    with World() as world:
        world.add(source=source).full_disk = True
        other = world.add(source=source)
        world.run()
        assert other.text == "saved\n"
