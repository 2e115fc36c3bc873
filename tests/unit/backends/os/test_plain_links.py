"""Links where bleak does all of it, on a client backend that a test plays: Windows and macOS."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError

from bleio.backends.capabilities import MACOS, WINDOWS, Capability
from bleio.backends.os.backend import OsBackend
from bleio.backends.os.links import connecting
from bleio.backends.os.platforms import Desktop
from bleio.backends.os.system import SystemOwner
from bleio.core.address import DeviceAddress, parse_address
from bleio.core.codes import AttErrorCode, Properties
from bleio.core.uuid import uuid16
from bleio.errors import (
    AttError,
    CallerError,
    ConnectTimeout,
    ControllerLost,
    LinkLost,
    PairingFailed,
    TransactionTimeout,
)
from support.hci.engine import Engine, Heard, asynchronous, until

PEER = DeviceAddress(parse_address("C0:00:00:00:00:01"), random=True)
BASE = "0000{}-0000-1000-8000-00805f9b34fb"
FLAGS = ["read", "write", "write-without-response", "notify", "indicate"]


class Played(BaseBleakClient):
    """A client backend; what is common to all of a test's is in the class."""

    made: list[Played]
    failures: list[Exception]  # one for each of the next connects
    errors: list[Exception]  # one for each of the next requests
    hangs = False

    def __init__(self, device: Any, **more: Any) -> None:
        super().__init__(device, disconnected_callback=more["disconnected_callback"], timeout=1)
        self.device, self.more = device, more
        self.is_up = False
        self.values: dict[int, bytes] = {}
        self.callbacks: dict[int, Any] = {}
        self.log: list[Any] = []
        type(self).made.append(self)

    @property
    def name(self) -> str:
        return "peer"

    @property
    def mtu_size(self) -> int:
        return 185

    @property
    def is_connected(self) -> bool:
        return self.is_up

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        if self.failures:
            raise self.failures.pop(0)
        await self._asked()
        self.services = _services()
        self.is_up = True

    async def disconnect(self) -> None:
        self.log.append("disconnect")
        if self.is_up:
            self.ended()

    def ended(self) -> None:
        self.is_up = False
        self.services = None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        await self._asked()

    async def unpair(self) -> None:
        raise NotImplementedError

    async def _asked(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        while self.hangs:
            await asyncio.sleep(0.01)

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        await self._asked()
        return bytearray(self.values.get(characteristic.handle, b""))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        await self._asked()
        return bytearray(self.values.get(descriptor.handle, b""))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        await self._asked()
        self.log.append(bytes(data))
        self.values[characteristic.handle] = bytes(data)

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        await self._asked()
        self.values[descriptor.handle] = bytes(data)

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: Any, **kwargs: Any
    ) -> None:
        self.log.append(("start", kwargs.get("force_indicate")))
        self.callbacks[characteristic.handle] = callback

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        self.log.append("stop")
        del self.callbacks[characteristic.handle]


def _services() -> BleakGATTServiceCollection:
    services = BleakGATTServiceCollection()
    service = BleakGATTService(None, 0x10, BASE.format("a000"))
    services.add_service(service)
    for handle in (0x15, 0x12):
        one = BleakGATTCharacteristic(
            None, handle, BASE.format("a001"), list(FLAGS), lambda: 182, service
        )
        services.add_characteristic(one)
        for number, uuid in ((1, "2902"), (2, "2901")):
            services.add_descriptor(
                BleakGATTDescriptor(None, handle + number, BASE.format(uuid), one)
            )
    return services


class PlayedDesktop(Desktop):
    """A desktop without a scan to open it, and the client backend above."""

    async def open(self, owner: SystemOwner) -> DeviceAddress:
        return DeviceAddress(bytes(6))

    def client_arguments(self) -> Mapping[str, Any]:
        return {"backend": Played}


FOUND = BLEDevice("a UUID", "peer", object())


