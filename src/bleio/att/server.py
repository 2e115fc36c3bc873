"""The server side of one ATT bearer (Core Specification Vol 3, Part F, 3.4).

A request goes in, its response comes out, and nothing waits in between: the server keeps nothing of
a request but parts of long writes, so no peer can make it wait or grow. The PDU's opcode finds its
handler in a table. Handlers raise AttError with code and handle, and `answer` makes the Error
Response of it. So one place decides what all requests and commands have in common: a command is
never answered, and counted if something is wrong with it; a PDU that is longer than the MTU, or
comes from a client that does not know the present table, is refused before anything is looked at.

What may surprise:

* The order of checks is the order of the specification's, not the cheapest: form, handle,
  permission, then what the value is. A peer without permission learns nothing of the value.
* The MTU grows once and stays. The specification lets one client exchange it once. What programs
  were told of lengths would be wrong if a peer could do it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bleio.att import codec, reading
from bleio.att.access import Access, check_form
from bleio.att.codec import HANDLE_PAIR, OPCODE_U16, U16
from bleio.att.counters import Counters
from bleio.att.database import Database, TableEntry
from bleio.att.permissions import SIGNATURE_OCTETS, KeyPolicy, Signer, lacking_signed
from bleio.att.prepared import PrepareQueue
from bleio.core.codes import AttErrorCode
from bleio.core.security import LinkSecurity
from bleio.errors import AttError


def _admit_all(opcode: int) -> int:
    return 0


class AttServer(Access):
    """Answers one client's requests from a database.

    `admit(opcode)` may refuse any request or command before it is looked at, by returning an error
    code (Database Out Of Sync). Without a `signer` no signature is valid. `rx_mtu` is our answer to
    an MTU exchange; see `agree` for what comes of it.
    """

    def __init__(
        self,
        database: Database,
        client: Any,
        security: LinkSecurity,
        counters: Counters | None = None,
        admit: Callable[[int], int] = _admit_all,
        key_policy: KeyPolicy | None = None,
        signer: Signer | None = None,
    ) -> None:
        super().__init__(database, client, security, key_policy)
        self.rx_mtu = codec.MAX_MTU
        self.mtu_answered = False  # the client knows our rx_mtu; it may not change any more
        self.prepared = PrepareQueue()
        self.counters = counters or Counters()
        self._admit = admit
        self._signer = signer

    def answer(self, pdu: bytes) -> bytes | None:
        """Act on a request or command. Returns: the response, None for commands.

        Spec: Vol 3, Part F, 3.3: unknown requests get Request Not Supported, unknown commands
        nothing.
        """
        opcode = pdu[0]
        handler = _HANDLERS.get(opcode)
        if handler is None:
            if opcode & codec.COMMAND_FLAG:
                self.counters.unknown_commands += 1
                return None
            return codec.error_rsp(opcode, 0, AttErrorCode.REQUEST_NOT_SUPPORTED)
        try:
            check_form(len(pdu) <= self.mtu)
            code = self._admit(opcode)
            if code:
                raise AttError(code)
            return handler(self, pdu)
        except AttError as refusal:
            if opcode & codec.COMMAND_FLAG:
                self.counters.refused_commands += 1
                return None
            return codec.error_rsp(opcode, refusal.handle, refusal.code)

    def _exchange_mtu(self, pdu: bytes) -> bytes:
        """Answer with our MTU (2 octets), the same each time. Spec: 3.4.2."""
        check_form(len(pdu) == 3)
        (client_rx_mtu,) = U16.unpack_from(pdu, 1)
        self.mtu_answered = True
        self.agree(min(client_rx_mtu, self.rx_mtu))
        return OPCODE_U16.pack(codec.EXCHANGE_MTU_RSP, self.rx_mtu)

    # Writing

    def _write(self, pdu: bytes) -> bytes:
        """Store a value and say so. Spec: 3.4.5.1."""
        check_form(len(pdu) >= 3)
        attribute = self.attribute(U16.unpack_from(pdu, 1)[0])
        self._store(attribute, attribute.write_mode, pdu[3:])
        return b"\x13"

    def _write_command(self, pdu: bytes) -> None:
        """Store a value; a refusal is counted and not told. Spec: 3.4.5.3."""
        check_form(len(pdu) >= 3)
        attribute = self.attribute(U16.unpack_from(pdu, 1)[0])
        self._store(attribute, attribute.command_mode, pdu[3:])

    def _signed_write_command(self, pdu: bytes) -> None:
        """Write if the signature counts. What is wrong with a value is found before it is checked,
        so that no counter moves for a write that cannot be."""
        check_form(len(pdu) >= 3 + SIGNATURE_OCTETS)
        message, signature = pdu[:-SIGNATURE_OCTETS], pdu[-SIGNATURE_OCTETS:]
        attribute = self.attribute(U16.unpack_from(pdu, 1)[0])
        code = lacking_signed(attribute.signed_mode, self._security, True)
        code = code or attribute.check(self.client, message[3:])
        if not code:
            authenticated = self._signer.verify(message, signature) if self._signer else None
            code = lacking_signed(attribute.signed_mode, self._security, authenticated)
        if code:
            raise AttError(code, handle=attribute.handle)
        attribute.write(self.client, message[3:])

    def _store(self, attribute: TableEntry, mode: int, value: bytes) -> None:
        self.check_writable(attribute, mode)
        code = attribute.check(self.client, value)
        if code:
            raise AttError(code, handle=attribute.handle)
        attribute.write(self.client, value)

    def _prepare_write(self, pdu: bytes) -> bytes:
        """Queue a part and echo it, so that the client can compare. Spec: 3.4.6.1.

        Length and offset are judged at the execution, when the whole value is known.
        """
        check_form(len(pdu) >= 5)
        handle, offset = HANDLE_PAIR.unpack_from(pdu, 1)
        attribute = self.attribute(handle)
        self.check_writable(attribute)
        if not self.prepared.add(handle, offset, pdu[5:]):
            raise AttError(AttErrorCode.PREPARE_QUEUE_FULL, handle=handle)
        return b"\x17" + pdu[1:]

    def _execute_write(self, pdu: bytes) -> bytes:
        """Write all that is queued, or drop it. Spec: 3.4.6.3."""
        check_form(len(pdu) == 2 and pdu[1] in (codec.EXECUTE_CANCEL, codec.EXECUTE_WRITE))
        if pdu[1] == codec.EXECUTE_CANCEL:
            self.prepared.clear()
        else:
            self.prepared.execute(self.database, self.client, self.check_writable)
        return b"\x19"


_HANDLERS: dict[int, Callable[[AttServer, bytes], bytes | None]] = {
    codec.EXCHANGE_MTU_REQ: AttServer._exchange_mtu,
    codec.FIND_INFORMATION_REQ: reading.find_information,
    codec.FIND_BY_TYPE_VALUE_REQ: reading.find_by_type_value,
    codec.READ_BY_TYPE_REQ: reading.read_by_type,
    codec.READ_REQ: reading.read,
    codec.READ_BLOB_REQ: reading.read_blob,
    codec.READ_MULTIPLE_REQ: reading.read_multiple,
    codec.READ_BY_GROUP_TYPE_REQ: reading.read_by_group_type,
    codec.WRITE_REQ: AttServer._write,
    codec.PREPARE_WRITE_REQ: AttServer._prepare_write,
    codec.EXECUTE_WRITE_REQ: AttServer._execute_write,
    codec.READ_MULTIPLE_VARIABLE_REQ: reading.read_multiple_variable,
    codec.WRITE_CMD: AttServer._write_command,
    codec.SIGNED_WRITE_CMD: AttServer._signed_write_command,
}
