"""A round: links and data, restarts, guests, a full disk, a line that is cut, a radio that dies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import _bleio

from bleio.backends.hci.bonds.format import decode
from soak.crew import DEADLINE_S, Crew, Server, found, until

PACKETS = 20  # of a burst


def soak(crew: Crew, with_guests: bool) -> None:
    """Let everything happen once. Raises: AssertionError if something is not as it should be."""
    links(crew)
    restarts(crew)
    if with_guests:
        guests(crew)
    full_disk(crew)
    cut_line(crew)
    dead_radio(crew)
    crew.rest()


def links(crew: Crew) -> None:
    """All centrals at once: each hears all values, and writes one that arrives."""
    server, remotes, heard = crew.server, [], []
    for central in crew.centrals:
        remotes.append(found(server.link_from(central)))
        heard.append(_bleio.CharacteristicBuffer(remotes[-1], buffer_size=4096, timeout=DEADLINE_S))
        remotes[-1].set_cccd(notify=True)
    packets = [bytes((number,)) * 20 for number in range(PACKETS)]
    for packet in packets:
        server.value.value = packet
    for remote, buffer in zip(remotes, heard, strict=True):
        assert buffer.read(20 * PACKETS) == b"".join(packets)
        remote.set_cccd(notify=False)
        buffer.deinit()
    for number, remote in enumerate(remotes):
        remote.value = bytes((number, 0x55))
        assert server.value.value == bytes((number, 0x55))


def restarts(crew: Crew) -> None:
    """Every third central is switched off and on in the middle of its link, then the peripheral."""
    server = crew.server.adapter
    for central in crew.centrals[::3]:
        central.enabled = False
        central.enabled = True
    left = len(crew.centrals) - len(crew.centrals[::3])
    until(lambda: len(server.connections) == left, "the links of those that went are gone")
    for central in crew.centrals[::3]:
        remote = found(crew.server.link_from(central))
        remote.value = b"back"
        assert remote.value == b"back"
    server.enabled = False
    until(lambda: not any(central.connected for central in crew.centrals), "all links are gone")
    server.enabled = True


def guests(crew: Crew) -> None:
    """Two programs come; one goes, one is killed in the middle of its link."""
    server = crew.server
    for killed in (False, True):
        with _guest(server) as guest:
            assert guest.stdin is not None
            assert len(server.adapter.connections) == 1
            if killed:
                guest.kill()
            else:
                guest.stdin.write("\n")
                guest.stdin.flush()
                assert guest.wait(DEADLINE_S) == 0
        until(lambda: not server.adapter.connected, "the guest's link is gone")


@contextmanager
def _guest(server: Server) -> Iterator[subprocess.Popen[str]]:
    server.value.value = b"for guests"
    server.advertise()
    address = bytes(server.adapter.address.address_bytes).hex()
    with subprocess.Popen(
        [sys.executable, "-m", "soak.guest", address],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as guest:
        try:
            assert guest.stdout is not None
            assert guest.stdout.readline() == f"value {b'for guests'.hex()}\n"
            yield guest
        finally:
            guest.kill()


def full_disk(crew: Crew) -> None:
    """Bonds are made while there is no room for them, count at once, and are written later."""
    central = crew.centrals[0]
    for adapter in (central, crew.server.adapter):
        adapter.erase_bonding()
    with crew.disk.full():
        connection = crew.server.link_from(central)
        connection.pair()
        until(lambda: connection.paired, "the pairing")
        assert not _bonds(crew)
        connection.disconnect()
        again = crew.server.link_from(central)
        until(lambda: again.paired, "encryption with keys that are in memory alone")
    until(lambda: _bonds(crew) == 2, "both ends' bonds are written")
    again.disconnect()
    until(lambda: not crew.server.adapter.connected, "the link is gone")


def _bonds(crew: Crew) -> int:
    files = [path for path in crew.disk.folder.rglob("*.json") if path.stat().st_size]
    return sum(len(decode(path.read_bytes()).bonds) for path in files)


def cut_line(crew: Crew) -> None:
    """A controller goes away with a link; its program hears of it, and opens it again."""
    connection = crew.near.link_from(crew.distant)
    remote = found(connection)
    assert remote.value == b"*"
    crew.line.cut()
    until(lambda: not crew.distant.enabled, "the distant one has lost its controller")
    assert not connection.connected
    until(lambda: not crew.near.adapter.connected, "its peer has noticed")
    crew.distant.enabled = True
    assert found(crew.near.link_from(crew.distant)).value == b"*"


def dead_radio(crew: Crew) -> None:
    """The shared radio is killed under links with data on the way."""
    some = crew.centrals[:5]
    remotes = [found(crew.server.link_from(central)) for central in some]
    heard = [_bleio.CharacteristicBuffer(remote, buffer_size=4096) for remote in remotes]
    for remote in remotes:
        remote.set_cccd(notify=True)
    for number in range(PACKETS):
        crew.server.value.value = bytes((number,)) * 20
    crew.kill_radio()
    for remote in remotes:
        try:
            remote.value
        except _bleio.BluetoothError:
            continue
        raise AssertionError("a link has outlived its radio")
    for buffer in heard:
        buffer.deinit()
    remote = found(crew.server.link_from(some[0]))
    assert len(remote.value) == 20
