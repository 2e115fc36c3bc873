"""The peripheral role on BlueZ, as bluetoothd calls it and is called."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from dbus_fast import Message, Variant

from bleio.backends.os.bluez import advertising, all_clients, peripheral as peripheral_module
from bleio.backends.os.bluez.kernel_links import Direction
from bleio.backends.os.bluez.objects import ADAPTER
from bleio.core.codes import Properties as P, SecurityMode as M
from bleio.core.uuid import uuid16
from bleio.errors import CallerError, TransactionTimeout
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService
from support.bluez.bench import PEER, Bench, Refusal, bench, peer, until
from support.bluez.loops import in_loop
from support.bluez.stand_in import ADAPTER_PATH, device_path
from support.hci.engine import Heard

SERVICE = "0000a000-0000-1000-8000-00805f9b34fb"
CAME, WENT = f"{peer()} came", f"{peer()} went"


def add(
    made: Bench,
    properties: P = P.READ | P.WRITE,
    service: LocalService | None = None,
    **how: object,
) -> LocalCharacteristic:
    """Offer a characteristic, in a service of its own by default."""
    if service is None:
        service = LocalService(uuid16(0xA000 + len(made.owner.server.services)))
        made.owner.server.add_service(service)
    characteristic = LocalCharacteristic(uuid16(0xA100), properties, **how)  # type: ignore[arg-type]
    made.owner.server.add_characteristic(service, characteristic)
    return characteristic


@in_loop
async def test_a_service_is_registered_with_all_it_holds() -> None:
    async with bench() as made:
        characteristic = add(made, P.READ | P.NOTIFY)
        descriptor = LocalDescriptor(uuid16(0x2901), write_perm=M.NO_ACCESS)
        made.owner.server.add_descriptor(characteristic, descriptor)
        await made.registered()
        (objects,) = made.daemon.applications.values()
        root = next(iter(made.daemon.applications))
        assert objects == {
            f"{root}/service": {
                "org.bluez.GattService1": {"UUID": SERVICE, "Primary": True, "Handle": 0}
            },
            f"{root}/service/char0000": {
                "org.bluez.GattCharacteristic1": {
                    "UUID": SERVICE.replace("a000", "a100"),
                    "Service": f"{root}/service",
                    "Flags": ["read", "notify"],
                    "Handle": 0,
                }
            },
            f"{root}/service/char0000/desc0000": {
                "org.bluez.GattDescriptor1": {
                    "UUID": SERVICE.replace("a000", "2901"),
                    "Characteristic": f"{root}/service/char0000",
                    "Flags": ["read"],
                    "Handle": 0,
                }
            },
        }
        # They were added one by one, and registered once.
        assert len(made.daemon.called("RegisterApplication")) == 1


@in_loop
async def test_handles_are_what_bluez_says() -> None:
    async with bench() as made:
        characteristic = add(made, P.READ | P.NOTIFY)
        await made.registered()
        path, name = made.path_of(characteristic), "org.bluez.GattCharacteristic1"
        body = [name, "Handle", Variant("q", 0x42)]
        await made.daemon.call(path, "org.freedesktop.DBus.Properties", "Set", "ssv", *body)
        assert characteristic.declaration_handle == 0x41
        assert (characteristic.handle, characteristic.cccd_handle) == (0x42, 0x43)
        made.owner.server.remove_service(made.owner.server.services[0])
        assert characteristic.handle == 0
        await until(lambda: not made.daemon.applications)


@in_loop
async def test_reads_and_writes() -> None:
    async with bench() as made:
        characteristic, heard = add(made, max_length=300), Heard()
        characteristic.listeners.append(heard)
        await made.advertise()
        device = await made.connect()
        await made.write(characteristic, bytes(range(200)), device)
        assert characteristic.value == bytes(range(200))
        assert heard.values == [bytes(range(200))]
        assert heard.clients == list(made.peripheral.subscribers)
        assert await made.read(characteristic, device) == bytes(range(200))
        assert await made.read(characteristic, device, offset=190) == bytes(range(190, 200))
        assert await made.read(characteristic, device, offset=200) == b""
        with pytest.raises(Refusal, match="InvalidOffset"):
            await made.read(characteristic, device, offset=201)


@in_loop
async def test_a_write_with_an_offset_keeps_what_is_before_it() -> None:
    async with bench() as made:
        characteristic = add(made, value=b"abcdef")
        await made.registered()
        await made.write(characteristic, b"XY", offset=2)
        assert characteristic.value == b"abXY"
        with pytest.raises(Refusal, match="InvalidOffset"):
            await made.write(characteristic, b"Z", offset=5)


@pytest.mark.parametrize(
    ("max_length", "fixed_length", "good", "bad"),
    [(3, False, [b"", b"abc"], [b"abcd"]), (3, True, [b"abc"], [b"", b"ab", b"abcd"])],
)
@in_loop
async def test_lengths_are_checked(
    max_length: int, fixed_length: bool, good: list[bytes], bad: list[bytes]
) -> None:
    async with bench() as made:
        lengths = {"max_length": max_length, "fixed_length": fixed_length}
        characteristic = add(made, **lengths)
        descriptor = LocalDescriptor(uuid16(0x2901), **lengths)  # type: ignore[arg-type]
        made.owner.server.add_descriptor(characteristic, descriptor)
        await made.registered()
        for value in (characteristic, descriptor):
            for octets in good:
                await made.write(value, octets)
                assert value.value == octets
            for octets in bad:
                with pytest.raises(Refusal, match="InvalidValueLength"):
                    await made.write(value, octets)
            assert value.value == good[-1]


@in_loop
async def test_what_is_not_to_be_accessed_is_refused() -> None:
    async with bench() as made:
        characteristic = add(made, read_perm=M.NO_ACCESS, write_perm=M.NO_ACCESS)
        await made.registered()
        with pytest.raises(Refusal, match="NotPermitted"):
            await made.read(characteristic)
        with pytest.raises(Refusal, match="NotPermitted"):
            await made.write(characteristic, b"x")


@in_loop
async def test_a_dynamic_value_is_read_in_one_piece_by_each_device() -> None:
    async with bench() as made:
        characteristic = add(made, P.READ)
        numbers = iter(range(1, 10))
        characteristic.dynamic_value = lambda: bytes([next(numbers)]) * 30
        await made.registered()
        one, other = device_path(PEER), device_path("C0:00:00:00:00:02")
        assert await made.read(characteristic, one) == b"\x01" * 30
        assert await made.read(characteristic, other) == b"\x02" * 30
        assert await made.read(characteristic, one, offset=22) == b"\x01" * 8
        assert await made.read(characteristic, other, offset=22) == b"\x02" * 8
        assert await made.read(characteristic, one) == b"\x03" * 30


@in_loop
async def test_values_go_out_as_changes_of_a_property() -> None:
    async with bench() as made:
        characteristic, heard = add(made, P.NOTIFY), Heard()
        characteristic.listeners.append(heard)
        await made.advertise()
        device = await made.connect()
        signals: list[bytes] = []
        made.daemon.bus.add_message_handler(lambda message: _collect(message, signals))
        await made.peripheral.publish(characteristic, b"nobody has asked")
        await made.subscribe(characteristic)
        (client,) = made.peripheral.subscribers
        assert heard.subscriptions == [(True, False)]
        assert client.subscription(characteristic) == (True, False)
        assert client.connected
        for number in range(100):
            await made.peripheral.publish(characteristic, bytes([number]))
        await client.notify(characteristic, b"to it")
        await until(lambda: len(signals) == 101)
        assert signals == [bytes([number]) for number in range(100)] + [b"to it"]
        # bluetoothd was asked now and then, so that it is never far behind.
        assert len(made.daemon.called("Ping")) == 101 // all_clients.VALUES_AHEAD
        await made.unsubscribe(characteristic)
        assert heard.subscriptions == [(True, False), (False, False)]
        await made.peripheral.publish(characteristic, b"nobody asks any more")
        await made.disconnect(device)
        assert heard.closed == 1
        assert not client.connected
        assert len(signals) == 101


@in_loop
async def test_all_that_publish_wait_for_the_same_answer() -> None:
    async with bench() as made:
        values = [add(made, P.NOTIFY) for _ in range(4)]
        await made.advertise()
        await made.connect()
        signals: list[bytes] = []
        made.daemon.bus.add_message_handler(lambda message: _collect(message, signals))
        answered = asyncio.Event()

        async def wait(message: Message) -> None:
            await answered.wait()

        made.daemon.answers["Ping"] = wait
        for value in values:
            await made.subscribe(value)

        async def publish(value: LocalCharacteristic, number: int) -> None:
            for turn in range(32):
                await made.peripheral.publish(value, bytes([number, turn]))

        together = [asyncio.ensure_future(publish(*each[::-1])) for each in enumerate(values)]
        await until(lambda: len(signals) == all_clients.VALUES_AHEAD)
        await until(lambda: made.daemon.called("Ping"))
        await made.subscribe(values[0])  # what was sent before its answer has come by then
        assert len(signals) == all_clients.VALUES_AHEAD
        assert len(made.daemon.called("Ping")) == 1
        answered.set()
        await asyncio.gather(*together)
        await until(lambda: len(signals) == 4 * 32)
        for number in range(4):
            assert [each[1] for each in signals if each[0] == number] == list(range(32))


def _collect(message: Message, signals: list[bytes]) -> bool:
    if message.member == "PropertiesChanged" and "Value" in message.body[1]:
        signals.append(bytes(message.body[1]["Value"].value))
    return False


@in_loop
async def test_subscriptions_of_a_bonded_client_are_back_with_it() -> None:
    async with bench() as made:
        characteristic, heard = add(made, P.NOTIFY), Heard()
        characteristic.listeners.append(heard)
        await made.advertise()
        device = await made.connect(paired=True)
        await made.subscribe(characteristic)
        await made.disconnect(device)
        assert heard.subscriptions == [(True, False), (False, False)]
        await made.advertise()
        stranger = await made.connect("C0:00:00:00:00:02")
        assert heard.subscriptions == [(True, False), (False, False)]
        await made.disconnect(stranger)
        await made.advertise()
        made.daemon.remove(device)
        await made.connect(paired=True)
        assert heard.subscriptions == [(True, False), (False, False), (True, False)]
        await made.unsubscribe(characteristic)
        assert heard.subscriptions[-1] == (False, False)


@in_loop
async def test_an_indication_waits_for_its_confirmation() -> None:
    async with bench() as made:
        characteristic = add(made, P.INDICATE)
        await made.advertise()
        await made.connect()
        await made.subscribe(characteristic)
        publishing = asyncio.ensure_future(made.peripheral.publish(characteristic, b"value"))
        await asyncio.sleep(0.01)
        assert not publishing.done()
        await made.confirm(characteristic)
        await publishing


@in_loop
async def test_an_indication_that_nobody_confirms_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_clients, "CONFIRMATION_S", 0.01)
    async with bench() as made:
        characteristic = add(made, P.INDICATE)
        await made.advertise()
        device = await made.connect()
        await made.subscribe(characteristic)
        with pytest.raises(TransactionTimeout):
            await made.peripheral.publish(characteristic, b"value")
        monkeypatch.setattr(all_clients, "CONFIRMATION_S", 30)
        publishing = asyncio.ensure_future(made.peripheral.publish(characteristic, b"value"))
        await asyncio.sleep(0)
        await made.disconnect(device)
        await publishing  # there is nobody left to tell


@in_loop
async def test_with_both_ways_the_first_value_shows_whether_it_is_confirmed() -> None:
    async with bench() as made:
        characteristic = add(made, P.NOTIFY | P.INDICATE)
        await made.advertise()
        await made.connect()
        await made.subscribe(characteristic)
        for _ in range(2):
            publishing = asyncio.ensure_future(made.peripheral.publish(characteristic, b"value"))
            await asyncio.sleep(0.01)
            assert not publishing.done()
            await made.confirm(characteristic)
            await publishing
        await made.unsubscribe(characteristic)
        await made.subscribe(characteristic)
        await made.peripheral.publish(characteristic, b"no confirmation comes")
        await made.peripheral.publish(characteristic, b"so this one waits for none")


@in_loop
async def test_nobody_is_told_what_may_not_be_read() -> None:
    async with bench() as made:
        characteristic = add(made, P.NOTIFY, read_perm=M.NO_ACCESS)
        await made.advertise()
        await made.connect()
        await made.subscribe(characteristic)
        signals: list[bytes] = []
        made.daemon.bus.add_message_handler(lambda message: _collect(message, signals))
        await made.peripheral.publish(characteristic, b"secret")
        await made.peripheral.settled()
        assert signals == []


@in_loop
async def test_a_change_of_one_service_leaves_the_others_alone() -> None:
    async with bench() as made:
        first, second = add(made), add(made)
        await made.registered(2)
        before = made.path_of(first)
        service = made.owner.server.services[1]
        third = add(made, service=service)
        await until(lambda: len(made.daemon.called("RegisterApplication")) == 3)
        await made.registered(2)
        assert made.path_of(first) == before
        assert len(made.daemon.called("UnregisterApplication")) == 1
        assert await made.read(second) == await made.read(third) == b""
        made.owner.server.remove_characteristic(service, third)
        await until(lambda: len(made.daemon.called("RegisterApplication")) == 4)
        await made.registered(2)
        with pytest.raises(AssertionError):
            made.path_of(third)


@in_loop
async def test_a_late_call_to_what_was_removed_finds_nothing() -> None:
    async with bench() as made:
        characteristic = add(made)
        await made.registered()
        path, name = made.path_of(characteristic), "org.bluez.GattCharacteristic1"
        made.owner.server.remove_service(made.owner.server.services[0])
        with pytest.raises(Refusal, match="UnknownObject"):
            await made.daemon.call(path, name, "ReadValue", "a{sv}", {})


@pytest.mark.parametrize(
    ("member", "signature", "body"),
    [
        ("ReadValue", "", []),
        ("ReadValue", "s", ["x"]),
        ("WriteValue", "aya{sv}", [b"x", {"offset": Variant("s", "many")}]),
        ("AcquireNotify", "a{sv}", [{}]),
        ("AcquireWrite", "a{sv}", [{}]),
    ],
)
@in_loop
async def test_odd_calls_are_refused(member: str, signature: str, body: list[object]) -> None:
    async with bench() as made:
        characteristic = add(made)
        await made.registered()
        with pytest.raises(Refusal):
            name = "org.bluez.GattCharacteristic1"
            path = made.path_of(characteristic)
            await made.daemon.call(path, name, member, signature, *body)


@in_loop
async def test_what_bluez_refuses_is_told_when_advertising_starts() -> None:
    async with bench() as made:

        def refuse(message: Message) -> None:
            raise Refusal("org.bluez.Error.Failed", "No valid service object found")

        made.daemon.answers["RegisterApplication"] = refuse
        characteristic = add(made)
        with pytest.raises(CallerError, match="refuses the service a000"):
            await made.advertise()
        assert made.daemon.advertisements == {}
        del made.daemon.answers["RegisterApplication"]
        made.owner.server.add_descriptor(characteristic, LocalDescriptor(uuid16(0x2901)))
        await made.advertise()
        assert len(made.daemon.applications) == 1


@in_loop
async def test_what_bluez_cannot_have_is_refused_when_it_is_added() -> None:
    async with bench() as made:
        with pytest.raises(NotImplementedError, match="signed writes"):
            add(made, write_perm=M.SIGNED_NO_MITM)
        assert made.owner.server.services[0].characteristics == []
        await made.registered()


@in_loop
async def test_a_central_ends_advertising_before_it_is_told() -> None:
    async with bench() as made:
        await made.advertise()
        (properties,) = made.daemon.advertisements.values()
        assert properties["Discoverable"] is True
        device = await made.connect()
        assert made.owner.log == ["advertising ended", CAME]
        await until(lambda: not made.daemon.advertisements)
        await made.disconnect(device)
        assert made.owner.log == ["advertising ended", CAME, WENT]
        await made.peripheral.stop_advertising()
        assert made.owner.log == ["advertising ended", CAME, WENT]


@in_loop
async def test_advertising_again_at_once() -> None:
    async with bench() as made:
        await made.advertise()
        await made.connect()
        await made.advertise(data=b"\x03\x03\x0d\x18")
        assert [each["ServiceUUIDs"] for each in made.daemon.advertisements.values()] == [["180d"]]
        await made.peripheral.stop_advertising()
        assert made.daemon.advertisements == {}


@in_loop
async def test_the_mtu_is_known_with_the_first_access_or_with_the_peers_services() -> None:
    async with bench() as made:
        characteristic = add(made)
        await made.advertise()
        link = made.owner.links[peer()] = SimpleNamespace(mtu=23)
        device = await made.connect()
        (clients,) = made.peripheral.subscribers
        assert clients.max_value_octets == 20
        await made.read(characteristic, device)
        assert (clients.max_value_octets, link.mtu) == (244, 247)
        await made.advertise()
        other = await made.connect("C0:00:00:00:00:02")
        assert clients.max_value_octets == 20
        value = f"{other}/service0001/char0002"
        made.daemon.add(value, "org.bluez.GattCharacteristic1", MTU=Variant("q", 185))
        made.daemon.change(other, "org.bluez.Device1", ServicesResolved=True)
        await until(lambda: clients.max_value_octets == 182)


@in_loop
async def test_a_link_that_is_replaced_at_once_is_another_one() -> None:
    async with bench() as made:
        await made.advertise()
        device = await made.connect()
        await made.advertise()
        made.daemon.change(device, "org.bluez.Device1", Connected=True)
        await until(lambda: len(made.owner.log) == 5)
        assert made.owner.log == ["advertising ended", CAME, WENT, "advertising ended", CAME]


@in_loop
async def test_a_link_of_ours_is_no_central() -> None:
    async with bench() as made:
        await made.advertise()
        made.owner.asked_for.add(peer())
        device = device_path(PEER)
        made.daemon.add(
            device, "org.bluez.Device1", Address=PEER, AddressType="random", Connected=True
        )
        await made.disconnect(device)
        assert made.owner.log == [WENT]
        assert len(made.daemon.advertisements) == 1


@in_loop
async def test_a_device_that_another_program_connected_to_is_no_central() -> None:
    async with bench() as made:
        characteristic = add(made)
        await made.registered()
        device = device_path(PEER)
        made.daemon.add(
            device, "org.bluez.Device1", Address=PEER, AddressType="random", Connected=True
        )
        await made.read(characteristic)
        assert made.owner.log == []  # we do not advertise, and the kernel cannot be asked
        await made.read(characteristic, device)
        assert made.owner.log == [CAME]
        await made.disconnect(device)
        assert made.owner.log == [CAME, WENT]


@in_loop
async def test_the_kernel_knows_better() -> None:
    async with bench() as made:
        await made.advertise()
        made.direction = Direction.OUTGOING
        device = device_path(PEER)
        made.daemon.add(
            device, "org.bluez.Device1", Address=PEER, AddressType="random", Connected=True
        )
        await made.disconnect(device)
        assert made.owner.log == [WENT]
        await made.peripheral.stop_advertising()
        made.direction = Direction.INCOMING
        await made.connect("C0:00:00:00:00:02")
        assert made.owner.log == [WENT, f"{peer('C0:00:00:00:00:02')} came"]


@in_loop
async def test_a_restart_of_bluetoothd_is_survived() -> None:
    async with bench() as made:
        characteristic, heard = add(made, P.READ | P.NOTIFY), Heard()
        characteristic.listeners.append(heard)
        await made.advertise()
        await made.connect()
        await made.subscribe(characteristic)
        await made.advertise()
        await made.daemon.stop()
        await until(lambda: WENT in made.owner.log)
        assert heard.subscriptions == [(True, False), (False, False)]
        assert heard.closed == 1
        with pytest.raises(Exception, match="bluetoothd has ended"):
            await made.advertise()
        made.daemon.remove_all_devices()
        await made.daemon.start()
        await until(lambda: len(made.daemon.advertisements) == 1)
        assert len(made.daemon.applications) == 1
        assert await made.read(characteristic) == b""
        assert made.owner.errors == []
        assert made.owner.log == ["advertising ended", CAME, WENT]


@in_loop
async def test_powered_off_and_on_again() -> None:
    async with bench() as made:
        add(made)
        await made.advertise()
        made.daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        await until(lambda: not made.system.presence.is_usable)
        with pytest.raises(Exception, match="bluetoothctl power on"):
            await made.advertise()
        made.daemon.change(ADAPTER_PATH, ADAPTER, Powered=True)
        await until(lambda: len(made.daemon.called("RegisterAdvertisement")) == 2)
        await made.peripheral.settled()
        assert len(made.daemon.called("RegisterApplication")) == 1
        assert "advertising ended" not in made.owner.log


@pytest.mark.parametrize(("refusals", "advertises"), [(2, True), (9, False)])
@in_loop
async def test_an_adapter_that_is_on_and_cannot_advertise_yet(
    refusals: int, advertises: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advertising, "RESUME_PAUSES_S", (0.001,) * 5)
    async with bench() as made:
        await made.advertise()
        left = [refusals]

        def refuse(message: Message) -> None:
            left[0] -= 1
            if left[0] >= 0:
                raise Refusal("org.bluez.Error.Failed", "Failed to register advertisement")

        made.daemon.answers["RegisterAdvertisement"] = refuse
        made.daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        made.daemon.change(ADAPTER_PATH, ADAPTER, Powered=True)
        await until(lambda: made.owner.log or left[0] < 0)
        assert bool(made.owner.log) is not advertises


@in_loop
async def test_the_radios_own_name_gives_way_to_the_programs() -> None:
    """adafruit_ble puts the radio's name into the scan response by itself."""
    async with bench() as made:
        await made.advertise(data=b"\x03\x09my", scan_response=b"\x0b\x09peripheral")
        (properties,) = made.daemon.advertisements.values()
        assert properties["LocalName"] == "my"
        with pytest.raises(NotImplementedError, match="two names"):
            await made.advertise(data=b"\x03\x09my", scan_response=b"\x06\x09other")


