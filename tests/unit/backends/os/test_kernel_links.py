"""What the kernel's list of links says, and what is made of it."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

import pytest

from bleio.backends.base import Link
from bleio.backends.os.bluez import (
    hearing,
    kernel_links,
    peers as peers_module,
    reaching as reaching_module,
)
from bleio.backends.os.bluez.kernel_links import Direction, KernelLink, KernelLinks, links_in
from bleio.backends.os.bluez.objects import DEVICE
from bleio.backends.os.links.errors import SystemRefused
from bleio.core.address import DeviceAddress
from bleio.errors import ConnectTimeout, PairingFailed
from support.bluez.loops import in_loop
from support.bluez.remote import PEER, Refusal, Remote, peer, remote, settled, until
from support.bluez.stand_in import device_path
from support.patience import PATIENCE_S

ENTRIES = (  # handle, address, type, whether outgoing, state, mode
    "4000 010000000012 80 01 0100 01000000"
    "4100 0100000000c0 80 00 0100 06000000"
    "4200 0200000000c0 01 00 0100 00000000"  # of Bluetooth Classic
    "000f 0400000000c0 80 01 0500 01000000"
)
ANSWER = bytes.fromhex("0000 0400" + ENTRIES)


def octets(address: str) -> bytes:
    return peer(address).octets


def test_the_list() -> None:
    assert list(links_in(ANSWER)) == [
        KernelLink(octets("12:00:00:00:00:01"), True, True, False),
        KernelLink(octets("C0:00:00:00:00:01"), False, True, True),
        KernelLink(octets("C0:00:00:00:00:04"), True, False, False),
    ]


@pytest.mark.parametrize(
    ("address", "direction"),
    [
        ("12:00:00:00:00:01", Direction.OUTGOING),
        ("C0:00:00:00:00:01", Direction.INCOMING),
        ("C0:00:00:00:00:02", Direction.OUTGOING),  # not over LE
        ("C0:00:00:00:00:03", Direction.OUTGOING),
    ],
)
def test_which_side_asked_for_a_link(address: str, direction: Direction) -> None:
    with mock.patch.object(KernelLinks, "all", return_value=list(links_in(ANSWER))):
        assert KernelLinks("hci0").direction(octets(address)) is direction


@pytest.mark.parametrize("adapter", ["", "usb0", "hci0"])
def test_a_kernel_that_cannot_be_asked(adapter: str) -> None:
    """Without Bluetooth, in another network namespace, or if it is another machine's adapter."""
    with mock.patch.object(kernel_links.socket, "socket", side_effect=OSError):
        links = KernelLinks(adapter)
        assert links.all() is None
        assert links.direction(octets(PEER)) is Direction.UNKNOWN


def listed(is_encrypted: bool, address: str = PEER, is_up: bool = True) -> list[KernelLink]:
    return [KernelLink(octets(address), False, is_up, is_encrypted)]


async def came(daemon: Remote, engine: Any, **properties: Any) -> Link:
    """Have a bonded central connect."""
    daemon.kernel_links = listed(is_encrypted=False)
    path = daemon.know(Paired=True, **properties)
    daemon.connected(path)
    await until(lambda: engine.links)
    link: Link = engine.links[0]
    assert not link.is_central
    return link


@in_loop
async def test_a_central_that_does_not_encrypt_is_not_paired() -> None:
    async with remote() as (daemon, _, engine):
        link = await came(daemon, engine)
        assert (link.security.encrypted, link.security.has_keys) == (False, True)
        daemon.kernel_links = listed(is_encrypted=True)
        assert link.security.encrypted
        daemon.kernel_links = []
        assert not link.security.encrypted
        daemon.kernel_links = None
        assert link.security.encrypted  # as BlueZ has a bond


@in_loop
async def test_the_kernel_knows_a_bonded_central_by_its_identity() -> None:
    async with remote() as (daemon, backend, engine):
        link = await came(daemon, engine)
        daemon.change(device_path(PEER), DEVICE, Address="00:00:00:00:00:0A", AddressType="public")
        await settled(backend)
        daemon.kernel_links = listed(True, "00:00:00:00:00:0A")
        assert link.security.encrypted


@in_loop
async def test_pairing_with_a_bonded_central_waits_for_its_encryption() -> None:
    async with remote() as (daemon, _, engine):
        link = await came(daemon, engine)
        pairing = asyncio.ensure_future(link.pair())
        await asyncio.sleep(0.1)
        assert not pairing.done()
        daemon.kernel_links = listed(is_encrypted=True)
        await pairing
        daemon.kernel_links = listed(is_encrypted=False)
        with mock.patch.object(peers_module, "ENCRYPTED_S", 0.05), pytest.raises(PairingFailed):
            await link.pair()


@in_loop
async def test_a_device_with_the_other_type_of_address_is_not_connected_to() -> None:
    async with remote() as (daemon, backend, _):
        path = daemon.know(AddressType="public")
        await settled(backend)
        with pytest.raises(ConnectTimeout):
            await backend.connect(peer(), 0.3)
        daemon.connected(path)  # by another program
        await settled(backend)
        with pytest.raises(ConnectTimeout):
            await backend.connect(peer(), 0.3)
        assert daemon.called("Connect") == []
        daemon.connected(path, False)
        await settled(backend)
        public = DeviceAddress(peer().octets)
        link = await backend.connect(public, PATIENCE_S)  # while that is given up
        assert link.connected


ABORTED = Refusal("org.bluez.Error.Failed", "le-connection-abort-by-local")


@pytest.mark.parametrize("is_answered", [True, False])
@in_loop
async def test_a_link_that_linux_keeps_is_told(is_answered: bool) -> None:
    async with remote() as (daemon, backend, _):
        daemon.know()
        await settled(backend)
        daemon.kernel_links = listed(False, is_up=False)
        if is_answered:
            daemon.refusals["Connect"] = [ABORTED]
        else:
            daemon.silent.add("Connect")
        with (
            mock.patch.object(reaching_module, "KEPT_S", 0.1),
            pytest.raises(SystemRefused, match=f"{peer()}.*bluetoothctl power off"),
        ):
            await backend.connect(peer(), 60)


@in_loop
async def test_a_link_that_linux_keeps_is_told_of_a_device_that_bluez_has_forgotten() -> None:
    """It does not advertise while it is connected, so it is not heard again."""
    async with remote() as (daemon, backend, _):
        daemon.kernel_links = listed(False, is_up=False)
        with (
            mock.patch.object(reaching_module, "KEPT_S", 0.1),
            mock.patch.object(hearing, "AGAIN_S", 0.05),
            pytest.raises(SystemRefused, match=f"{peer()}.*bluetoothctl power off"),
        ):
            await backend.connect(peer(), 60)
        assert daemon.called("StopDiscovery") == [[]]


@in_loop
async def test_another_program_that_connects_is_waited_for() -> None:
    """The kernel lists its link in the same way."""
    async with remote() as (daemon, backend, _):
        path = daemon.know()
        await settled(backend)
        daemon.kernel_links = listed(False, is_up=False)
        daemon.refusals["Connect"] = [Refusal("org.bluez.Error.InProgress", "In Progress")] * 2
        connecting = asyncio.ensure_future(backend.connect(peer(), 60))
        await until(lambda: not daemon.refusals["Connect"])
        daemon.connected(path)
        assert (await connecting).connected
