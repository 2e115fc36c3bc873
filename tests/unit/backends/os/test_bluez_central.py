"""The central role on BlueZ, on a bluetoothd that tests play: links, values, their ends."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any
from unittest import mock

import pytest

from bleio.backends.base import Link
from bleio.backends.os.backend import OsBackend
from bleio.backends.os.bluez import reaching
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.kernel_links import KernelLink
from bleio.backends.os.bluez.objects import DEVICE
from bleio.backends.os.links import connecting, link as link_module
from bleio.backends.os.links.errors import AdapterAway, SystemRefused
from bleio.core.address import DeviceAddress
from bleio.core.codes import AttErrorCode, Properties
from bleio.core.uuid import uuid16
from bleio.errors import (
    AttError,
    CallerError,
    ConnectTimeout,
    ControllerError,
    ControllerLost,
    KeysLost,
    LinkLost,
)
from bleio.gatt.model import RemoteCharacteristic
from support.bluez.loops import in_loop
from support.bluez.remote import MTU, PEER, Refusal, Remote, peer, remote, settled, until
from support.bluez.stand_in import ADAPTER_PATH
from support.hci.engine import Heard
from support.patience import PATIENCE_S

ECHO = "read write write-without-response notify"
OTHER = "C0:00:00:00:00:02"
FAILED = "org.bluez.Error.Failed"
LEAVES = """
from bleio import dropin as _bleio
address = _bleio.Address(bytes.fromhex("0100000000c0"), _bleio.Address.RANDOM_STATIC)
assert _bleio.adapter.connect(address, timeout=20).connected
"""


async def linked(daemon: Remote, backend: OsBackend) -> tuple[Link, RemoteCharacteristic, str]:
    """Return a link, the characteristic of its one service, and that one's path."""
    device = daemon.know()
    daemon.serve(device, 0x10, "a000", (0x11, "a001", ECHO))
    await settled(backend)
    link = await backend.connect(peer(), PATIENCE_S)
    (service,) = await link.discover([uuid16(0xA000)])
    return link, service.characteristics[0], f"{device}/service0010/char0011"


@in_loop
async def test_a_known_device_is_connected_to_without_a_scan() -> None:
    async with remote() as (daemon, backend, engine):
        daemon.know()
        await settled(backend)
        link = await backend.connect(peer(), PATIENCE_S)
        assert engine.log == ["link opened"]
        assert (link.peer, link.is_central, link.interval_us) == (peer(), True, 0)
        assert daemon.called("StartDiscovery") == []
        with pytest.raises(ControllerError):
            await backend.connect(peer(), PATIENCE_S)


@in_loop
async def test_an_unknown_device_is_heard_first() -> None:
    async with remote() as (daemon, backend, _):
        daemon.on_air = [OTHER, PEER]
        assert (await backend.connect(peer(), PATIENCE_S)).connected
        assert daemon.called("StopDiscovery") == [[]]


@in_loop
async def test_what_is_not_there_times_out_and_leaves_nothing() -> None:
    async with remote() as (daemon, backend, engine):
        with pytest.raises(ConnectTimeout):
            await backend.connect(peer(), 0.05)
        await until(lambda: daemon.called("StopDiscovery"))
        assert daemon.called("StopDiscovery") == [[]]
        daemon.know()
        await settled(backend)
        daemon.silent.add("Connect")
        with pytest.raises(ConnectTimeout):
            await backend.connect(peer(), 0.05)
        await until(lambda: daemon.called("Disconnect"))
        assert daemon.called("Disconnect") == [[]]
        assert engine.log == []


@in_loop
async def test_a_cancelled_connect_is_taken_back() -> None:
    async with remote() as (daemon, backend, engine):
        daemon.know()
        await settled(backend)
        daemon.silent.add("Connect")
        task = asyncio.ensure_future(backend.connect(peer(), 0))
        await until(lambda: daemon.called("Connect"))
        assert backend.is_ours(peer())
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert daemon.called("Disconnect") == [[]]
        assert not backend.is_ours(peer())
        daemon.silent.clear()
        await backend.connect(peer(), PATIENCE_S)
        assert engine.log == ["link opened"]


