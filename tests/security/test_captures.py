"""What `BLEIO_CAPTURE` leaves on the disk. See docs/security.md."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.capture.tap import KEYS_VARIABLE, VARIABLE
from bleio.errors import ControllerLost
from support.hci.engine import asynchronous, until
from support.hci.world import Device, VirtualWorld, connected_pair
from support.pairing import GENERATIONS, only_legacy
from support.tshark import complaints, fields, needs_tshark

NAMES = ("both.pcapng", "both.btsnoop")


def keys_of(bond: Bond) -> list[bytes]:
    assert bond.irk and bond.own_signing and bond.peer_signing
    return [bond.ltk, bond.irk, bond.own_signing.csrk, bond.peer_signing.csrk]


def keys_known_to(device: Device) -> set[bytes]:
    assert device.backend._open is not None
    bonds = device.backend._open.security.shared.bonds
    ((_, bond),) = bonds.all()
    return {bonds.irk(), *keys_of(bond)}


async def capture_two_that_bond(path: Path, monkeypatch: pytest.MonkeyPatch) -> set[bytes]:
    """Have two adapters write what they do. Returns: the keys of their bond."""
    monkeypatch.setenv(VARIABLE, str(path))
    async with VirtualWorld() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        await link.pair()
        await until(lambda: incoming.security.has_keys)
        await link.disconnect()  # and encryption with stored keys
        await until(lambda: not peripheral.engine.links)
        await peripheral.advertise()
        again, _ = await central.connect(peripheral)
        await until(lambda: again.security.encrypted)
        return keys_known_to(central) | keys_known_to(peripheral)


def held(path: Path, keys: set[bytes]) -> int:
    """How many of the keys are in a file."""
    octets = path.read_bytes()
    return sum(key in octets or key[::-1] in octets for key in keys)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("generation", GENERATIONS)
@asynchronous
async def test_a_capture_holds_no_key(
    generation: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if generation == "legacy":
        only_legacy(monkeypatch)
    keys = await capture_two_that_bond(tmp_path / name, monkeypatch)
    assert len(keys) == 5  # LTK, two IRKs, two CSRKs
    assert held(tmp_path / name, keys) == 0
    monkeypatch.setenv(KEYS_VARIABLE, "1")
    keys = await capture_two_that_bond(tmp_path / f"keys-{name}", monkeypatch)
    assert held(tmp_path / f"keys-{name}", keys) == 5


@needs_tshark
@pytest.mark.parametrize("keys", ["0", "1"])
@pytest.mark.parametrize("name", NAMES)
@asynchronous
async def test_a_capture_is_read_with_and_without_keys(
    keys: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, keys)
    path = tmp_path / name
    await capture_two_that_bond(path, monkeypatch)
    assert complaints(path) == []
    shown = fields(path, "btsmp.id_resolving_key", only="btsmp.opcode == 0x08")
    assert len(shown) == 4  # each one's, sent and received
    assert all((set(key) <= set("0:")) == (keys == "0") for (key,) in shown)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
@pytest.mark.parametrize("there", [False, True], ids=["new", "there before"])
@asynchronous
async def test_nobody_else_reads_a_capture(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.pcapng"
    if there:
        path.touch(0o644)
    monkeypatch.setenv(VARIABLE, str(path))
    async with VirtualWorld() as world:
        await world.device()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@asynchronous
async def test_a_word_that_does_not_say_whether_keys_are_captured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "own.pcapng"))
    monkeypatch.setenv(KEYS_VARIABLE, "yes")
    async with VirtualWorld() as world:
        device = await world.device(open_it=False)
        with pytest.raises(ControllerLost, match="BLEIO_CAPTURE_KEYS is 'yes'; set it to 1"):
            await device.open()
    assert list(tmp_path.iterdir()) == []
