"""One client's connection to a simulated proxy, and what it may ask for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from aioesphomeapi import api_pb2 as pb
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO

from bleio.backends.base import Link, Report
from bleio.core.address import DeviceAddress
from bleio.errors import InnerError
from support.esphome.framing import BadClient, Framing
from support.esphome.link import FAILED, NOT_CONNECTED, ProxiedLink

if TYPE_CHECKING:
    from support.esphome.server import Proxy

NUMBERS = {message: number for number, message in MESSAGE_TYPE_TO_PROTO.items()}

_DISCONNECT = pb.BLUETOOTH_DEVICE_REQUEST_TYPE_DISCONNECT
_PAIR = pb.BLUETOOTH_DEVICE_REQUEST_TYPE_PAIR
_UNPAIR = pb.BLUETOOTH_DEVICE_REQUEST_TYPE_UNPAIR
_CLEAR_CACHE = pb.BLUETOOTH_DEVICE_REQUEST_TYPE_CLEAR_CACHE
_BATCH_S = 0.02  # real ones collect advertisements for a tenth of a second
_ROOM_OCTETS = 1 << 20  # advertisements for a client that reads slowly are dropped, as real ones do


class Session:
    """See the module. It ends with its connection, and its links with it."""

    def __init__(self, proxy: Proxy, framing: Framing, writer: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.links: dict[int, ProxiedLink] = {}
        self.slots: set[int] = set()  # addresses that have one, linked or not yet
        self.asked: list[str] = []  # names of the messages that came
        self._framing = framing
        self._writer = writer
        self._tasks: set[asyncio.Task[None]] = set()
        self._connecting: dict[int, asyncio.Task[None]] = {}
        self._wants_slots = False
        self._heard: list[Any] = []
        self._before: dict[DeviceAddress, bytes] = {}

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Serve until the client goes."""
        try:
            await self._framing.greet(reader, self._writer)
            while True:
                number, message = await self._framing.read(reader)
                self._take(number, message)
                if number == NUMBERS[pb.DisconnectRequest]:
                    return
        except BadClient as error:
            self._writer.write(error.answer)
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def end(self) -> None:
        """Let go of all that the client had."""
        for task in self._tasks | set(self._connecting.values()):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._connecting.values(), return_exceptions=True)
        for link in list(self.links.values()):
            with contextlib.suppress(InnerError):
                await link.link.disconnect()
        self._writer.close()

    def send(self, message: Any) -> None:
        if not self._writer.is_closing():
            octets = message.SerializeToString()
            self._writer.write(self._framing.packet(NUMBERS[type(message)], octets))

    def abort(self) -> None:
        """Cut the connection, as when the proxy loses its power."""
        self._writer.transport.abort()

    # What the proxy tells

    def reported(self, report: Report) -> None:
        data = report.data
        if report.scan_response:
            data = self._before.pop(report.address, b"") + data
        else:
            self._before[report.address] = data
        heard = pb.BluetoothLERawAdvertisement(
            address=int.from_bytes(report.address.octets, "little"),
            rssi=report.rssi_dbm,
            address_type=int(report.address.random),
            data=data,
        )
        if not self._heard:
            asyncio.get_running_loop().call_later(_BATCH_S, self._send_heard)
        self._heard.append(heard)

    def _send_heard(self) -> None:
        heard, self._heard = self._heard, []
        if self._writer.transport.get_write_buffer_size() < _ROOM_OCTETS:
            self.send(pb.BluetoothLERawAdvertisementsResponse(advertisements=heard))

    def scanning(self) -> None:
        self.send(
            pb.BluetoothScannerStateResponse(
                state=pb.BLUETOOTH_SCANNER_STATE_RUNNING,
                mode=self.proxy.mode,
                configured_mode=self.proxy.configured_mode,
            )
        )

    def slots_changed(self) -> None:
        if self._wants_slots:
            taken = self.proxy.taken
            free, limit = self.proxy.slots - len(taken), self.proxy.slots
            message = pb.BluetoothConnectionsFreeResponse(free=free, limit=limit, allocated=taken)
            self.send(message)

    def link_closed(self, link: Link) -> None:
        for address, each in list(self.links.items()):
            if each.link is link:
                del self.links[address]
                self._not_connected(address, 0x13)

    # What the client asks

    def _take(self, number: int, octets: bytes) -> None:
        kind = MESSAGE_TYPE_TO_PROTO.get(number)
        if kind is None:
            return
        message = kind()
        message.ParseFromString(octets)
        name = kind.__name__
        self.asked.append(name)
        if (answer := self._answers.get(name)) is not None:
            answer(self, message)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _hello(self, message: Any) -> None:
        major, minor = self.proxy.api_version
        self.send(
            pb.HelloResponse(
                api_version_major=major,
                api_version_minor=minor,
                server_info="a simulated proxy",
                name=self.proxy.name,
            )
        )

    def _device_info(self, message: Any) -> None:
        self.send(self.proxy.info())

    def _subscribe(self, message: Any) -> None:
        if self.proxy.subscriber is None:
            self.proxy.subscriber = self
            self.scanning()

    def _unsubscribe(self, message: Any) -> None:
        if self.proxy.subscriber is self:
            self.proxy.subscriber = None

    def _subscribe_slots(self, message: Any) -> None:
        self._wants_slots = True
        self.slots_changed()

    def _device(self, message: Any) -> None:
        address = message.address
        match message.request_type:
            case kind if kind == _DISCONNECT:
                self._spawn(self._disconnect(address))
            case kind if kind == _PAIR:
                self._with_link(address, ProxiedLink.pair)
            case kind if kind == _UNPAIR:
                self._spawn(self._unpair(address))
            case kind if kind == _CLEAR_CACHE:
                self.send(pb.BluetoothDeviceClearCacheResponse(address=address, success=True))
            case _ if address in self.slots or len(self.proxy.taken) >= self.proxy.slots:
                self._not_connected(address, 0)
            case _:
                octets = address.to_bytes(6, "little")
                peer = DeviceAddress(octets, bool(message.address_type))
                self.slots.add(address)
                self.proxy.slots_changed()
                task = self._spawn(self._connect(address, peer))
                self._connecting[address] = task

    async def _connect(self, address: int, peer: DeviceAddress) -> None:
        try:
            link = await self.proxy.backend.connect(peer, 0)
        except InnerError:
            self._not_connected(address, FAILED)
            return
        finally:
            del self._connecting[address]
        self.links[address] = ProxiedLink(address, link, self.send)
        self.send(
            pb.BluetoothDeviceConnectionResponse(address=address, connected=True, mtu=link.mtu)
        )
        if not link.connected:
            self.link_closed(link)

    async def _disconnect(self, address: int) -> None:
        if (task := self._connecting.get(address)) is not None:
            task.cancel()
            await asyncio.wait([task])
        elif (link := self.links.get(address)) is not None:
            await link.link.disconnect()
            return  # the proxy has told of its end
        self._not_connected(address, 0)

    def _not_connected(self, address: int, error: int) -> None:
        self.slots.discard(address)
        self.send(pb.BluetoothDeviceConnectionResponse(address=address, error=error))
        self.proxy.slots_changed()

    async def _unpair(self, address: int) -> None:
        await self.proxy.backend.erase_bonds()
        self.send(pb.BluetoothDeviceUnpairingResponse(address=address, success=True))

    def _set_mode(self, message: Any) -> None:
        self._spawn(self.proxy.scan(message.mode))

    def _with_link(
        self, address: int, work: Callable[[ProxiedLink], Awaitable[None]], handle: int = 0
    ) -> None:
        if (link := self.links.get(address)) is not None:
            self._spawn(work(link))
        else:
            self._not_linked(address, handle)

    def _not_linked(self, address: int, handle: int) -> None:
        error = NOT_CONNECTED
        self.send(pb.BluetoothGATTErrorResponse(address=address, handle=handle, error=error))

    def _services(self, message: Any) -> None:
        self._with_link(message.address, ProxiedLink.send_services)

    def _read(self, message: Any) -> None:
        self._with_link(message.address, lambda link: link.read(message.handle), message.handle)

    def _write(self, message: Any) -> None:
        self._with_link(
            message.address,
            lambda link: link.write(message.handle, message.data, message.response),
            message.handle,
        )

    def _write_descriptor(self, message: Any) -> None:
        self._with_link(
            message.address,
            lambda link: link.write_descriptor(message.handle, message.data),
            message.handle,
        )

    def _notify(self, message: Any) -> None:
        if (link := self.links.get(message.address)) is not None:
            link.notify(message.handle, message.enable)
        else:
            self._not_linked(message.address, message.handle)

    def _set_interval(self, message: Any) -> None:
        self._with_link(message.address, lambda link: link.set_interval(message.max_interval))

    def _ping(self, message: Any) -> None:
        self.send(pb.PingResponse())

    def _goodbye(self, message: Any) -> None:
        self.send(pb.DisconnectResponse())

    _answers: ClassVar[dict[str, Callable[[Session, Any], None]]] = {
        "HelloRequest": _hello,
        "DeviceInfoRequest": _device_info,
        "SubscribeBluetoothLEAdvertisementsRequest": _subscribe,
        "UnsubscribeBluetoothLEAdvertisementsRequest": _unsubscribe,
        "SubscribeBluetoothConnectionsFreeRequest": _subscribe_slots,
        "BluetoothDeviceRequest": _device,
        "BluetoothScannerSetModeRequest": _set_mode,
        "BluetoothGATTGetServicesRequest": _services,
        "BluetoothGATTReadRequest": _read,
        "BluetoothGATTReadDescriptorRequest": _read,
        "BluetoothGATTWriteRequest": _write,
        "BluetoothGATTWriteDescriptorRequest": _write_descriptor,
        "BluetoothGATTNotifyRequest": _notify,
        "BluetoothSetConnectionParamsRequest": _set_interval,
        "PingRequest": _ping,
        "DisconnectRequest": _goodbye,
    }