@in_loop
async def test_a_device_that_is_near_is_connected_before_it_is_given_up() -> None:
    """Linux that gives up just when it begins to connect makes no other link any more."""
    async with remote(grace_looks=1_000_000) as (daemon, backend, engine):
        device = daemon.know()
        await settled(backend)
        daemon.silent.add("Connect")
        task = asyncio.ensure_future(backend.connect(peer(), 0))
        await until(lambda: daemon.called("Connect"))
        task.cancel()
        asyncio.get_running_loop().call_later(0.1, daemon.connected, device)
        await asyncio.wait({task})
        assert daemon.ended_while == [True]
        assert engine.log == []


@in_loop
async def test_a_link_that_the_kernel_goes_on_making_is_ended_when_it_is_up() -> None:
    """On a busy machine it comes long after BlueZ has said that it has given it up."""
    async with remote() as (daemon, backend, engine):
        device = daemon.know()
        await settled(backend)
        daemon.silent.add("Connect")
        task = asyncio.ensure_future(backend.connect(peer(), 0))
        await until(lambda: daemon.called("Connect"))
        daemon.kernel_links = [KernelLink(peer().octets, True, False, False)]
        task.cancel()
        await until(lambda: daemon.called("Disconnect"))
        await asyncio.sleep(2 * reaching.LATE_LOOKS * reaching.LOOK_S)
        daemon.connected(device)
        await asyncio.wait({task})
        assert daemon.ended_while == [False, True]
        assert engine.log == []


@pytest.mark.parametrize("is_up", [False, True], ids=["being made", "up, without services"])
@in_loop
async def test_the_next_attempt_waits_until_the_one_before_is_undone(is_up: bool) -> None:
    """Else the end of the former one would end its link."""
    async with remote() as (daemon, backend, _):
        device = daemon.know()
        await settled(backend)
        daemon.resolves = False
        if not is_up:
            daemon.silent.add("Connect")
        ended = daemon.holds["Disconnect"] = asyncio.Event()
        with mock.patch.object(connecting, "LEAVE_S", 0.02 * connecting.CANCELS):
            task = asyncio.ensure_future(backend.connect(peer(), 0))
            await until(lambda: daemon.called("Connect"))
            if is_up:
                await until(lambda: daemon.objects[device][DEVICE]["Connected"].value)
                await asyncio.sleep(0.1)
            task.cancel()
            await until(lambda: daemon.called("Disconnect"))
            daemon.silent.clear()
            daemon.resolves = True
            again = asyncio.ensure_future(backend.connect(peer(), 0))
            await asyncio.sleep(0.2)  # it is cancelled more than once meanwhile
        assert len(daemon.called("Connect")) == 1
        ended.set()
        link = await again
        await asyncio.wait({task})
        await settled(backend)
        assert link.connected
        assert daemon.objects[device][DEVICE]["Connected"].value


@in_loop
async def test_what_passes_is_tried_again() -> None:
    async with remote() as (daemon, backend, _):
        daemon.know()
        await settled(backend)
        daemon.refusals["Connect"] = [
            Refusal("org.bluez.Error.InProgress", "In Progress"),
            Refusal(FAILED, "Operation already in progress"),
            Refusal(FAILED, "le-connection-abort-by-local"),
            Refusal(FAILED, "Software caused connection abort"),
        ]
        assert (await backend.connect(peer(), PATIENCE_S)).connected


@in_loop
async def test_what_does_not_pass_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "PAUSE_S", 0.002)
    async with remote() as (daemon, backend, engine):
        daemon.know()
        await settled(backend)
        daemon.refusals["Connect"] = [Refusal(FAILED, "le-connection-unknown")] * 100
        with pytest.raises(
            SystemRefused, match=r"^BlueZ 5.66 cannot connect.*le-connection-unknown"
        ):
            await backend.connect(peer(), 0)
        assert engine.log == []


@in_loop
async def test_several_at_once() -> None:
    async with remote() as (daemon, backend, _):
        daemon.on_air = [PEER, OTHER]
        links = await asyncio.gather(
            *(backend.connect(peer(each), PATIENCE_S) for each in (OTHER, PEER))
        )
        assert [link.peer for link in links] == [peer(OTHER), peer(PEER)]