async def found(peer: DeviceAddress) -> BLEDevice:
    """Stand for the scan for one device."""
    return FOUND


async def opened(platform: Any = WINDOWS) -> tuple[OsBackend, Engine]:
    Played.made, Played.failures, Played.errors, Played.hangs = [], [], [], False
    backend, engine = OsBackend(PlayedDesktop(platform)), Engine()
    peers: Any = backend._peers
    peers._find = found
    await backend.open(engine.server, "central", engine)
    return backend, engine


@asynchronous
async def test_windows_connects_by_an_address_of_a_type() -> None:
    backend, engine = await opened()
    for peer, kind in ((PEER, "random"), (DeviceAddress(PEER.octets), "public")):
        link = await backend.connect(peer, 10)
        assert (link.mtu, link.max_value_octets) == (185, 182)
        client = Played.made[-1]
        assert client.device.address == "C0:00:00:00:00:01"
        assert client.more["winrt"] == {"address_type": kind}
        await link.disconnect()
    assert engine.log == ["link opened", "link closed"] * 2
    await backend.close()


@asynchronous
async def test_macos_connects_to_what_a_scan_has_found() -> None:
    backend, _ = await opened(MACOS)
    device = BLEDevice("a UUID", "peer", object())
    scanner: Any = backend._scanner
    scanner._seen.remember(PEER, device)
    await backend.connect(PEER, 10)
    assert Played.made[-1].device is device
    await backend.close()
    assert "disconnect" in Played.made[-1].log


@asynchronous
async def test_what_no_scan_has_found_is_scanned_for() -> None:
    """On macOS always, on Windows if it does not know the address."""
    for platform, failures in ((MACOS, 0), (WINDOWS, 1)):
        backend, _ = await opened(platform)
        Played.failures = [BleakDeviceNotFoundError("C0:00:00:00:00:01")] * failures
        await backend.connect(PEER, 10)
        assert [each.device is FOUND for each in Played.made] == [False] * failures + [True]
        await backend.close()


@asynchronous
async def test_values_and_descriptors() -> None:
    backend, _ = await opened()
    link = await backend.connect(PEER, 10)
    (service,) = await link.discover([uuid16(0xA000)])
    one, other = service.characteristics
    assert (one.handle, other.handle, service.end_handle) == (0x12, 0x15, 0x17)
    assert one.properties & Properties.INDICATE
    assert [each.uuid for each in one.descriptors] == [uuid16(0x2902), uuid16(0x2901)]
    await link.write(one, bytes(512))
    await link.write_command(other, b"command")
    await link.write(one.descriptors[1], b"described")
    assert await link.read(one) == bytes(512)
    assert await link.read(other) == b"command"
    assert await link.read(one.descriptors[1]) == b"described"
    for wrong in (link.write(one, bytes(513)), link.write(one.descriptors[0], b"\x01")):
        with pytest.raises(AttError) as caught:
            await wrong
        assert caught.value.code == AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
    await backend.close()


@asynchronous
async def test_windows_chooses_between_notifications_and_indications() -> None:
    backend, _ = await opened()
    link = await backend.connect(PEER, 10)
    (service,) = await link.discover(None)
    one = service.characteristics[0]
    heard = Heard()
    link.listen(one, heard)
    for notify, indicate in ((True, False), (False, True), (True, True), (False, False)):
        await link.subscribe(one, notify, indicate)
    await link.write(one.descriptors[0], b"\x02\x00")  # as programs for boards do
    Played.made[0].callbacks[one.handle](bytearray(b"value"))
    assert heard.values == [b"value"]
    started = [("start", False), "stop", ("start", True), "stop", ("start", False), "stop"]
    assert Played.made[0].log == [*started, ("start", True)]
    await backend.close()


