"""The connection to D-Bus and the table of bluetoothd's objects, on a bus of the test's own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from bleio.backends.os.bluez import objects as objects_module
from bleio.backends.os.bluez.bus import (
    ACCESS_DENIED,
    BLUEZ,
    BUS,
    BUS_PATH,
    DISCONNECTED,
    Bus,
    BusError,
    Call,
    Reply,
)
from bleio.backends.os.bluez.connection import BusUnavailable
from bleio.backends.os.bluez.objects import ADAPTER, DEVICE, Objects
from support.bluez.loops import in_loop
from support.bluez.private_bus import private_bus
from support.bluez.stand_in import ADAPTER_PATH, Refusal, StandIn, device_path, until

MANY = 1000  # messages: more than a socket holds
PEER_PATH = device_path("C0:00:00:00:00:01")


class Recorder:
    """What a listener of objects hears, as texts."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def added(self, path: str, interface: str, properties: Mapping[str, Any]) -> None:
        self.heard.append(f"added {path} {interface}")

    def removed(self, path: str, interface: str) -> None:
        self.heard.append(f"removed {path} {interface}")

    def changed(self, path: str, interface: str, changed: Mapping[str, Any]) -> None:
        self.heard.append(f"changed {path} {dict(changed)}")

    def daemon_went(self) -> None:
        self.heard.append("went")

    def daemon_came(self) -> None:
        self.heard.append("came")

    def disconnected(self, error: BusError) -> None:
        self.heard.append(f"disconnected {error.name}")


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[StandIn, Objects, Recorder, Any]]:
    async with private_bus() as process:
        daemon, objects, recorder = StandIn(), Objects(), Recorder()
        await daemon.start()
        await objects.open()
        objects.listen(recorder)
        try:
            yield daemon, objects, recorder, process
        finally:
            await objects.close()
            if process.returncode is None:
                daemon.bus.disconnect()


@in_loop
async def test_the_table_follows_what_bluetoothd_says() -> None:
    async with opened() as (daemon, objects, recorder, _):
        assert objects.paths(ADAPTER) == [ADAPTER_PATH]
        assert objects.bus.passes_descriptors
        daemon.add(PEER_PATH, DEVICE, Address="C0:00:00:00:00:01", Connected=False)
        daemon.change(PEER_PATH, DEVICE, Connected=True)
        await until(lambda: len(recorder.heard) == 2)
        device = objects.get(PEER_PATH, DEVICE)
        assert device == {"Address": "C0:00:00:00:00:01", "Connected": True}
        daemon.remove(PEER_PATH)
        await until(lambda: len(recorder.heard) == 3)
        assert objects.get(PEER_PATH, DEVICE) is None
        assert recorder.heard == [
            f"added {PEER_PATH} {DEVICE}",
            f"changed {PEER_PATH} {{'Connected': True}}",
            f"removed {PEER_PATH} {DEVICE}",
        ]


@in_loop
async def test_changes_of_objects_that_are_not_kept_cost_nothing() -> None:
    async with opened() as (daemon, objects, recorder, _):
        characteristic = PEER_PATH + "/service0001/char0002"
        daemon.add(characteristic, "org.bluez.GattCharacteristic1", UUID="2a00")
        daemon.change(characteristic, "org.bluez.GattCharacteristic1", Value=b"1")
        daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        await until(lambda: recorder.heard)
        assert recorder.heard == [f"changed {ADAPTER_PATH} {{'Powered': False}}"]
        assert objects.get(characteristic, "org.bluez.GattCharacteristic1") is None


@in_loop
async def test_bluetoothd_ends_and_comes_back() -> None:
    async with opened() as (daemon, objects, recorder, _):
        await daemon.stop()
        await until(lambda: recorder.heard == ["went"])
        assert not objects.is_running
        assert objects.paths(ADAPTER) == []
        with pytest.raises(BusError):
            await objects.bus.call(ADAPTER_PATH, ADAPTER, "StartDiscovery")
        await daemon.start()
        await until(lambda: recorder.heard == ["went", "came"])
        assert objects.paths(ADAPTER) == [ADAPTER_PATH]


