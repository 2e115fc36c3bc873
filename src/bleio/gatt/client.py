"""The GATT client of one bearer: what we ask of the peer, and what it notifies and indicates.

Requests are procedures, generators that `att.client` runs one at a time; commands go out at once.
Values that come unasked are passed to the listeners of their handle, if the link trusts them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from bleio.att import codec
from bleio.att.client import AttClient, Procedure
from bleio.att.codec import OPCODE_U16
from bleio.att.counters import Counters
from bleio.att.permissions import SIGNATURE_OCTETS, Signer
from bleio.att.server import AttServer
from bleio.core.security import LinkSecurity
from bleio.errors import AttError, CallerError
from bleio.gatt import procedures
from bleio.gatt.model import RemoteService
from bleio.gatt.remote import RemoteTable

# What our MTU request offers, as CircuitPython does: 509 octets for a packet. A peer that asks
# first is offered MAX_MTU, with which the longest value fits any one PDU.
REQUESTED_MTU = 512

_CONFIRMATION = bytes((codec.HANDLE_VALUE_CFM,))


class ValueTrust(Protocol):
    """Decides on values that a peer sends unasked."""

    def admits(self, name: bytes) -> bool:
        """Whether to take a value, by its name; see `RemoteTable.name`. Data plane."""


class BearerSecurity(Protocol):
    """The security of a bearer's link."""

    @property
    def link(self) -> LinkSecurity:
        """How secure it is; read at each access, and changed in place."""

    @property
    def signer(self) -> Signer | None:
        """What makes and checks signatures; None: nothing is signed, and no signature counts."""

    @property
    def trust(self) -> ValueTrust: ...


class GattClient:
    """The client side of a bearer, from its start to `close`.

    Args: `att`: runs the procedures that are made here. `server`: the bearer's other side; the MTU
        is one for both. `send`: takes one PDU. `mtu`: what it asks for, if not `REQUESTED_MTU`.
    """

    def __init__(
        self,
        att: AttClient,
        server: AttServer,
        security: BearerSecurity,
        send: Callable[[bytes], None],
        counters: Counters,
        mtu: int | None = None,
    ) -> None:
        self.att = att
        self._requested_mtu = REQUESTED_MTU if mtu is None else mtu
        self.remote = RemoteTable(counters)
        self._server = server
        self._security = security
        self._admits = security.trust.admits
        self._send = send
        self._counters = counters
        self._end: Exception | None = None

    # What comes unasked

    def notified(self, pdu: bytes, indicated: bool = False) -> None:
        """Take a notification or an indication. Data plane."""
        if len(pdu) < codec.VALUE_HEADER_OCTETS:
            self._counters.malformed += 1
            return
        handle = pdu[1] | pdu[2] << 8
        if self._admits(self.remote.name(handle)):
            self.remote.deliver(handle, pdu[codec.VALUE_HEADER_OCTETS :], indicated)
        else:
            self._counters.distrusted_values += 1

    def notified_multiple(self, pdu: bytes) -> None:
        """Spec: Vol 3, Part F, 3.4.7.4: handle (2), length (2) and value, two times or more."""
        position = 1
        while position + 4 <= len(pdu):
            handle, octets = codec.HANDLE_PAIR.unpack_from(pdu, position)
            position += 4
            if position + octets > len(pdu):
                break
            if self._admits(self.remote.name(handle)):
                self.remote.deliver(handle, pdu[position : position + octets])
            else:
                self._counters.distrusted_values += 1
            position += octets
        if position != len(pdu):
            self._counters.malformed += 1

    def indicated(self, pdu: bytes) -> None:
        """Deliver and confirm; a truncated one too, or the peer would wait 30 s and give up."""
        self.notified(pdu, indicated=True)
        self._send(_CONFIRMATION)

    # Procedures

    def exchange_mtu(self) -> Procedure[int]:
        """Ask for a larger MTU. Returns: the MTU agreed.

        Spec: Vol 3, Part F, 3.4.2.2: both directions of one bearer offer the same MTU.
        """
        server = self._server
        if not server.mtu_answered:
            server.rx_mtu = self._requested_mtu
        offered = server.rx_mtu
        try:
            server_rx_mtu = yield from procedures.exchange_mtu(offered)
        except AttError:
            return server.mtu  # a peer need not support it; the MTU stays as it is
        server.agree(min(offered, server_rx_mtu))
        return server.mtu

    def discover(self, uuids: Sequence[bytes] | None) -> Procedure[list[RemoteService]]:
        """Find services; a Service Changed meanwhile starts it anew. See `discovery.discover`."""
        return self.remote.discover(uuids, self._server)

    def read(self, handle: int) -> Procedure[bytes]:
        """Read a whole value, up to 512 octets."""
        return procedures.read_long(handle, self._server)

    def write(self, handle: int, value: bytes) -> Procedure[None]:
        """Write with response, long values by prepare and execute."""
        self.remote.written(handle, value)
        return procedures.write(handle, value, self._server)

    # Commands

    def write_command(self, handle: int, value: bytes, signed: bool = False) -> None:
        """Write without response; `signed` if there are keys and the link is not encrypted.

        Raises: CallerError if the value does not fit one PDU; the bearer's end if it is dead.
        """
        if self._end is not None:
            raise self._end
        if signed and not self._security.link.encrypted and self._write_signed(handle, value):
            return
        if len(value) > self._server.mtu - codec.VALUE_HEADER_OCTETS:
            raise CallerError("Value is too long for a write without response")
        self._send(OPCODE_U16.pack(codec.WRITE_CMD, handle) + value)

    def _write_signed(self, handle: int, value: bytes) -> bool:
        """Sign and send; False without a key."""
        signer = self._security.signer
        if signer is None:
            return False
        if len(value) > self._server.mtu - codec.VALUE_HEADER_OCTETS - SIGNATURE_OCTETS:
            raise CallerError("Value is too long for a signed write")
        message = OPCODE_U16.pack(codec.SIGNED_WRITE_CMD, handle) + value
        signature = signer.sign(message)
        if signature is not None:
            self._send(message + signature)
        return signature is not None

    def close(self, error: Exception) -> None:
        """Fail all procedures with `error`, and all commands from now on."""
        self._end = self._end or error
        self.att.close(error)