@in_loop
async def test_an_advertisement_that_bluez_releases_has_ended() -> None:
    async with bench() as made:
        await made.advertise()
        (path,) = made.daemon.advertisements
        await made.daemon.call(path, "org.bluez.LEAdvertisement1", "Release")
        await until(lambda: made.owner.log == ["advertising ended"])
        await made.advertise()


@in_loop
async def test_an_advertisement_that_is_released_before_the_adapter_goes_is_back_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(advertising, "RELEASED_S", 1.0)
    async with bench() as made:
        await made.advertise()
        (path,) = made.daemon.advertisements
        await made.daemon.call(path, "org.bluez.LEAdvertisement1", "Release")
        made.daemon.advertisements.clear()
        for _ in range(20):  # turns of the loop, in which nothing else is told
            await asyncio.sleep(0)
        await made.system.objects.bus.call(ADAPTER_PATH, "org.freedesktop.DBus.Peer", "Ping")
        made.daemon.change(ADAPTER_PATH, ADAPTER, Powered=False)
        await until(lambda: not made.system.presence.is_usable)
        made.daemon.change(ADAPTER_PATH, ADAPTER, Powered=True)
        await until(lambda: made.daemon.advertisements)
        await until(lambda: not made.peripheral._advertiser._tasks)
        assert made.owner.log == []