@in_loop
async def test_the_end_of_the_bus_is_told_and_fails_calls() -> None:
    async with opened() as (daemon, objects, recorder, process):
        never = asyncio.Event()

        async def wait(message: Message) -> None:
            await never.wait()

        daemon.answers["StartDiscovery"] = wait
        call = asyncio.ensure_future(objects.bus.call(ADAPTER_PATH, ADAPTER, "StartDiscovery"))
        await until(lambda: daemon.called("StartDiscovery"))
        process.kill()
        with pytest.raises(BusError) as raised:
            await call
        assert raised.value.name == DISCONNECTED
        await until(lambda: len(recorder.heard) == 2)
        assert recorder.heard == ["went", f"disconnected {DISCONNECTED}"]
        with pytest.raises(BusError):
            await objects.bus.call(ADAPTER_PATH, ADAPTER, "StartDiscovery")


@in_loop
async def test_a_burst_that_the_bus_does_not_take_at_once_is_sent_later() -> None:
    async with opened() as (daemon, objects, recorder, process):
        taken: list[Any] = []
        daemon.bus.add_message_handler(
            lambda message: taken.append(message.body) if message.member == "Burst" else None
        )
        await daemon.bus.call(
            Message(BUS, BUS_PATH, BUS, "AddMatch", signature="s", body=["type='signal'"])
        )
        process.send_signal(signal.SIGSTOP)
        for number in range(MANY):
            objects.bus.signal("/ours", "a.b", "Burst", "uay", number, bytes(512))
        await asyncio.sleep(0)
        assert objects.bus.is_open
        process.send_signal(signal.SIGCONT)
        await until(lambda: len(taken) == MANY)
        assert [body[0] for body in taken] == list(range(MANY))
        await objects.bus.call(ADAPTER_PATH, ADAPTER, "StartDiscovery")
        assert recorder.heard == []


@in_loop
async def test_descriptors_go_with_the_message_that_waited_for_room() -> None:
    async with opened() as (daemon, objects, _, process):
        ours, theirs = socket.socketpair()

        def give(call: Call) -> Reply:
            process.send_signal(signal.SIGSTOP)
            for number in range(MANY):
                objects.bus.signal("/ours", "a.b", "Burst", "uay", number, bytes(512))
            asyncio.get_running_loop().call_later(0.05, process.send_signal, signal.SIGCONT)
            return Reply("h", [0], [theirs.detach()])

        objects.bus.serve("/ours", give)
        daemon.client = objects.bus._bus.unique_name  # type: ignore[union-attr, assignment]
        reply = await daemon.call("/ours", "a.b", "Give")
        ours.send(b"through")
        (found,) = reply.unix_fds
        assert os.read(found, 7) == b"through"
        os.close(found)
        ours.close()


class Overtaken(Bus):
    """One on which bluetoothd is replaced as soon as its owner was told."""

    def _heard(self, message: Message) -> bool:
        has_taken = super()._heard(message)
        if message.message_type is MessageType.METHOD_RETURN and message.signature == "s":
            change = [BLUEZ, message.body[0], ":9.9"]
            told = Message.new_signal(BUS_PATH, BUS, "NameOwnerChanged", "sss", change)
            told.sender = BUS
            super()._heard(told)
        return has_taken


@in_loop
async def test_a_bluetoothd_that_is_replaced_while_its_name_is_asked() -> None:
    async with opened() as (daemon, objects, _, _):
        bus = Overtaken(objects)
        await bus.open()
        assert bus.daemon == ":9.9"
        await bus.close()
        assert daemon.bus.connected


@in_loop
async def test_a_fault_in_a_later_answer_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as (daemon, objects, _, _):

        async def later(call: Call) -> Reply:
            raise ValueError("of the program")

        objects.bus.serve("/ours", later)
        daemon.client = objects.bus._bus.unique_name  # type: ignore[union-attr, assignment]
        with pytest.raises(Refusal, match="Failed"):
            await daemon.call("/ours", "a.b", "Later")
        assert "of the program" in caplog.text