@asynchronous
async def test_macos_does_not() -> None:
    backend, _ = await opened(MACOS)
    scanner: Any = backend._scanner
    scanner._seen.remember(PEER, BLEDevice("a UUID", "peer", object()))
    link = await backend.connect(PEER, 10)
    (service,) = await link.discover(None)
    for notify, indicate in ((True, False), (False, True), (True, True)):
        await link.subscribe(service.characteristics[0], notify, indicate)
    assert Played.made[0].log == [("start", None)]
    await backend.close()


@asynchronous
async def test_a_peer_that_goes_away() -> None:
    backend, engine = await opened()
    link = await backend.connect(PEER, 10)
    (service,) = await link.discover(None)
    heard = Heard()
    link.listen(service.characteristics[0], heard)
    Played.hangs = True
    reading = asyncio.ensure_future(link.read(service.characteristics[0]))
    await asyncio.sleep(0)
    Played.made[0].ended()
    with pytest.raises(LinkLost):
        await reading
    await until(lambda: "link closed" in engine.log)
    assert heard.closed == 1
    await backend.close()


@asynchronous
async def test_errors_of_values() -> None:
    backend, _ = await opened()
    link = await backend.connect(PEER, 10)
    (service,) = await link.discover(None)
    for raised, kind in (
        (BleakGATTProtocolError(0x05), AttError),
        (BleakError("Could not read: Unreachable"), LinkLost),
        (BleakError("Could not read: Access Denied"), CallerError),
        (asyncio.CancelledError(), Exception),  # WinRT's, not ours
    ):
        Played.errors = [raised]  # type: ignore[list-item]
        with pytest.raises(kind):
            await link.read(service.characteristics[0])
    assert link.connected
    await backend.close()


@asynchronous
async def test_pairing() -> None:
    backend, _ = await opened()
    link = await backend.connect(PEER, 10)
    Played.errors = [BleakError("Could not pair with device: FAILED")]
    with pytest.raises(PairingFailed):
        await link.pair()
    await link.pair()
    assert link.security.encrypted
    assert Capability.ERASABLE_BONDS not in backend.capabilities
    await backend.close()


@asynchronous
async def test_a_connect_that_fails_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "PAUSE_S", 0.002)
    backend, engine = await opened()
    Played.failures = [BleakError("disconnected"), TimeoutError(), BleakError("Something")]
    assert (await backend.connect(PEER, 10)).connected
    Played.made[-1].ended()
    await until(lambda: "link closed" in engine.log)
    Played.hangs = True
    with pytest.raises(ConnectTimeout):
        await backend.connect(PEER, 0.05)
    await backend.close()


@asynchronous
async def test_silence_ends_at_the_time_limit() -> None:
    backend, _ = await opened()
    link: Any = await backend.connect(PEER, 10)
    Played.hangs = True
    with pytest.raises(TransactionTimeout):
        await link._call(link._pair, 0.05)
    await backend.close()


@asynchronous
async def test_closing_ends_attempts_and_links() -> None:
    backend, engine = await opened()
    await backend.connect(PEER, 10)
    Played.hangs = True
    attempt = asyncio.ensure_future(backend.connect(DeviceAddress(bytes(6), True), 0))
    await asyncio.sleep(0.02)
    await backend.close()
    with pytest.raises(ControllerLost):
        await attempt
    assert engine.log == ["link opened", "link closed"]
    await backend.close()


@asynchronous
async def test_opening_that_fails_leaves_nothing_open() -> None:
    class Failing(PlayedDesktop):
        closed = 0

        async def open(self, owner: SystemOwner) -> DeviceAddress:
            owner.lost(ControllerLost("Gone while it was opened."))
            return await super().open(owner)

        async def close(self) -> None:
            self.closed += 1

    system, engine = Failing(WINDOWS), Engine()
    backend = OsBackend(system)
    with pytest.raises(ControllerLost, match="Gone while"):
        await backend.open(engine.server, "central", engine)
    assert (system.closed, engine.log) == (1, [])