@in_loop
async def test_a_link_of_ours_is_ended_with_the_adapter_and_no_other() -> None:
    async with remote() as (daemon, backend, engine):
        daemon.know(OTHER, Connected=True, ServicesResolved=True)
        daemon.know()
        await settled(backend)
        found = await backend.connect(peer(OTHER), PATIENCE_S)
        ours = await backend.connect(peer(), PATIENCE_S)
        await backend.close()
        assert [path[-2:] for path, member, _ in daemon.calls if member == "Disconnect"] == ["01"]
        assert not found.connected
        assert not ours.connected
        assert engine.log == ["link opened"] * 2 + ["link closed"] * 2


@in_loop
async def test_a_link_that_was_found_ends_when_the_program_asks_for_it() -> None:
    async with remote() as (daemon, backend, _):
        daemon.know(Connected=True, ServicesResolved=True)
        await settled(backend)
        link = await backend.connect(peer(), PATIENCE_S)
        assert daemon.called("Connect") == []
        await link.disconnect()
        assert daemon.called("Disconnect") == [[]]


@in_loop
async def test_services_come_sorted_and_whole() -> None:
    async with remote() as (daemon, backend, _):
        device = daemon.know()
        daemon.serve(device, 0x30, "a000", (0x31, "a001", ECHO), (0x35, "a001", "read"))
        daemon.serve(device, 0x20, "180f")
        daemon.serve(device, 0x10, "a000")
        await settled(backend)
        link = await backend.connect(peer(), PATIENCE_S)
        assert link.mtu == MTU
        assert [each.handle for each in await link.discover(None)] == [0x10, 0x20, 0x30]
        long = bytes.fromhex("fb349b5f80000080001000000fa00000")[:12] + bytes.fromhex("00a00000")
        first, last = await link.discover([long, uuid16(0x1234)])
        assert (first.uuid, first.characteristics) == (uuid16(0xA000), [])
        one, other = last.characteristics
        assert (one.handle, other.handle, last.end_handle) == (0x32, 0x36, 0x36)
        assert len(one.uuid) == 16
        assert other.properties == Properties.READ
        assert [each.handle for each in one.descriptors] == [0x33]
        await link.write(one, b"one")
        await link.write(other, b"other")
        assert (await link.read(one), await link.read(other)) == (b"one", b"other")


@in_loop
async def test_values_come_in_order_and_what_was_read_does_not() -> None:
    async with remote() as (daemon, backend, _):
        link, remote_value, path = await linked(daemon, backend)
        heard = Heard()
        link.listen(remote_value, heard)
        await link.subscribe(remote_value, notify=True, indicate=False)
        await link.subscribe(remote_value, notify=True, indicate=False)
        assert daemon.called("StartNotify") == [[]]
        for value in (b"1", b"1", b"", b"2"):
            daemon.notify(path, value)
        daemon.values[path] = b"1"
        assert await link.read(remote_value) == b"1"
        daemon.notify(path, b"3")
        await until(lambda: b"3" in heard.values)
        assert heard.values == [b"1", b"1", b"", b"2", b"3"]
        await link.subscribe(remote_value, notify=False, indicate=False)
        assert daemon.called("StopNotify") == [[]]


@in_loop
async def test_refusals_of_values() -> None:
    async with remote() as (daemon, backend, _):
        link, remote_value, path = await linked(daemon, backend)
        for name, text, code in (
            ("NotPermitted", "Not paired", AttErrorCode.INSUFFICIENT_AUTHENTICATION),
            (
                "Failed",
                "Operation failed with ATT error: 0x0f",
                AttErrorCode.INSUFFICIENT_ENCRYPTION,
            ),
        ):
            daemon.refusals["ReadValue"] = [Refusal(f"org.bluez.Error.{name}", text)]
            with pytest.raises(AttError) as caught:
                await link.read(remote_value)
            assert caught.value.code == code
        with pytest.raises(CallerError):
            await link.write_command(remote_value, bytes(MTU - 2))
        daemon.remove(path)
        daemon.remove(f"{path}/desc0013")
        for call in (link.read(remote_value), link.write(remote_value, b"")):
            with pytest.raises(AttError) as caught:
                await call
            assert caught.value.code == AttErrorCode.INVALID_HANDLE
        (service,) = await link.discover([uuid16(0xA000)])
        assert service.characteristics == []


