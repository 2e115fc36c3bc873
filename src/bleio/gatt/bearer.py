"""One ATT bearer: our server and our client on one link, and what is configured on it.

PDUs go to one side or the other by their opcode. Nothing here waits: time and sending are given in,
and whoever must know of an end is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bleio.att import codec
from bleio.att.client import AttClient, CallLater, Done, Job, Procedure
from bleio.att.codec import OPCODE_U16
from bleio.att.counters import Counters
from bleio.att.permissions import SIGNATURE_OCTETS, Signer
from bleio.att.server import AttServer
from bleio.core.security import LinkSecurity
from bleio.errors import AttError, CallerError, LinkLost, TransactionTimeout
from bleio.gatt import procedures
from bleio.gatt.attributes import INDICATE_BIT, NOTIFY_BIT
from bleio.gatt.awareness import ChangeAwareness
from bleio.gatt.indications import Indications
from bleio.gatt.model import LocalCharacteristic, RemoteListener, RemoteService
from bleio.gatt.remote import RemoteTable
from bleio.gatt.table import AttributeTable

# What our MTU request offers, as CircuitPython does: 509 octets for a packet. A peer that asks
# first is offered MAX_MTU, with which the longest value fits any one PDU.
REQUESTED_MTU = 512


class Bearer:
    """The unenhanced ATT bearer of one link, from its start to `closed`.

    Args: `link`: what listeners are told; `security`: read at each access, the backend changes it
        in place; `send`: takes one PDU; `call_later`: asyncio's shape.
    `on_dead(error)` is called when the bearer has died of a time-out: the link must be ended.
    `on_configured()` is called when what a bond stores of this client has changed.
    `believes(name)` says whether to take a value that the peer notifies or indicates; see `name`.
    """

    def __init__(
        self,
        table: AttributeTable,
        link: Any,
        security: LinkSecurity,
        send: Callable[[bytes], None],
        call_later: CallLater,
    ) -> None:
        self.link = link
        self.counters = Counters()
        self.awareness = ChangeAwareness(lambda: self.on_configured())
        self.on_dead: Callable[[Exception], None] | None = None
        self.on_configured: Callable[[], None] = lambda: None
        self.believes: Callable[[bytes], bool] = lambda name: True
        self._table = table
        self._send = send
        self._end: Exception | None = None
        self._told_closed = False
        self._cccds: dict[LocalCharacteristic, int] = {}
        self._server = AttServer(
            table.database,
            self,
            security,
            self.counters,
            self.awareness.admit,
            lambda: table.min_key_octets,
        )
        self._security = security
        self._client = AttClient(send, call_later, self._request_timed_out, self.counters)
        self._indications = Indications(
            send, call_later, self._confirmation_timed_out, self._withheld
        )
        self._remote = RemoteTable(self.counters)
        self._signer: Signer | None = None
        self._handlers: dict[int, Callable[[bytes], None]] = {
            **dict.fromkeys(codec.RESPONSES, self._client.respond),
            codec.HANDLE_VALUE_NTF: self._notified,
            codec.MULTIPLE_HANDLE_VALUE_NTF: self._notified_multiple,
            codec.HANDLE_VALUE_IND: self._indicated,
            codec.HANDLE_VALUE_CFM: self._confirmed,
        }
        table.attach(self)

    @property
    def mtu(self) -> int:
        """ATT_MTU, octets. Any thread."""
        return self._server.mtu

    @property
    def max_value_octets(self) -> int:
        """How much one notification, indication or write without response holds. Any thread."""
        return self._server.mtu - codec.VALUE_HEADER_OCTETS

    @property
    def dead(self) -> bool:
        """Whether nothing can be sent or received any more."""
        return self._end is not None

    # Receiving

    def received(self, pdu: bytes) -> None:
        """Take one PDU, whatever is in it. Never raises: an error of ours ends the bearer."""
        if self._end is not None:
            return
        if not 0 < len(pdu) <= codec.MAX_MTU:
            self.counters.malformed += 1
            return
        try:
            handler = self._handlers.get(pdu[0])
            if handler is not None:
                handler(pdu)
                return
            answer = self._server.answer(pdu)
            if answer is not None:
                self._send(answer)
        except Exception as error:
            self._die(error)

    def _notified(self, pdu: bytes) -> None:
        if len(pdu) < 3:
            self.counters.malformed += 1
            return
        self._deliver(pdu[1] | pdu[2] << 8, pdu[3:])

    def _notified_multiple(self, pdu: bytes) -> None:
        """Spec: Vol 3, Part F, 3.4.7.4: handle (2), length (2) and value, two times or more."""
        position = 1
        while position + 4 <= len(pdu):
            handle, octets = codec.HANDLE_PAIR.unpack_from(pdu, position)
            position += 4
            if position + octets > len(pdu):
                break
            self._deliver(handle, pdu[position : position + octets])
            position += octets
        if position != len(pdu):
            self.counters.malformed += 1

    def _deliver(self, handle: int, value: bytes) -> None:
        if self.believes(self._remote.name(handle)):
            self._remote.deliver(handle, value)
        else:
            self.counters.distrusted_values += 1

    def _indicated(self, pdu: bytes) -> None:
        """Deliver and confirm; a truncated one too, or the peer would wait 30 s and give up."""
        self._notified(pdu)
        self._send(b"\x1e")

    def _confirmed(self, pdu: bytes) -> None:
        if not self._indications.confirmed():
            self.counters.unsolicited_confirmations += 1

    # Our server

    def notify(self, handle: int, value: bytes) -> None:
        """Send a notification, cut at `max_value_octets`, unless the client must not get it."""
        if self._end is not None or self._withheld(handle):
            return
        self._send(OPCODE_U16.pack(codec.HANDLE_VALUE_NTF, handle) + value[: self.max_value_octets])

    def indicate(self, handle: int, value: bytes, done: Callable[[Exception | None], None]) -> None:
        """Send an indication, cut at `max_value_octets`, after those before it were confirmed.

        `done(error)` is called once: with None when the client has confirmed, or must not get it.
        """
        if self._end is not None:
            done(self._end)
        elif self._withheld(handle):
            done(None)
        else:
            self._indications.send(handle, value[: self.max_value_octets], done)

    def _withheld(self, handle: int) -> bool:
        """Whether the client must not be told a value: its CCCD alone does not permit it."""
        if not self.awareness.aware:
            self.counters.suppressed_values += 1
            return True
        if not self._server.may_be_told(handle):
            self.counters.insecure_values += 1
            return True
        return False

    def sign_with(self, signer: Signer) -> None:
        """Take the one who makes and checks signatures on this link."""
        self._signer = self._server.signer = signer

    def cccd(self, characteristic: LocalCharacteristic) -> int:
        """Give this client's configuration bits of a characteristic. Any thread."""
        return self._cccds.get(characteristic, 0)

    def set_cccd(self, characteristic: LocalCharacteristic, bits: int) -> None:
        """Set them and, if they changed, tell the characteristic's listeners."""
        if bits == self.cccd(characteristic):
            return
        if bits:
            self._cccds[characteristic] = bits
        else:
            del self._cccds[characteristic]
        notify, indicate = bool(bits & NOTIFY_BIT), bool(bits & INDICATE_BIT)
        for listener in tuple(characteristic.listeners):
            listener.subscribed(self.link, notify, indicate)
        self.on_configured()

    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        """Give this client's CCCD as (notify, indicate). Any thread."""
        bits = self._cccds.get(characteristic, 0)
        return bool(bits & NOTIFY_BIT), bool(bits & INDICATE_BIT)

    def subscriptions(self) -> dict[int, int]:
        """Give all CCCDs that are not 0, by CCCD handle: what a bond stores."""
        return {characteristic.cccd_handle: bits for characteristic, bits in self._cccds.items()}

    def restore(self, subscriptions: dict[int, int]) -> None:
        """Set CCCDs as a bond stored them.

        Passed over: those without a characteristic now, and those that this link set already.
        """
        for characteristic in self._table.characteristics():
            bits = subscriptions.get(characteristic.cccd_handle, 0)
            if characteristic.cccd_handle and bits and not self.cccd(characteristic):
                self.set_cccd(characteristic, bits & (NOTIFY_BIT | INDICATE_BIT))

    def table_changed(self, start: int, end: int) -> None:
        """Tell the client by Service Changed, if it subscribed; ranges that wait are merged."""
        self.awareness.table_changed()
        changed = self._table.service_changed
        if self._end is None and self.cccd(changed) & INDICATE_BIT:
            self.awareness.service_changed_indicated()
            self._indications.service_changed(
                changed.handle, start, end, self.awareness.service_changed_confirmed
            )

    def characteristic_removed(self, characteristic: LocalCharacteristic) -> None:
        """Its subscription ends with it."""
        self.set_cccd(characteristic, 0)

    # Our client

    def run(
        self,
        procedure: Procedure[Any],
        done: Done,
        step_limit_s: float = codec.TRANSACTION_TIMEOUT_S,
    ) -> Job:
        """Queue a client procedure; `done(result, error)` is called once, unless abandoned."""
        return self._client.run(procedure, done, step_limit_s)

    def abandon(self, job: Job, error: Exception) -> None:
        """End a procedure early; its `done` gets `error` if it had not ended yet."""
        self._client.abandon(job, error)

    def exchange_mtu(self) -> Procedure[int]:
        """Ask for a larger MTU. Returns: the MTU agreed.

        Spec: Vol 3, Part F, 3.4.2.2: both directions of one bearer offer the same MTU.
        """
        if not self._server.mtu_answered:
            self._server.rx_mtu = REQUESTED_MTU
        offered = self._server.rx_mtu
        try:
            server_rx_mtu = yield from procedures.exchange_mtu(offered)
        except AttError:
            return self.mtu  # a server need not support it; the MTU stays as it is
        self._server.mtu = min(offered, server_rx_mtu)
        return self.mtu

    def discover(self, uuids: Sequence[bytes] | None) -> Procedure[list[RemoteService]]:
        """Find services; a Service Changed meanwhile starts it anew. See `discovery.discover`."""
        return self._remote.discover(uuids, lambda: self.mtu)

    def read(self, handle: int) -> Procedure[bytes]:
        """Read a whole value, up to 512 octets."""
        return procedures.read_long(handle, lambda: self.mtu)

    def name(self, handle: int) -> bytes:
        """Give what the peer's value is known by, wherever in its table it lies."""
        return self._remote.name(handle)

    def write(self, handle: int, value: bytes) -> Procedure[None]:
        """Write with response, long values by prepare and execute."""
        return procedures.write(handle, value, lambda: self.mtu)

    def write_command(self, handle: int, value: bytes, signed: bool = False) -> None:
        """Write without response; `signed` if there are keys and the link is not encrypted.

        Raises: CallerError if the value does not fit one PDU; the bearer's end if it is dead.
        """
        if self._end is not None:
            raise self._end
        if signed and not self._security.encrypted and self._write_signed(handle, value):
            return
        if len(value) > self.max_value_octets:
            raise CallerError("Value is too long for a write without response")
        self._send(OPCODE_U16.pack(codec.WRITE_CMD, handle) + value)

    def _write_signed(self, handle: int, value: bytes) -> bool:
        """Sign and send; False without a key."""
        if self._signer is None:
            return False
        if len(value) > self.max_value_octets - SIGNATURE_OCTETS:
            raise CallerError("Value is too long for a signed write")
        message = OPCODE_U16.pack(codec.SIGNED_WRITE_CMD, handle) + value
        signature = self._signer.sign(message)
        if signature is not None:
            self._send(message + signature)
        return signature is not None

    def listen(self, value_handle: int, listener: RemoteListener) -> None:
        """Pass the peer's notifications and indications of that handle to the listener too."""
        self._remote.listen(value_handle, listener)

    def unlisten(self, value_handle: int, listener: RemoteListener) -> None:
        """Undo `listen`; does nothing if it is not listening."""
        self._remote.unlisten(value_handle, listener)

    # The end

    def closed(self, reason: int) -> None:
        """The link is gone: fail all that waits, zero the CCCDs, tell every listener. Idempotent.

        Args: `reason`: the HCI error code.
        """
        if self._told_closed:
            return
        self._told_closed = True
        self._fail(LinkLost(reason))
        for characteristic in tuple(self._cccds):
            self.set_cccd(characteristic, 0)
        for characteristic in self._table.characteristics():
            for local_listener in tuple(characteristic.listeners):
                local_listener.link_closed(self.link)
        self._remote.closed()

    def _request_timed_out(self) -> None:
        self._die(TransactionTimeout("The peer did not answer in time"))

    def _confirmation_timed_out(self) -> None:
        self._die(TransactionTimeout("The peer did not confirm an indication in time"))

    def _die(self, error: Exception) -> None:
        """End the bearer of itself. Spec: Vol 3, Part F, 3.3.3: no more PDUs after a time-out."""
        self._fail(error)
        if self.on_dead is not None:
            self.on_dead(error)

    def _fail(self, error: Exception) -> None:
        self._end = self._end or error
        self._table.detach(self)
        self._server.prepared.clear()
        self._client.close(error)
        self._indications.close(error)