@in_loop
async def test_errors_have_name_and_text() -> None:
    async with opened() as (daemon, objects, _, _):

        def refuse(message: Message) -> None:
            raise Refusal("org.bluez.Error.NotReady", "Resource Not Ready")

        daemon.answers["StartDiscovery"] = refuse
        with pytest.raises(BusError) as raised:
            await objects.bus.call(ADAPTER_PATH, ADAPTER, "StartDiscovery")
        assert raised.value.name == "org.bluez.Error.NotReady"
        assert raised.value.text == "Resource Not Ready"


@in_loop
async def test_a_call_that_is_not_answered_ends_after_its_time() -> None:
    async with opened() as (daemon, objects, _, _):
        never = asyncio.Event()

        async def wait(message: Message) -> None:
            await never.wait()

        daemon.answers["StartDiscovery"] = wait
        with pytest.raises(BusError, match="was not answered"):
            await objects.bus.call(ADAPTER_PATH, ADAPTER, "StartDiscovery", timeout_s=0.01)


@in_loop
async def test_our_objects_answer_bluetoothd_alone() -> None:
    async with opened() as (daemon, objects, _, _):

        async def later(call: Call) -> Reply:
            await asyncio.sleep(0)
            return Reply("s", [f"later {call.body}"])

        def servant(call: Call) -> Any:
            if call.member == "Refuse":
                raise BusError("org.bluez.Error.Failed", "no")
            return later(call) if call.member == "Later" else Reply("s", ["now"])

        objects.bus.serve("/ours", servant)
        daemon.client = objects.bus._bus.unique_name  # type: ignore[union-attr, assignment]
        assert (await daemon.call("/ours", "a.b", "Now")).body == ["now"]
        reply = await daemon.call("/ours", "a.b", "Later", "a{sv}", {"x": Variant("u", 1)})
        assert reply.body == ["later [{'x': 1}]"]
        with pytest.raises(Refusal, match="Failed"):
            await daemon.call("/ours", "a.b", "Refuse")
        with pytest.raises(Refusal, match="UnknownObject"):
            await daemon.call("/other", "a.b", "Now")
        stranger = await MessageBus(bus_type=BusType.SYSTEM).connect()
        called = await stranger.call(Message(daemon.client, "/ours", "a.b", "Now"))
        assert called is not None
        assert called.error_name == ACCESS_DENIED
        assert objects.bus.counts["bluez.strangers"] == 1
        stranger.disconnect()


@in_loop
async def test_signals_of_others_count_for_nothing() -> None:
    async with opened() as (_daemon, objects, recorder, _):
        stranger = await MessageBus(bus_type=BusType.SYSTEM).connect()
        forged = Message.new_signal(
            "/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", "oas",
            [ADAPTER_PATH, [ADAPTER]],
        )  # fmt: skip
        forged.destination = objects.bus._bus.unique_name  # type: ignore[union-attr]
        await stranger.send(forged)
        await until(lambda: objects.bus.counts["bluez.strangers"] == 1)
        assert objects.paths(ADAPTER) == [ADAPTER_PATH]
        assert recorder.heard == []
        stranger.disconnect()


@in_loop
async def test_the_table_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_module, "MOST_OBJECTS", 3)
    async with opened() as (daemon, objects, _recorder, _):
        for number in range(5):
            daemon.add(device_path(f"C0:00:00:00:00:{number:02X}"), DEVICE, Connected=False)
        await until(lambda: objects.bus.counts["bluez.dropped_objects"] == 3)
        assert len(objects.paths(DEVICE)) == 2


@in_loop
async def test_odd_signals_are_counted() -> None:
    async with opened() as (daemon, objects, recorder, _):
        daemon._signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", "s", ["x"])
        name = "org.freedesktop.DBus.Properties"
        daemon._signal(ADAPTER_PATH, name, "PropertiesChanged", "ss", [ADAPTER, "x"])
        daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        await until(lambda: recorder.heard)
        assert objects.bus.counts["bluez.malformed"] == 2


@in_loop
async def test_without_a_bus_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    with pytest.raises(BusUnavailable, match=r"/nowhere/bus: .*No such file"):
        await Objects().open()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "nonsense")
    with pytest.raises(BusUnavailable, match="nonsense"):
        await Objects().open()