@in_loop
async def test_a_value_in_the_place_of_another_is_not_taken_for_it() -> None:
    async with remote() as (daemon, backend, _):
        link, remote_value, path = await linked(daemon, backend)
        daemon.remove(path)
        daemon.characteristic(path.rpartition("/")[0], 0x11, "a002", ECHO)
        daemon.notify(path, b"x")
        with pytest.raises(AttError):
            while True:  # until bleak has heard of it
                await link.read(remote_value)


@in_loop
async def test_the_end_fails_what_waits_and_is_told_last() -> None:
    async with remote() as (daemon, backend, engine):
        link, remote_value, path = await linked(daemon, backend)
        heard = Heard()
        link.listen(remote_value, heard)
        daemon.silent.add("ReadValue")
        calls = [asyncio.ensure_future(link.read(remote_value)) for _ in range(2)]
        await until(lambda: daemon.called("ReadValue"))
        daemon.connected(path.partition("/service")[0], False)
        for call in calls:
            with pytest.raises(LinkLost):
                await call
        assert (heard.closed, engine.log[-1], link.connected) == (1, "link closed", False)
        for later in (link.discover(None), link.pair(), link.write(remote_value, b"")):
            with pytest.raises(LinkLost):
                await later
        await link.disconnect()


@in_loop
async def test_a_cancelled_read_leaves_the_link_usable() -> None:
    async with remote() as (daemon, backend, _):
        link, remote_value, path = await linked(daemon, backend)
        daemon.values[path] = b"value"
        daemon.silent.add("ReadValue")
        task = asyncio.ensure_future(link.read(remote_value))
        await until(lambda: daemon.called("ReadValue"))
        task.cancel()
        daemon.silent.clear()
        assert await link.read(remote_value) == b"value"


@pytest.mark.parametrize("member", ["WriteValue", "StartNotify"])
@in_loop
async def test_the_same_again_waits_until_bluez_has_done_what_was_cancelled(member: str) -> None:
    """BlueZ goes on, and refuses the same as in progress, as if another program were using it."""
    async with remote() as (daemon, backend, _):
        link, value, path = await linked(daemon, backend)
        heard = Heard()
        link.listen(value, heard)

        async def call() -> None:
            if member == "WriteValue":
                await link.write(value, b"written")
            else:
                await link.subscribe(value, notify=True, indicate=False)

        goes_on = daemon.holds[member] = asyncio.Event()
        first = asyncio.ensure_future(call())
        await until(lambda: daemon.called(member))
        first.cancel()
        await asyncio.wait({first})
        assert first.cancelled()
        again = asyncio.ensure_future(call())
        await asyncio.sleep(0.1)
        goes_on.set()
        await again
        if member == "WriteValue":
            assert await link.read(value) == b"written"
        else:
            daemon.notify(path, b"sent")
            await until(lambda: heard.values)
            await link.subscribe(value, notify=False, indicate=False)
            assert daemon.called("StopNotify") == [[]]
        assert heard.values == [b"sent"] * (member == "StartNotify")


@in_loop
async def test_a_call_that_was_cancelled_holds_others_up_for_a_moment_only() -> None:
    async with remote() as (daemon, backend, _):
        link, value, path = await linked(daemon, backend)
        daemon.silent.add("WriteValue")
        first = asyncio.ensure_future(link.write(value, b"written"))
        await until(lambda: daemon.called("WriteValue"))
        with mock.patch.object(link_module, "LATE_S", 0.1):
            first.cancel()
            await asyncio.wait({first})
        daemon.values[path] = b"value"
        assert await link.read(value) == b"value"


@in_loop
async def test_the_end_of_bluetoothd_ends_links_and_a_new_one_serves() -> None:
    async with remote() as (daemon, backend, engine):
        link, remote_value, _ = await linked(daemon, backend)
        await daemon.stop()
        await until(lambda: "link closed" in engine.log)
        with pytest.raises(LinkLost):
            await link.read(remote_value)
        with pytest.raises((SystemRefused, ConnectTimeout, LinkLost)):
            await backend.connect(peer(), 0.3)
        daemon.remove_all_devices()
        await daemon.start()
        system: Any = backend._system
        await until(lambda: system.presence.is_usable)
        daemon.on_air = [PEER]
        again = await backend.connect(peer(), PATIENCE_S)
        assert again.connected
        assert len(daemon.agents) == 1


