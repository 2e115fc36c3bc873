"""Links of programs that were killed: ended by the next one, where they are certainly theirs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bleio.backends.os.backend import OsBackend
from bleio.backends.os.bluez import live_links
from bleio.backends.os.bluez.live_links import LiveLinks
from bleio.backends.os.bluez.system import BlueZ
from support.bluez.loops import in_loop
from support.bluez.private_bus import private_bus
from support.bluez.remote import DEVICE, PEER, Remote, peer, settled, until
from support.bluez.stand_in import ADAPTER_ADDRESS, device_path
from support.hci.engine import Engine
from support.patience import PATIENCE_S

OTHER = "C0:00:00:00:00:02"
LINK = (ADAPTER_ADDRESS, device_path(PEER))
KEEPER = """
import asyncio, sys
from pathlib import Path
from bleio.backends.os.bluez.live_links import LiveLinks

async def keep():
    links = LiveLinks(Path(sys.argv[1]))
    await links.open()
    await links.add((sys.argv[2], sys.argv[3]))
    print("kept", flush=True)
    await asyncio.sleep(600)

asyncio.run(keep())
"""


def keeper(folder: Path, link: tuple[str, str] = LINK) -> subprocess.Popen[bytes]:
    """Run a program that has a link."""
    command = [sys.executable, "-c", KEEPER, str(folder), *link]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"kept\n"
    return process


def killed(folder: Path, link: tuple[str, str] = LINK) -> None:
    process = keeper(folder, link)
    process.kill()
    process.communicate()


@asynccontextmanager
async def opened(folder: Path, *connected: str) -> AsyncIterator[tuple[Remote, OsBackend]]:
    """Open an adapter beside links that are up."""
    async with private_bus():
        daemon, engine = Remote(), Engine()
        await daemon.start()
        for each in connected:
            daemon.know(each, Connected=True, ServicesResolved=True)
        backend = OsBackend(BlueZ(None, folder))
        await backend.open(engine.server, "central", engine)
        try:
            yield daemon, backend
        finally:
            await backend.close()
            daemon.bus.disconnect()


def ended(daemon: Remote) -> list[str]:
    return [path for path, member, _ in daemon.calls if member == "Disconnect"]


@in_loop
async def test_links_of_a_killed_program_are_ended_and_no_others(tmp_path: Path) -> None:
    killed(tmp_path)
    async with opened(tmp_path, PEER, OTHER) as (daemon, _):
        assert ended(daemon) == [device_path(PEER)]
        assert daemon.objects[device_path(OTHER)][DEVICE]["Connected"].value
    assert list(tmp_path.iterdir()) == []


@in_loop
async def test_links_of_a_living_program_stay(tmp_path: Path) -> None:
    killed(tmp_path)
    process = keeper(tmp_path)
    try:
        async with opened(tmp_path, PEER) as (daemon, _):
            assert ended(daemon) == []
    finally:
        process.kill()
        process.communicate()


@in_loop
async def test_an_adapter_of_another_address_has_not_that_link(tmp_path: Path) -> None:
    killed(tmp_path, ("AA:BB:CC:00:11:33", device_path(PEER)))
    async with opened(tmp_path, PEER) as (daemon, _):
        assert ended(daemon) == []


@in_loop
async def test_a_link_is_on_the_list_while_it_is_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as (daemon, backend):
        daemon.know()
        daemon.know(OTHER, Connected=True, ServicesResolved=True)
        await settled(backend)
        link = await backend.connect(peer(), PATIENCE_S)
        await backend.connect(peer(OTHER), PATIENCE_S)  # found, so it is not ours
        (file,) = tmp_path.glob("*.links")
        await until(lambda: file.read_text().splitlines()[1:] == [" ".join(LINK)])
        await link.disconnect()
        await until(lambda: len(file.read_text().splitlines()) == 1)


def taken(folder: Path) -> set[tuple[str, str]]:
    async def take() -> set[tuple[str, str]]:
        links = LiveLinks(folder)
        found = await links.open()
        await links.close()
        return found

    return asyncio.run(take())


def test_what_was_before_the_computer_started_counts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(tmp_path)
    boot = tmp_path.parent / "boot_id"
    boot.write_text("another\n")
    monkeypatch.setattr(live_links, "BOOT", boot)
    assert taken(tmp_path) == set()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["all may write it", "a symbolic link", "nonsense", "folder"])
def test_lists_that_others_may_have_written_are_not_read(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "links"
    killed(folder)
    (file,) = folder.glob("*.links")
    if what == "all may write it":
        file.chmod(0o666)
    elif what == "folder":
        folder.chmod(0o777)
    elif what == "nonsense":
        file.write_bytes(os.urandom(20000))
    else:
        file.rename(tmp_path / "moved")
        file.symlink_to(tmp_path / "moved")
    assert taken(folder) == set()


def test_a_folder_that_cannot_be_made_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert taken(tmp_path / "file" / "links") == set()


def test_a_list_is_taken_once(tmp_path: Path) -> None:
    killed(tmp_path)
    assert taken(tmp_path) == {LINK}
    assert taken(tmp_path) == set()