@pytest.mark.parametrize("ends", ["central", "stop"])
@in_loop
async def test_what_ends_while_it_is_registered_is_registered_and_taken_back(ends: str) -> None:
    async with bench() as made:
        stopping: list[asyncio.Future[None]] = []

        async def end(message: Message) -> None:
            if ends == "central":
                await made.connect()
            else:
                stopping.append(asyncio.ensure_future(made.peripheral.stop_advertising()))
                await asyncio.sleep(0)

        made.daemon.answers["RegisterAdvertisement"] = end
        fetched: list[dict[str, object]] = []
        made.daemon.answers["UnregisterAdvertisement"] = lambda message: fetched.extend(
            made.daemon.advertisements.values()
        )
        await made.advertise()
        await until(lambda: fetched and not made.daemon.advertisements)
        assert fetched == [{**fetched[0], "Type": "peripheral", "Discoverable": True}]
        assert made.owner.log == (["advertising ended", CAME] if ends == "central" else [])
        await asyncio.gather(*stopping)


@in_loop
async def test_a_stop_ends_a_start_that_waits_for_services() -> None:
    async with bench() as made:
        answered = asyncio.Event()

        async def wait(message: Message) -> None:
            await answered.wait()

        made.daemon.answers["RegisterApplication"] = wait
        add(made)
        starting = asyncio.ensure_future(made.advertise())
        await until(lambda: made.daemon.called("RegisterApplication"))
        stopping = asyncio.ensure_future(made.peripheral.stop_advertising())
        await asyncio.sleep(0)
        answered.set()
        await asyncio.gather(starting, stopping)
        assert made.daemon.advertisements == {}
        assert not made.peripheral._advertiser.is_active


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("NotPermitted", "Maximum advertisements reached", "bluetoothctl show"),
        ("Failed", "Failed to register advertisement", "refuses to advertise"),
        ("InvalidLength", "Invalid Length", "no room"),
    ],
)
@in_loop
async def test_why_it_cannot_advertise(name: str, text: str, match: str) -> None:
    async with bench() as made:

        def refuse(message: Message) -> None:
            raise Refusal(f"org.bluez.Error.{name}", text)

        made.daemon.answers["RegisterAdvertisement"] = refuse
        with pytest.raises(CallerError, match=match):
            await made.advertise()
        del made.daemon.answers["RegisterAdvertisement"]
        await made.advertise()