@in_loop
async def test_a_lost_system_ends_links_and_attempts() -> None:
    async with remote() as (daemon, backend, engine):
        link, _, _ = await linked(daemon, backend)
        attempt = asyncio.ensure_future(backend.connect(peer(OTHER), 0))
        await until(lambda: daemon.called("StartDiscovery"))
        backend.lost(ControllerLost("Gone."))
        backend.lost(ControllerLost("Gone twice."))
        with pytest.raises(ControllerLost, match="Gone"):
            await attempt
        assert not link.connected
        assert engine.log == ["link opened", "link closed", "lost"]
        with pytest.raises(ControllerLost):
            await backend.connect(peer(), 1)


@in_loop
async def test_a_listener_of_one_link_hears_nothing_of_another() -> None:
    async with remote() as (daemon, backend, _):
        link, value, path = await linked(daemon, backend)
        other = daemon.know(OTHER)
        daemon.serve(other, 0x10, "a000", (0x11, "a001", ECHO))
        await settled(backend)
        second = await backend.connect(peer(OTHER), PATIENCE_S)
        (service,) = await second.discover(None)
        heard = Heard()
        for each, record in ((link, value), (second, service.characteristics[0])):
            each.listen(record, heard)
            await each.subscribe(record, notify=True, indicate=False)
        daemon.connected(other, False)
        daemon.notify(path, b"news")
        await until(lambda: heard.values and heard.closed)
        assert (heard.values, heard.closed) == ([b"news"], 1)


@in_loop
async def test_a_discovery_that_is_cancelled_while_it_begins_is_ended() -> None:
    async with remote() as (daemon, backend, _):
        daemon.silent.add("StartDiscovery")
        task = asyncio.ensure_future(backend.connect(peer(), 0))
        await until(lambda: daemon.called("StartDiscovery"))
        task.cancel()
        await asyncio.wait({task})
        assert daemon.called("StopDiscovery") == [[]]


@in_loop
async def test_a_link_that_is_up_when_it_is_cancelled_is_ended() -> None:
    async with remote() as (daemon, backend, engine):
        device = daemon.know(ServicesResolved=False)
        await settled(backend)
        daemon.resolves = False
        task = asyncio.ensure_future(backend.connect(peer(), 0))
        await until(lambda: daemon.objects[device]["org.bluez.Device1"]["Connected"].value)
        task.cancel()
        await asyncio.wait({task})
        await until(lambda: daemon.called("Disconnect"))
        assert engine.log == []


@in_loop
async def test_a_bonded_peer_is_subscribed_to_again() -> None:
    async with remote() as (daemon, backend, engine):
        link, value, path = await linked(daemon, backend)
        await link.subscribe(value, notify=True, indicate=False)
        for is_paired in (False, True):
            if is_paired:
                await link.pair()
                await link.subscribe(value, notify=True, indicate=False)
            started = len(daemon.called("StartNotify"))
            await link.disconnect()
            await until(lambda: engine.log[-1] == "link closed")
            link = await backend.connect(peer(), PATIENCE_S)
            assert len(daemon.called("StartNotify")) - started == is_paired
        heard = Heard()
        link.listen(value, heard)
        daemon.notify(path, b"news")
        await until(lambda: heard.values)


@in_loop
async def test_a_link_that_a_peer_made_is_asked_when_it_is_needed() -> None:
    async with remote() as (daemon, backend, engine):
        device = daemon.know()
        daemon.serve(device, 0x10, "a000", (0x11, "a001", ECHO))
        await settled(backend)
        daemon.resolves = False
        daemon.connected(device)
        await settled(backend)
        backend.peer_connected(peer())
        (link,) = engine.links
        assert (link.is_central, link.peer) == (False, peer())
        calls = [asyncio.ensure_future(link.discover(None)) for _ in range(2)]
        await asyncio.sleep(0.05)
        calls[0].cancel()
        await asyncio.sleep(0.05)
        assert daemon.called("Disconnect") == []
        daemon.change(device, "org.bluez.Device1", ServicesResolved=True)
        (service,) = await calls[1]
        assert await link.read(service.characteristics[0]) == b""
        assert link.mtu == MTU
        await link.disconnect()
        assert daemon.called("Disconnect") == [[]]


