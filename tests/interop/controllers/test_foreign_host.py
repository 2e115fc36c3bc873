"""bumble's own host, over `bleio radio --listen tcp`, against programs' use of the API."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import _bleio
import pytest
from bumble.core import UUID
from bumble.device import Device, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service
from bumble.hci import Address
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

from support.pair import DEADLINE_S, current, make, raises, until
from support.radio_processes import Radios, listening

pytestmark = [
    pytest.mark.interop,
    # bumble's host calls a function of its own that some of its versions advise against.
    pytest.mark.filterwarnings("ignore:Use utils.AsyncRunner.spawn:DeprecationWarning"),
]

BUMBLE = "C4:F2:17:1A:1D:AA"
SERVICE, VALUE, SECRET = 0x180F, 0x2A19, 0x2A1C
LONG = bytes(range(256)) + bytes(range(244))  # several PDUs
P = _bleio.Characteristic


class Foreign:
    """bumble's host on a controller of the radio, in a loop and thread of its own."""

    def __init__(self, transport: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._transport: Any = None
        self.written: list[bytes] = []
        self.does(self._open(transport))

    async def _open(self, name: str) -> None:
        self._transport = await open_transport(name)
        self.device = Device.with_hci(
            "bumble", Address(BUMBLE), self._transport.source, self._transport.sink
        )
        self.device.pairing_config_factory = lambda _: PairingConfig(
            sc=True, mitm=False, bonding=True, delegate=PairingDelegate()
        )
        self.value = Characteristic[bytes](
            "2A19",
            Characteristic.Properties(0x3A),  # read, write, notify, indicate
            Characteristic.READABLE | Characteristic.WRITEABLE,
            CharacteristicValue(
                read=lambda _: LONG, write=lambda _, value: self.written.append(value)
            ),
            [Descriptor("2901", Descriptor.READABLE, b"a value")],
        )
        secret = Characteristic[bytes](
            "2A1C",
            Characteristic.Properties.READ,
            Characteristic.READABLE | Characteristic.READ_REQUIRES_ENCRYPTION,
            b"secret",
        )
        self.device.add_service(Service("180F", [self.value, secret]))
        await self.device.power_on()

    def does(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.starts(coroutine).result(DEADLINE_S)

    def starts(self, coroutine: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        if self._transport is not None:
            self.does(self._transport.close())
            self.does(asyncio.sleep(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()


@pytest.fixture
def bumble(radios: Radios) -> Iterator[Foreign]:
    radio = radios.foreground("desk", "--listen", "tcp:127.0.0.1:0")
    port = listening(radio, "tcp:127.0.0.1")
    foreign = Foreign(f"tcp-client:127.0.0.1:{port}")
    yield foreign
    foreign.close()


@pytest.fixture
def adapter(bumble: Foreign) -> Iterator[_bleio.Adapter]:
    adapter = _bleio.Adapter("virtual:desk")
    yield adapter
    adapter.enabled = False


async def subscribe(peer: Peer, remote: Any, heard: list[bytes], notify: bool) -> None:
    await peer.subscribe(remote, heard.append, prefer_notify=notify)


async def discover(connection: Any) -> tuple[Peer, dict[int, Any]]:
    peer = Peer(connection)
    await peer.discover_all()
    found = {uuid: peer.get_characteristics_by_uuid(UUID(uuid)) for uuid in (VALUE, SECRET)}
    return peer, {uuid: one for uuid, (one,) in found.items()}


def test_as_central(adapter: _bleio.Adapter, bumble: Foreign) -> None:
    with current(adapter):
        service = _bleio.Service(_bleio.UUID(SERVICE))
    all_ways = P.READ | P.WRITE | P.WRITE_NO_RESPONSE | P.NOTIFY | P.INDICATE
    value = make(service, VALUE, properties=all_ways, max_length=512, initial_value=LONG)
    make(
        service,
        SECRET,
        properties=P.READ,
        read_perm=_bleio.Attribute.ENCRYPT_NO_MITM,
        initial_value="secret",
    )
    arriving = _bleio.CharacteristicBuffer(value, timeout=DEADLINE_S, buffer_size=600)
    for _ in range(2):  # and again after a disconnection
        adapter.start_advertising(b"\x02\x01\x06", interval=0.02)
        ours = Address(adapter.address.address_bytes, Address.RANDOM_DEVICE_ADDRESS)
        connection = bumble.does(bumble.device.connect(ours))
        until(lambda: adapter.connected)
        assert adapter.advertising is False
        peer, remote = bumble.does(discover(connection))

        value.value = LONG
        assert bumble.does(peer.read_value(remote[VALUE])) == LONG
        mtu = bumble.does(peer.request_mtu(517))
        assert mtu == adapter.connections[0].max_packet_length + 3 >= 512
        bumble.does(remote[VALUE].write_value(LONG, with_response=True))
        bumble.does(remote[VALUE].write_value(b"command", with_response=False))
        assert arriving.read(len(LONG) + 7) == LONG + b"command"
        assert value.value == b"command"

        for notify in (True, False):
            heard: list[bytes] = []
            bumble.does(subscribe(peer, remote[VALUE], heard, notify))
            for index in range(5):
                value.value = bytes((index,)) * 100
            until(lambda: len(heard) == 5)  # noqa: B023 (used within this turn)
            assert heard == [bytes((index,)) * 100 for index in range(5)]
            bumble.does(peer.unsubscribe(remote[VALUE], heard.append))

        (incoming,) = adapter.connections
        assert incoming.paired is False
        bumble.does(connection.pair())
        until(lambda: adapter.connections[0].paired)
        assert bumble.does(peer.read_value(remote[SECRET])) == b"secret"
        bumble.does(connection.disconnect())
        until(lambda: not adapter.connected)
        assert incoming.connected is False


def found(adapter: _bleio.Adapter) -> _bleio.Address:
    for entry in adapter.start_scan(
        b"\x07\x09bumble", timeout=DEADLINE_S, interval=0.05, window=0.05
    ):
        adapter.stop_scan()
        return entry.address
    raise AssertionError("not found")


def test_as_peripheral(adapter: _bleio.Adapter, bumble: Foreign) -> None:
    for _ in range(2):
        bumble.does(
            bumble.device.start_advertising(
                advertising_data=b"\x02\x01\x06\x07\x09bumble",
                advertising_interval_min=30,
                advertising_interval_max=30,
                auto_restart=False,
            )
        )
        connection = adapter.connect(found(adapter), timeout=DEADLINE_S)
        (service,) = connection.discover_remote_services([_bleio.UUID(SERVICE)])
        value, secret = service.characteristics
        assert (value.uuid, secret.uuid) == (_bleio.UUID(VALUE), _bleio.UUID(SECRET))
        assert value.properties == P.READ | P.WRITE | P.NOTIFY | P.INDICATE
        assert [each.uuid.uuid16 for each in value.descriptors] == [0x2901, 0x2902]
        assert value.descriptors[0].value == b"a value"

        assert value.value == LONG
        value.value = b"request"
        value.value = LONG[:500]
        until(lambda: len(bumble.written) == 2)
        assert bumble.written == [b"request", LONG[:500]]
        bumble.written.clear()

        heard = _bleio.PacketBuffer(value, buffer_size=8, max_packet_size=200)
        packet = bytearray(heard.incoming_packet_length)
        for notify in (True, False):
            value.set_cccd(notify=notify, indicate=not notify)
            send = (
                bumble.device.notify_subscribers if notify else bumble.device.indicate_subscribers
            )
            for index in range(3):
                bumble.does(send(bumble.value, bytes((index,)) * 150))
            for index in range(3):
                until(lambda: heard.readinto(packet))  # noqa: B023 (used within this turn)
                assert packet[:151] == bytes((index,)) * 150 + b"\0"

        with pytest.raises(_bleio.SecurityError):
            secret.value
        connection.pair()
        assert connection.paired is True
        assert secret.value == b"secret"
        connection.disconnect()
        until(lambda: not adapter.connected)
        with raises(_bleio.ConnectionError, "Not connected"):
            secret.value
