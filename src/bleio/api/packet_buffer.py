"""`_bleio.PacketBuffer`.

What differs between a server's and a client's buffer is in two small classes, `_ServerEnd` and
`_ClientEnd`; the public class checks arguments and passes on.

On a remote characteristic there is one peer, and "incoming" is what it notifies. On a local one
any client may write and any number may subscribe, but the buffer is a pipe between two ends:
`PacketPeer` says which client it talks to, and the MTU and the length of packets are that one's.

What may surprise: the size of the incoming buffer is a number of packets of the largest size, but
it is filled by octets, so more of smaller ones fit. A length is an error without a link, even where
one could be guessed, since programs wait for a link by that error. `write` returns before the
packet is on the air.
"""

from __future__ import annotations

from collections.abc import Sized

from bleio.api._arguments import (
    DEINITIALIZED,
    ReadableBuffer,
    WriteableBuffer,
    at_least,
    described,
    instance,
    public,
    readable,
    writable,
)
from bleio.api._ends import LocalEnd, RemoteEnd
from bleio.api._later import is_put_off
from bleio.api._listening import listen_local, listen_remote
from bleio.api.characteristic import Characteristic
from bleio.api.uuid import UUID
from bleio.backends.base import is_light
from bleio.core.codes import Properties
from bleio.errors import BluetoothError
from bleio.gatt.model import is_signed
from bleio.runtime.buffers import PACKET_OVERHEAD_OCTETS, PacketRing
from bleio.runtime.calls import PlainCall
from bleio.runtime.packet_peer import PacketPeer
from bleio.runtime.packet_writer import PacketWriter

_WRITES = Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE
_VALUES = Properties.NOTIFY | Properties.INDICATE
_MAX_PACKET_OCTETS = 509  # 512 - 3: what the largest MTU we ask for leaves
_NO_LENGTH = "No connection: length cannot be determined"


class _ServerEnd:
    """Packets of a local characteristic: clients write them, we notify or indicate them."""

    incoming, outgoing = _WRITES, _VALUES
    link_gone = False  # it needs no link

    def __init__(
        self,
        characteristic: LocalEnd,
        buffer_size: int,
        max_packet_size: int | None,
    ) -> None:
        session, model = characteristic.session, characteristic.model
        self._engine = session.engine
        self._counted = session.counted
        self._model = model
        self._largest = min(max_packet_size or _MAX_PACKET_OCTETS, model.max_length)
        self._tells = bool(model.properties & _VALUES)
        self._ring_octets = buffer_size * (
            PACKET_OVERHEAD_OCTETS + (max_packet_size or model.max_length)
        )
        self.ring = PacketRing(self.capacity_octets, session.counted)
        self._peer = PacketPeer(model, session.life, self.ring.put, self._peer_left)
        self.writer = PacketWriter(self._engine, self._peer, self._counted)
        self.listening = listen_local(session, model, self._peer)

    async def begin(self) -> None:
        await self.listening.beginning()
        await PlainCall(self._peer.adopt_subscriber)

    def capacity_octets(self) -> int:
        """How much the ring holds."""
        return self._ring_octets

    def has_peer(self) -> bool:
        return self._peer.client is not None

    def incoming_octets(self) -> int:
        return self._model.max_length

    def outgoing_octets(self) -> int:
        client = self._peer.client
        if client is None or not self._tells:
            return self._largest
        return min(self._largest, client.max_value_octets)

    def _peer_left(self) -> None:
        """The next peer gets a writer of its own: what is in flight may hang on the last one."""
        self.writer.close()
        self.writer = PacketWriter(self._engine, self._peer, self._counted)


class _ClientEnd:
    """Packets of a remote characteristic: the peer notifies or indicates them, we write them."""

    incoming, outgoing = _VALUES, _WRITES

    def __init__(
        self,
        characteristic: RemoteEnd,
        buffer_size: int,
        max_packet_size: int | None,
    ) -> None:
        session, model = characteristic.session, characteristic.model
        self._link = characteristic.live_link()
        self._model = model
        self._max_length = characteristic.max_length
        self._largest = max_packet_size or self._max_length
        self._buffer_size = buffer_size
        self._commands = bool(model.properties & Properties.WRITE_WITHOUT_RESPONSE)
        self._signed = is_signed(model)
        self.ring = PacketRing(self.capacity_octets, session.counted)
        self.writer = PacketWriter(session.engine, self, session.counted)
        feed = _ClientFeed(self.ring, self.writer)
        self.listening = listen_remote(session, self._link, model, feed)
        self._characteristic = characteristic

    async def begin(self) -> None:
        await self.listening.beginning()
        if not self._model.properties & _VALUES:
            return
        notify = bool(self._model.properties & Properties.NOTIFY)
        call = self._characteristic.subscribing(notify, not notify)
        if is_put_off(self._characteristic.session.engine, call):
            return
        try:
            await call
        except BaseException:
            self.listening.end()
            raise

    def capacity_octets(self) -> int:
        """How much the ring holds; more once the MTU is larger."""
        largest = max(self._largest, self._link.max_value_octets)
        return self._buffer_size * (PACKET_OVERHEAD_OCTETS + largest)

    def has_peer(self) -> bool:
        return self._link.connected

    @property
    def link_gone(self) -> bool:
        return not self._link.connected

    def incoming_octets(self) -> int:
        if not self._model.properties & _VALUES:
            return self._max_length
        if not self._link.connected:
            raise ValueError(_NO_LENGTH)
        return self._link.max_value_octets

    def outgoing_octets(self) -> int:
        limit = self._link.max_value_octets if self._link.connected else self._max_length
        return min(limit, self._largest)

    def ahead(self) -> int:
        """See `Way`. Requests go one after the other, each with its answer."""
        room = self._link.room
        return 0 if room is None or not self._commands else room.packets

    def is_light(self) -> bool:
        return is_light(self._link.write)

    async def send(self, packet: bytes) -> None:
        if self._commands:
            await self._link.write_command(self._model, packet, self._signed)
        else:
            await self._link.write(self._model, packet)