@in_loop
async def test_an_adapter_that_is_off_is_said_at_once() -> None:
    async with remote() as (daemon, backend, _):
        daemon.change(ADAPTER_PATH, "org.bluez.Adapter1", Powered=False)
        await settled(backend)
        with pytest.raises(AdapterAway, match="bluetoothctl power on"):
            await backend.connect(peer(), 0)


@in_loop
async def test_a_discovery_of_another_is_no_fault_of_the_program() -> None:
    async with remote() as (daemon, backend, _):
        daemon.on_air = [PEER]
        busy = Refusal("org.bluez.Error.InProgress", "Operation already in progress")
        daemon.refusals["SetDiscoveryFilter"] = [busy]
        assert (await backend.connect(peer(), PATIENCE_S)).connected


async def fall(daemon: Remote) -> None:
    """Have each link end before its services are known."""
    device = daemon.know(Paired=True)
    daemon.resolves = False
    while True:
        await until(lambda: daemon.objects[device]["org.bluez.Device1"]["Connected"].value)
        await asyncio.sleep(0.02)
        daemon.connected(device, False)


@in_loop
async def test_links_that_fall_in_a_row_tell_that_a_bonded_peer_has_no_keys() -> None:
    async with remote() as (daemon, backend, _):
        falls = asyncio.ensure_future(fall(daemon))
        await asyncio.sleep(0)
        await settled(backend)
        with pytest.raises(KeysLost):
            await backend.connect(peer(), PATIENCE_S)
        falls.cancel()


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal("org.bluez.Error.NotReady", "Resource Not Ready"),
        Refusal("org.bluez.Error.ConnectionAttemptFailed", "Page Timeout"),
        Refusal("org.freedesktop.DBus.Error.NameHasNoOwner", "no owner"),
    ],
    ids=lambda refusal: refusal.name.rpartition(".")[2],
)
@in_loop
async def test_a_link_that_never_came_tells_nothing_of_keys(refusal: Refusal) -> None:
    async with remote() as (daemon, backend, _):
        daemon.know(Paired=True)
        await settled(backend)
        daemon.refusals["Connect"] = [refusal] * 3
        assert (await backend.connect(peer(), PATIENCE_S)).connected


@in_loop
async def test_an_adapter_that_goes_off_while_a_bonded_peer_is_awaited_is_said() -> None:
    async with remote() as (daemon, backend, _):
        daemon.know(Paired=True)
        await settled(backend)

        async def goes_off(_: object) -> None:
            daemon.change(ADAPTER_PATH, "org.bluez.Adapter1", Powered=False)
            raise Refusal("org.bluez.Error.NotReady", "Resource Not Ready")

        daemon.answers["Connect"] = goes_off
        with pytest.raises(AdapterAway, match="bluetoothctl power on"):
            await backend.connect(peer(), 0)


@pytest.mark.parametrize("name", ["InProgress", "AlreadyConnected"])
@in_loop
async def test_a_link_that_another_program_made_meanwhile_stays(name: str) -> None:
    async with remote() as (daemon, backend, _):
        device = daemon.know()
        await settled(backend)

        async def others(_: object) -> None:
            daemon.connected(device)
            raise Refusal(f"org.bluez.Error.{name}", "In Progress")

        daemon.answers["Connect"] = others
        link = await backend.connect(peer(), PATIENCE_S)
        assert len(daemon.called("Connect")) == 1
        await backend.close()
        assert not link.connected
        assert daemon.called("Disconnect") == []


@in_loop
async def test_a_found_link_stays_whose_services_are_not_known_in_time() -> None:
    async with remote() as (daemon, backend, _):
        device = daemon.know(Connected=True)
        await settled(backend)
        with pytest.raises(ConnectTimeout):
            await backend.connect(peer(), 0.3)
        daemon.change(device, "org.bluez.Device1", ServicesResolved=True)
        await settled(backend)
        assert (await backend.connect(peer(), PATIENCE_S)).connected
        await backend.close()
        assert daemon.called("Disconnect") == []


@in_loop
async def test_a_found_link_that_falls_before_its_services_are_known_is_made_anew() -> None:
    async with remote() as (daemon, backend, _):
        device = daemon.know(Connected=True)
        await settled(backend)
        task = asyncio.ensure_future(backend.connect(peer(), PATIENCE_S))
        await asyncio.sleep(0.1)
        daemon.connected(device, False)
        assert (await task).connected
        assert daemon.called("Connect") == [[]]


