"""One ATT bearer: our server and our client on one link, and what is configured on it.

ATT runs in both directions at once over one channel. A PDU's opcode says which direction it belongs
to, so one table of opcodes parts what comes: responses and notified values are for the client
(`client`), confirmations for our indications, all else for the server (`att.server`). The two
directions know nothing of each other but the MTU, which is one for both.

Nothing here waits. Time and sending are passed in, and what must be known of the end is told to the
link. A coroutine for each request would be the obvious way, but then a peer decides how many of
them there are and how long they live, and each `await` is a place where the table, the link or its
security may change between a check and its use. Here one PDU is taken from beginning to end, and
what waits (a procedure, an indication) is data with a bound and a timer.

What may surprise:

- A value may be withheld from a client although its CCCD asks for it: an unaware client must not be
  told values of a table that it does not know (robust caching), and one whose link has lost its
  security must not hear what it may not read. An indication that waits its turn is checked when the
  turn comes. To the sender a withheld value is a success: it can do nothing about it.
- CCCDs are kept here, by characteristic, not in the table: each client has its own. They end with
  the link; what a bonded client had comes back by `restore`.
- A bearer dies in two ways. A time-out or a fault of ours ends it from within (`_die`): no PDU may
  follow, so the link is of no use and its owner is told to end it. `closed` tells that the link is
  gone; listeners hear of it then and only then, once. What the peer had sent before may come after
  that, until `finished`.
- `received` never raises. A fault in one listener, which is our program's, ends this bearer and not
  the reading of all links' data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bleio.att import codec
from bleio.att.client import AttClient, Timing
from bleio.att.counters import Counters
from bleio.att.server import AttServer
from bleio.errors import LinkLost, TransactionTimeout
from bleio.gatt.attributes import INDICATE_BIT, NOTIFY_BIT
from bleio.gatt.awareness import ChangeAwareness
from bleio.gatt.client import BearerSecurity, GattClient
from bleio.gatt.model import LocalCharacteristic
from bleio.gatt.requests import Requests
from bleio.gatt.table import AttributeTable
from bleio.gatt.teller import Teller


class BearerLink(Protocol):
    """The link of a bearer, which listeners are told of."""

    def bearer_died(self, error: Exception) -> None:
        """The bearer has died, of a time-out or a fault of ours: the link must be ended."""

    def client_configured(self) -> None:
        """What a bond stores of this client has changed."""


class Bearer:
    """The unenhanced ATT bearer of one link, from its start to `closed`.

    `client` is the other direction, what we ask of the peer; `teller` tells it our values.

    Args: `send`: takes one PDU. `timing`: an asyncio loop, or alike. `counters`: what all bearers
        of an adapter count in; its own by default. `mtu`: what to offer in an exchange, whoever
        asks; None is `MAX_MTU`, or `REQUESTED_MTU` if we ask.
    """

    def __init__(
        self,
        table: AttributeTable,
        link: BearerLink,
        security: BearerSecurity,
        send: Callable[[bytes], None],
        timing: Timing,
        counters: Counters | None = None,
        mtu: int | None = None,
    ) -> None:
        self.link = link
        self.counters = Counters() if counters is None else counters
        self.awareness = ChangeAwareness(link.client_configured)
        self._table = table
        self._end: Exception | None = None
        self._told_closed = False
        self._takes_late = False  # the link has ended; what the peer sent before may be here yet
        self._cccds: dict[LocalCharacteristic, int] = {}
        self._server = AttServer(
            table.database,
            self,
            security.link,
            self.counters,
            self.awareness.admit,
            table,
            security.signer,
        )
        if mtu is not None:
            self._server.rx_mtu = mtu
        att = AttClient(send, timing, self._request_timed_out, self.counters)
        self.client = GattClient(att, self._server, security, send, self.counters, mtu)
        self._requests = Requests(self._server, send, self._die)
        self.teller = Teller(
            self._server,
            self.awareness,
            self._cccds,
            send,
            timing.call_later,
            self._confirmation_timed_out,
            self.counters,
        )
        self._handlers: dict[int, Callable[[bytes], None]] = {
            **dict.fromkeys(codec.RESPONSES, att.respond),
            codec.HANDLE_VALUE_NTF: self.client.notified,
            codec.MULTIPLE_HANDLE_VALUE_NTF: self.client.notified_multiple,
            codec.HANDLE_VALUE_IND: self.client.indicated,
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
            self._handlers.get(pdu[0], self._requests.take)(pdu)
        except Exception as error:
            self._die(error)

    def received_late(self, pdu: bytes) -> bool:
        """Take what was sent before the link ended, and is here after `closed`. Never raises.

        That is what the peer wrote to us, and what it told us. Nothing is answered, for there is
        nobody; and no subscription changes, for there is none. Returns: False for all else.
        """
        if not self._takes_late or not 0 < len(pdu) <= codec.MAX_MTU:
            return False
        opcode = pdu[0]
        try:
            if opcode in codec.WRITES:
                self._requests.take(pdu)
            elif opcode in codec.VALUES:
                self._handlers[opcode](pdu)
        except Exception as error:
            self._die(error)
        return opcode in codec.WRITES or opcode in codec.VALUES

    def _confirmed(self, pdu: bytes) -> None:
        if not self.teller.confirmed():
            self.counters.unsolicited_confirmations += 1

    # Our server

    def cccd(self, characteristic: LocalCharacteristic) -> int:
        """Return this client's configuration bits of a characteristic. Any thread."""
        return self._cccds.get(characteristic, 0)

    def set_cccd(self, characteristic: LocalCharacteristic, bits: int) -> None:
        """Set them and, if they changed, tell the characteristic's listeners."""
        if bits == self.cccd(characteristic) or (bits and self._told_closed):
            return
        if bits:
            self._cccds[characteristic] = bits
        else:
            del self._cccds[characteristic]
        notify, indicate = bool(bits & NOTIFY_BIT), bool(bits & INDICATE_BIT)
        for listener in tuple(characteristic.listeners):
            listener.subscribed(self.link, notify, indicate)
        self.link.client_configured()

    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        """Return this client's CCCD as (notify, indicate). Any thread."""
        bits = self._cccds.get(characteristic, 0)
        return bool(bits & NOTIFY_BIT), bool(bits & INDICATE_BIT)

    def subscriptions(self) -> dict[int, int]:
        """Return all CCCDs that are not 0, by CCCD handle: what a bond stores."""
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
            self.teller.service_changed(
                changed.handle, start, end, self.awareness.service_changed_confirmed
            )

    def characteristic_removed(self, characteristic: LocalCharacteristic) -> None:
        """Its subscription ends with it."""
        self.set_cccd(characteristic, 0)

    # The end

    def closed(self, reason: int) -> None:
        """The link is gone: fail all that waits, zero the CCCDs, tell every listener. Idempotent.

        Args: `reason`: the HCI error code.
        """
        if self._told_closed:
            return
        self._told_closed = True
        self._takes_late = self._end is None
        self._requests.closed()
        self._fail(LinkLost(reason))
        for characteristic in tuple(self._cccds):
            self.set_cccd(characteristic, 0)
        for characteristic in self._table.characteristics():
            for local_listener in tuple(characteristic.listeners):
                local_listener.link_closed(self.link)
        self.client.remote.closed()

    def finished(self) -> None:
        """Nothing is late any more: what was kept for it goes."""
        self._takes_late = False
        self._requests.clear()
        self.client.remote.finished()

    def _request_timed_out(self) -> None:
        self._die(TransactionTimeout("The peer did not answer in time"))

    def _confirmation_timed_out(self) -> None:
        self._die(TransactionTimeout("The peer did not confirm an indication in time"))

    def _die(self, error: Exception) -> None:
        """End the bearer from within. Spec: Vol 3, Part F, 3.3.3: no more PDUs after a time-out."""
        self._fail(error)
        self._takes_late = False
        self._requests.clear()
        self.link.bearer_died(error)

    def _fail(self, error: Exception) -> None:
        self._end = self._end or error
        self._table.detach(self)
        self.client.close(error)
        self.teller.close(error)