class _ClientFeed:
    """Puts what the peer notifies into the ring (engine thread)."""

    def __init__(self, ring: PacketRing, writer: PacketWriter) -> None:
        self.notified = ring.put
        self._ring = ring
        self._writer = writer

    def doubled(self, value: bytes, indicated: bool) -> None:
        self.notified(value)

    def link_closed(self) -> None:
        self._writer.close()
        self._ring.arrived.ring()


@public
class PacketBuffer:
    """A queue of packets each way: writes one way, notifications or indications the other.

    On a local characteristic it serves one client at a time (see `runtime/packet_peer.py`); on a
    remote one it subscribes by itself, to notifications if there are any.

    Args: buffer_size: incoming packets of the largest size; the oldest are dropped when there is
        no room. max_packet_size: octets; by default the characteristic's max_length, at most 509.
    Raises: TypeError, ValueError; for a remote one what `set_cccd` raises.
    """

    def __init__(
        self,
        characteristic: Characteristic,
        *,
        buffer_size: int,
        max_packet_size: int | None = None,
    ) -> None:
        instance("characteristic", characteristic, Characteristic)
        characteristic._session.engine.finish(
            self._begin, characteristic, buffer_size, max_packet_size
        )

    async def _begin(
        self, characteristic: Characteristic, buffer_size: int, max_packet_size: int | None
    ) -> None:
        buffer_size = at_least("buffer_size", buffer_size, 1)
        if max_packet_size is not None:
            max_packet_size = at_least("max_packet_size", max_packet_size, 1)
        end = characteristic._alive()
        self._engine = end.session.engine
        self._look = end.session.engine.look
        self._uuid = end.model.uuid
        self._end: _ServerEnd | _ClientEnd
        if isinstance(end, LocalEnd):
            self._end = _ServerEnd(end, buffer_size, max_packet_size)
        else:
            self._end = _ClientEnd(end, buffer_size, max_packet_size)
        self._receives = bool(end.model.properties & self._end.incoming)
        self._arrived: Sized = self._end.ring.packets if self._receives else ()
        self._sends = bool(end.model.properties & self._end.outgoing)
        self._listening = self._end.listening
        self._listening.owned_by(self)
        await self._end.begin()

    @described
    def __repr__(self) -> str:
        """The characteristic, at which side, and whether there is a peer. Never waits."""
        side = "local" if isinstance(self._end, _ServerEnd) else "remote"
        peer = "a peer" if self._end.has_peer() else "no peer"
        now = peer if self._listening.alive else "deinitialized"
        return f"<PacketBuffer of {side} {UUID._on_air(self._uuid)!r}, {now}>"

    @property
    def incoming_packet_length(self) -> int:
        """The largest packet that can arrive, octets. Raises: ValueError without a link."""
        self._check_length()
        return self._end.incoming_octets()

    @property
    def packet_size(self) -> int:
        """The same; its name before CircuitPython 7."""
        return self.incoming_packet_length

    @property
    def outgoing_packet_length(self) -> int:
        """The largest packet, header included, that can be written, octets."""
        self._check_length()
        return self._end.outgoing_octets()

    def readinto(self, buf: WriteableBuffer) -> int:
        """Copy the next packet into `buf`. Returns: its length, 0 if there is none.

        Raises: ValueError if it does not fit; the packet is lost and `buf` untouched.
        Thread: any; does not wait.
        """
        if not self._listening.alive:
            raise ValueError(DEINITIALIZED)
        self._look()
        view = buf if type(buf) is bytearray else writable(buf)  # programs poll: no call for most
        if not self._arrived:
            return 0
        packet = self._end.ring.take()
        if packet is None:  # another thread was faster
            return 0
        missing = len(packet) - len(view)
        if missing > 0:
            raise ValueError(f"Buffer too short by {missing} bytes")
        view[: len(packet)] = packet
        return len(packet)

    def write(self, data: ReadableBuffer, *, header: ReadableBuffer | None = None) -> int:
        """Send data, with the header before it if it begins a packet.

        Returns: how many octets were taken; 0 if there is no peer.
        Raises: BluetoothError, ValueError for too much data.
        Thread: any; waits while the packet before it is on its way and this one does not fit.
        """
        return self._write(data, header, True)

    def _write(self, data: ReadableBuffer, header: ReadableBuffer | None, waits: bool) -> int:
        if not self._listening.alive:
            raise ValueError(DEINITIALIZED)
        octets = data if type(data) is bytes else readable(data)
        head = b"" if header is None else readable(header)
        if not self._sends:
            raise BluetoothError("Writes not supported on Characteristic")
        self._look()
        if not self._end.has_peer():
            return 0
        limit = self._end.outgoing_octets()
        if len(head) + len(octets) > limit:
            raise ValueError("Total data to write is larger than outgoing_packet_length")
        return self._end.writer.write(octets, head, limit, waits)

    def deinit(self) -> None:
        """Stop listening; it does not unsubscribe. Idempotent."""
        self._listening.end()
        self._end.ring.arrived.ring()

    def _check_length(self) -> None:
        if not self._listening.alive:
            raise ValueError(_NO_LENGTH)
        self._look()