@in_loop
async def test_closing_takes_all_back() -> None:
    async with bench() as made:
        add(made)
        await made.advertise()
        peripheral = made.peripheral
        await peripheral.close()
        await peripheral.close()
        assert made.daemon.applications == made.daemon.advertisements == {}
        assert made.owner.server.publisher is None


@in_loop
async def test_a_bluetoothd_that_hangs_does_not_keep_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peripheral_module, "CLOSE_S", 0.01)
    async with bench() as made:
        characteristic = add(made)
        await made.advertise()
        never = asyncio.Event()

        async def wait(message: Message) -> None:
            await never.wait()

        made.daemon.answers["UnregisterAdvertisement"] = wait
        await made.peripheral.close()
        assert made.daemon.applications == {}
        assert characteristic.handle == 0


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError])
@in_loop
async def test_a_fault_of_the_program_is_shown_and_no_fault_of_the_client(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    async with bench() as made:
        characteristic, heard = add(made), Heard()

        def fail(*of: object) -> bytes:
            raise error("of the program")

        heard.written = fail  # type: ignore[method-assign, assignment]
        characteristic.listeners.append(heard)
        await made.advertise()
        device = await made.connect()
        with pytest.raises(Refusal) as refused:
            await made.write(characteristic, b"x", device)
        assert "Internal" in refused.value.name
        characteristic.dynamic_value = fail
        with pytest.raises(Refusal) as refused:
            await made.read(characteristic, device)
        assert "Internal" in refused.value.name
        assert caplog.text.count("of the program") >= 2


@in_loop
async def test_odd_options_are_refused_by_each_client() -> None:
    async with bench("0550") as made:
        characteristic = add(made, P.READ | P.WRITE | P.NOTIFY)
        await made.registered()
        path, name = made.path_of(characteristic), "org.bluez.GattCharacteristic1"
        for options in ({}, {"device": Variant("u", 1)}, {"device": Variant("o", "/x")}):
            with pytest.raises(Refusal, match="NotSupported"):
                await made.daemon.call(path, name, "AcquireNotify", "a{sv}", options)
        for options in ({"offset": Variant("n", -1)}, {"mtu": Variant("s", "x")}):
            options["device"] = Variant("o", "/x")
            with pytest.raises(Refusal, match="NotSupported"):
                await made.daemon.call(path, name, "ReadValue", "a{sv}", options)


@in_loop
async def test_cancelling_an_advertisement_takes_it_back() -> None:
    async with bench() as made:
        answer = asyncio.Event()

        async def wait(message: Message) -> None:
            await answer.wait()

        made.daemon.answers["RegisterAdvertisement"] = wait
        starting = asyncio.ensure_future(made.advertise())
        await until(lambda: made.daemon.called("RegisterAdvertisement"))
        starting.cancel()
        await asyncio.wait({starting})
        answer.set()
        await until(lambda: made.daemon.called("UnregisterAdvertisement"))
        del made.daemon.answers["RegisterAdvertisement"]
        await made.advertise()