@in_loop
async def test_a_peer_that_bluetoothd_does_not_find_is_not_asked_for_without_a_pause() -> None:
    async with remote() as (daemon, backend, _):
        daemon.know()
        await settled(backend)
        unknown = Refusal("org.freedesktop.DBus.Error.UnknownMethod", "no such method")
        daemon.refusals["Connect"] = [unknown] * 10000
        with pytest.raises(ConnectTimeout):
            await backend.connect(peer(), 0.5)
        assert len(daemon.called("Connect")) <= 4


@in_loop
async def test_time_is_up_at_once_and_the_attempt_is_taken_back_later() -> None:
    async with remote() as (daemon, backend, engine):
        daemon.know()
        await settled(backend)
        daemon.silent |= {"Connect", "Disconnect"}
        clock = asyncio.get_running_loop().time
        began_s = clock()
        with pytest.raises(ConnectTimeout):
            await backend.connect(peer(), 0.2)
        assert clock() - began_s < 4.5  # and not the 5 s that bluetoothd has for `Disconnect`
        await until(lambda: daemon.called("Disconnect"))
        assert backend.is_ours(peer())
        daemon.silent.clear()
        # The next attempt waits until the former is taken back.
        assert (await backend.connect(peer(), PATIENCE_S)).connected
        assert engine.log == ["link opened"]


@in_loop
async def test_bonds_are_erased_past_one_that_cannot_be() -> None:
    async with remote() as (daemon, backend, _):
        link, value, _path = await linked(daemon, backend)
        await link.pair()
        daemon.know(OTHER, Paired=True)
        await settled(backend)
        await link.subscribe(value, notify=True, indicate=False)
        gone = Refusal("org.bluez.Error.DoesNotExist", "Does Not Exist")
        daemon.refusals["RemoveDevice"] = [gone]
        with pytest.raises(BusError, match="Does Not Exist"):
            await backend.erase_bonds()
        assert len(daemon.called("RemoveDevice")) == 2
        await backend.erase_bonds()
        await until(lambda: not link.connected)
        started = len(daemon.called("StartNotify"))
        link, _, _ = await linked(daemon, backend)
        assert not link.security.has_keys
        assert len(daemon.called("StartNotify")) == started  # nothing is resumed


@in_loop
async def test_what_a_cancelled_read_has_read_does_not_come_as_if_sent() -> None:
    async with remote() as (daemon, backend, _):
        link, value, path = await linked(daemon, backend)
        heard = Heard()
        link.listen(value, heard)
        await link.subscribe(value, notify=True, indicate=False)
        gate = asyncio.get_running_loop().create_future()

        async def slow(_: object) -> None:
            await gate

        daemon.answers["ReadValue"] = slow
        daemon.values[path] = b"read"
        task = asyncio.ensure_future(link.read(value))
        await until(lambda: daemon.called("ReadValue"))
        task.cancel()
        await asyncio.wait({task})
        gate.set_result(None)
        await asyncio.sleep(0.2)
        daemon.notify(path, b"sent")
        await until(lambda: heard.values)
        assert heard.values == [b"sent"]


@in_loop
async def test_an_address_of_the_wrong_type_makes_no_second_link() -> None:
    async with remote() as (daemon, backend, engine):
        device = daemon.know()
        await settled(backend)
        public = DeviceAddress(peer().octets)
        link = await backend.connect(peer(), PATIENCE_S)
        assert backend.is_ours(public)
        assert backend.link_to(public) is link
        backend.peer_connected(public)
        assert engine.log == ["link opened"]
        with pytest.raises(ControllerError):
            await backend.connect(public, PATIENCE_S)
        daemon.connected(device, False)
        await until(lambda: not link.connected)


@in_loop
async def test_a_program_that_ends_with_a_link_waits_for_its_end() -> None:
    async with remote() as (daemon, _, _):
        daemon.know()

        async def slow(_: object) -> None:
            await asyncio.sleep(2.0)  # as bluetoothd

        daemon.answers["Disconnect"] = slow
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", LEAVES),
            env=dict(os.environ, BLEIO_ADAPTER="os"),
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")
        assert daemon.called("Disconnect") == [[]]
