"""What `BLEIO_CAPTURE` leaves on the disk. See docs/security.md."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bleio import files
from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.capture import tap
from bleio.backends.hci.capture.tap import KEYS_VARIABLE, VARIABLE
from bleio.cli.radio import _captured
from bleio.errors import ControllerLost
from bleio.radio.air.radio import AirPdu, Radio
from bleio.radio.air.station import Station
from bleio.testing import World
from support.hci.engine import asynchronous, until
from support.hci.world import Device, VirtualWorld, connected_pair
from support.pairing import GENERATIONS, only_legacy
from support.patience import PATIENCE_S
from support.tshark import complaints, fields, needs_tshark

NAMES = ("both.pcapng", "both.btsnoop")


def recorded_by_a_radio(path: object) -> contextlib.AbstractContextManager[Radio]:
    """Have `bleio radio --capture` write a file."""

    @contextlib.contextmanager
    def captured() -> Iterator[Radio]:
        radio = Radio(seed=1)
        with _captured(radio, str(path)):
            yield radio

    return captured()


def recorded_by_a_world(path: Path) -> World:
    return World(capture=path)


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


posix = pytest.mark.skipif(sys.platform == "win32", reason="files of POSIX")


async def capture(path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open an adapter that is captured, and use it."""
    monkeypatch.setenv(VARIABLE, str(path))
    monkeypatch.setattr(tap, "_files", {})
    async with VirtualWorld() as world:
        device = await world.device()
        await device.advertise()


async def refusal(path: object, monkeypatch: pytest.MonkeyPatch) -> str:
    with pytest.raises(ControllerLost) as caught:
        await capture(path, monkeypatch)
    return str(caught.value)


@posix
@pytest.mark.parametrize("there", [True, False], ids=["link", "dangling link"])
@asynchronous
async def test_a_capture_follows_no_link(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would lead to any file of this user, which would be emptied."""
    diary, link = tmp_path / "diary", tmp_path / "own.pcapng"
    if there:
        diary.write_text("dear diary")
    link.symlink_to(diary)
    assert await refusal(link, monkeypatch) == (
        f"Cannot write the capture {str(link)!r}: it is a symbolic link; name the file itself; "
        "change BLEIO_CAPTURE or unset it."
    )
    with pytest.raises(OSError, match="it is a symbolic link"), recorded_by_a_radio(link):
        pass
    assert link.is_symlink()
    assert diary.exists() == there
    assert not there or diary.read_text() == "dear diary"


@posix
@pytest.mark.parametrize("kind", ["capture", "packets", "keys", "hci"])
def test_nor_do_the_files_of_a_world(kind: str, tmp_path: Path) -> None:
    diary, link = tmp_path / "diary", tmp_path / "one.btsnoop"
    diary.write_text("dear diary")
    link.symlink_to(diary)
    with pytest.raises(OSError, match="it is a symbolic link"):
        if kind == "capture":
            World(capture=link)
        with World(hci_capture=tmp_path if kind == "hci" else None) as world:
            if kind == "hci":
                world.add(source="", name="one")
            save = world.save_packets if kind == "packets" else world.save_keys
            save(link)
    assert diary.read_text() == "dear diary"


@posix
@asynchronous
async def test_a_capture_is_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have opened the one of its name while everybody could."""
    path = tmp_path / "own.pcapng"
    path.write_bytes(b"former")
    path.chmod(0o666)
    with path.open("rb") as spy, path.open("ab") as spoiler:
        await capture(path, monkeypatch)
        spoiler.write(b"spoiled")
        spoiler.flush()
        assert spy.read() == b"formerspoiled"
    assert path.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert b"spoiled" not in path.read_bytes()
    with path.open("rb") as spy, recorded_by_a_radio(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not os.path.samestat(os.fstat(spy.fileno()), path.stat())


@posix
@pytest.mark.timeout(PATIENCE_S)
@asynchronous
async def test_a_capture_into_a_pipe_that_nothing_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.pcapng"
    os.mkfifo(path)
    words = "nothing reads from that pipe; start its reader first"
    assert words in await refusal(path, monkeypatch)
    with pytest.raises(OSError, match=words), recorded_by_a_radio(path):
        pass


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives pipes away"
)
@asynchronous
async def test_a_capture_into_another_users_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose reader waits for it, where everybody may make files."""
    path = tmp_path / "own.pcapng"
    os.mkfifo(path)
    os.chown(path, 54321, 54321)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    assert "it is a pipe of another user's" in await refusal(path, monkeypatch)
    with pytest.raises(OSError, match="another user"), recorded_by_a_radio(path):
        pass
    assert os.read(reader, 4) == b""
    os.close(reader)


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="there is no /dev/fd")
def test_a_capture_into_what_the_program_was_given(tmp_path: Path) -> None:
    path = tmp_path / "given"
    with path.open("wb") as file:
        recording = files.Recording(f"/dev/fd/{file.fileno()}")
        recording.write(b"captured")
        recording.close()
    assert path.read_bytes() == b"captured"


@posix
@pytest.mark.timeout(PATIENCE_S)
@asynchronous
async def test_a_capture_into_a_pipe_whose_reader_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An analyser may show a capture while it is made; the program does not wait for it."""
    path = tmp_path / "own.pcapng"
    os.mkfifo(path)
    monkeypatch.setattr(files, "MOST_UNREAD_OCTETS", 10_000)
    monkeypatch.setattr(files, "CLOSE_S", 0.0)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    recording = files.Recording(path)
    sent = os.urandom(5000)
    for _ in range(100):
        recording.write(sent)
    assert caplog.text.count("ends here: its reader does not keep up") == 1
    taken = os.read(reader, 1 << 20)
    assert taken and (sent * 100).startswith(taken)
    recording.close()
    await capture(path, monkeypatch)
    assert os.read(reader, 4) == b"\x0a\x0d\x0d\x0a"
    os.close(reader)


@posix
@asynchronous
async def test_a_capture_on_a_full_disk(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    await capture("/dev/full", monkeypatch)  # and all goes on
    words = "The capture '/dev/full' ends here: No space left on device"
    assert caplog.text.count(words) == 1
    with recorded_by_a_radio("/dev/full") as radio:
        for number in range(3000):
            packet = AirPdu(number, 37, 1, 0x8E89BED6, 0, Station(1, "one"), bytes(39))
            for watcher in radio._watchers:
                watcher(packet)
    assert caplog.text.count(words) == 2


@posix
@pytest.mark.parametrize("mode", [None, 0o644])
def test_nobody_else_reads_what_a_radio_or_a_world_captures(
    mode: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "air.pcapng"
    before = os.umask(0)
    try:
        for captured in (recorded_by_a_radio, recorded_by_a_world):
            if mode is not None:
                path.touch()
                path.chmod(mode)
            with captured(path):
                pass
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            path.unlink()
    finally:
        os.umask(before)
