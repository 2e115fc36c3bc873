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
* Lists end at the first entry of another length or that does not fit; the client asks again from
  there. An entry without permission ends a list, and is an error only where it would be the first.
* A long value is read in parts by requests of their own, each of which reads the attribute anew. So
  a value that changes meanwhile comes torn; the specification has nothing against it.
* The MTU grows once and stays. The specification lets one client exchange it once. What programs
  were told of lengths would be wrong if a peer could do it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bleio.att import codec
from bleio.att.codec import HANDLE_PAIR, OPCODE_RANGE, OPCODE_U16, U16
from bleio.att.counters import Counters
from bleio.att.database import Database, TableEntry
from bleio.att.permissions import (
    SIGNATURE_OCTETS,
    AnyKey,
    KeyPolicy,
    Signer,
    lacking,
    lacking_signed,
)
from bleio.att.prepared import PrepareQueue
from bleio.core.codes import AttErrorCode, GattUuid
from bleio.core.security import LinkSecurity
from bleio.core.uuid import expand, uuid16
from bleio.errors import AttError

_MAX_ENTRY_OCTETS = 255  # lists carry the length of their entries in one octet
_GROUP_TYPES = frozenset(
    expand(uuid16(uuid)) for uuid in (GattUuid.PRIMARY_SERVICE, GattUuid.SECONDARY_SERVICE)
)


def _admit_all(opcode: int) -> int:
    return 0


class AttServer:
    """Answers one client's requests from a database.

    `client` is handed to the attributes. `admit(opcode)` may refuse any request or command before
    it is looked at, by returning an error code (Database Out Of Sync). Without a `signer` no
    signature counts. `rx_mtu` is our answer to an MTU exchange; see `mtu` for what is agreed.
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
        self.rx_mtu = codec.MAX_MTU
        self._mtu = codec.DEFAULT_MTU
        self.mtu_answered = False  # the client knows our rx_mtu; it may not change any more
        self.prepared = PrepareQueue()
        self.counters = counters or Counters()
        self._database = database
        self._client = client
        self._security = security
        self._admit = admit
        self._key_policy = key_policy or AnyKey()
        self._signer = signer

    @property
    def mtu(self) -> int:
        """ATT_MTU, octets; rw. Any thread.

        It grows once: the first exchange with a result above 23, of either direction, decides. The
        lengths that programs were told hold, whatever a peer asks for later. Both directions of
        peers that keep to the specification have the same result (Vol 3, Part F, 3.4.2).
        """
        return self._mtu

    @mtu.setter
    def mtu(self, mtu: int) -> None:
        if self._mtu == codec.DEFAULT_MTU:
            self._mtu = max(codec.DEFAULT_MTU, mtu)

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
            _check(len(pdu) <= self._mtu)
            code = self._admit(opcode)
            if code:
                raise AttError(code)
            return handler(self, pdu)
        except AttError as refusal:
            if opcode & codec.COMMAND_FLAG:
                self.counters.refused_commands += 1
                return None
            return codec.error_rsp(opcode, refusal.handle, refusal.code)

    # Exchange MTU

    def _exchange_mtu(self, pdu: bytes) -> bytes:
        """Answer with our MTU (2 octets), the same each time. Spec: 3.4.2."""
        _check(len(pdu) == 3)
        (client_rx_mtu,) = U16.unpack_from(pdu, 1)
        self.mtu_answered = True
        self.mtu = min(client_rx_mtu, self.rx_mtu)
        return OPCODE_U16.pack(codec.EXCHANGE_MTU_RSP, self.rx_mtu)

    # Finding

    def _find_information(self, pdu: bytes) -> bytes:
        """List handles and types: format (1), then handle (2) and UUID (2 or 16) of each.

        Spec: 3.4.3.1. One response has UUIDs of one size; it ends before one of the other.
        """
        _check(len(pdu) == 5)
        start, end = _handle_range(pdu)
        found = self._database.in_range(start, end)
        if not found:
            raise AttError(AttErrorCode.ATTRIBUTE_NOT_FOUND, handle=start)
        uuid_octets = len(found[0].type)
        form = codec.FORMAT_UUID16 if uuid_octets == 2 else codec.FORMAT_UUID128
        answer = bytearray((codec.FIND_INFORMATION_RSP, form))
        for attribute in found:
            if len(attribute.type) != uuid_octets or self._full(answer, 2 + uuid_octets):
                break
            answer += U16.pack(attribute.handle) + attribute.type
        return bytes(answer)

    def _find_by_type_value(self, pdu: bytes) -> bytes:
        """List groups by type and value: handle (2) and end of the group (2) of each.

        Spec: 3.4.3.3. What may not be read is passed over, or the value could be guessed at.
        """
        _check(len(pdu) >= 7)
        start, end = _handle_range(pdu)
        wanted = pdu[7:]
        answer = bytearray((codec.FIND_BY_TYPE_VALUE_RSP,))
        for attribute in self._database.of_type(pdu[5:7], start, end):
            if self._full(answer, HANDLE_PAIR.size):
                break
            if not self._read_refusal(attribute) and attribute.read(self._client) == wanted:
                answer += HANDLE_PAIR.pack(attribute.handle, attribute.group_end)
        if len(answer) == 1:
            raise AttError(AttErrorCode.ATTRIBUTE_NOT_FOUND, handle=start)
        return bytes(answer)

    # Reading

    def _read_by_type(self, pdu: bytes) -> bytes:
        """List values by type: entry length (1), then handle (2) and value. Spec: 3.4.4.1."""
        _check(len(pdu) in (7, 21))
        start, end = _handle_range(pdu)
        answer = bytearray((codec.READ_BY_TYPE_RSP, 0))
        for attribute in self._database.of_type(pdu[5:], start, end):
            code = self._read_refusal(attribute)
            if code:
                if len(answer) > 2:
                    break
                raise AttError(code, handle=attribute.handle)
            if not self._list(answer, U16.pack(attribute.handle), attribute):
                break
        return _list_or_not_found(answer, start)

    def _read_by_group_type(self, pdu: bytes) -> bytes:
        """List services: length of an entry (1), then handle (2), end (2) and UUID of each.

        Spec: 3.4.4.9; GATT allows the two kinds of service as types, and no other.
        """
        _check(len(pdu) in (7, 21))
        start, end = _handle_range(pdu)
        if expand(pdu[5:]) not in _GROUP_TYPES:
            raise AttError(AttErrorCode.UNSUPPORTED_GROUP_TYPE, handle=start)
        answer = bytearray((codec.READ_BY_GROUP_TYPE_RSP, 0))
        for attribute in self._database.of_type(pdu[5:], start, end):
            prefix = HANDLE_PAIR.pack(attribute.handle, attribute.group_end)
            if not self._list(answer, prefix, attribute):
                break
        return _list_or_not_found(answer, start)

    def _list(self, answer: bytearray, prefix: bytes, attribute: TableEntry) -> bool:
        """Add one entry to a list whose second octet is the length of each; False if it ends here.

        Only the first entry may be cut short; the list ends before one of another length.
        """
        entry = prefix + attribute.read(self._client)
        entry = entry[: min(self._mtu - 2, _MAX_ENTRY_OCTETS)]
        if answer[1] not in (0, len(entry)) or self._full(answer, len(entry)):
            return False
        answer[1] = len(entry)
        answer += entry
        return True

    def _full(self, answer: bytearray, entry_octets: int) -> bool:
        return len(answer) + entry_octets > self._mtu

    def _read(self, pdu: bytes) -> bytes:
        """Return the value, cut at the MTU; the client reads on with blobs. Spec: 3.4.4.3."""
        _check(len(pdu) == 3)
        value = self._readable_value(U16.unpack_from(pdu, 1)[0])
        return b"\x0b" + value[: self._mtu - 1]

    def _read_blob(self, pdu: bytes) -> bytes:
        """Return a value from an offset on; an offset at its end is its end, not an error.

        Spec: 3.4.4.5, which also allows Attribute Not Long for values that fit one response. We do
        not answer that, since the client has to ask to know the end of a value that just fits.
        """
        _check(len(pdu) == 5)
        handle, offset = HANDLE_PAIR.unpack_from(pdu, 1)
        value = self._readable_value(handle)
        if offset > len(value):
            raise AttError(AttErrorCode.INVALID_OFFSET, handle=handle)
        return b"\x0d" + value[offset : offset + self._mtu - 1]

    def _read_multiple(self, pdu: bytes) -> bytes:
        """Return the values in a row; the client must know their lengths. Spec: 3.4.4.7."""
        values = [self._readable_value(handle) for handle in _handle_set(pdu)]
        return (b"\x0f" + b"".join(values))[: self._mtu]

    def _read_multiple_variable(self, pdu: bytes) -> bytes:
        """Return each value after its true length (2); the last may be cut, never its length.

        Spec: 3.4.4.11.
        """
        values = [self._readable_value(handle) for handle in _handle_set(pdu)]
        answer = bytearray((codec.READ_MULTIPLE_VARIABLE_RSP,))
        for value in values:
            if self._full(answer, U16.size):
                break
            answer += U16.pack(len(value)) + value
        return bytes(answer[: self._mtu])

    def _readable_value(self, handle: int) -> bytes:
        attribute = self._attribute(handle)
        code = self._read_refusal(attribute)
        if code:
            raise AttError(code, handle=handle)
        return attribute.read(self._client)

    def _read_refusal(self, attribute: TableEntry) -> int:
        denied = AttErrorCode.READ_NOT_PERMITTED
        return lacking(attribute.read_mode, self._security, denied, self._key_policy.min_key_octets)

    # Writing

    def _write(self, pdu: bytes) -> bytes:
        """Store a value and say so. Spec: 3.4.5.1."""
        _check(len(pdu) >= 3)
        attribute = self._attribute(U16.unpack_from(pdu, 1)[0])
        self._store(attribute, attribute.write_mode, pdu[3:])
        return b"\x13"

    def _write_command(self, pdu: bytes) -> None:
        """Store a value; a refusal is counted and not told. Spec: 3.4.5.3."""
        _check(len(pdu) >= 3)
        attribute = self._attribute(U16.unpack_from(pdu, 1)[0])
        self._store(attribute, attribute.command_mode, pdu[3:])

    def _signed_write_command(self, pdu: bytes) -> None:
        """Write if the signature counts. What is wrong with a value is found before it is checked,
        so that no counter moves for a write that cannot be."""
        _check(len(pdu) >= 3 + SIGNATURE_OCTETS)
        message, signature = pdu[:-SIGNATURE_OCTETS], pdu[-SIGNATURE_OCTETS:]
        attribute = self._attribute(U16.unpack_from(pdu, 1)[0])
        code = lacking_signed(attribute.signed_mode, self._security, True)
        code = code or attribute.check(self._client, message[3:])
        if not code:
            authenticated = self._signer.verify(message, signature) if self._signer else None
            code = lacking_signed(attribute.signed_mode, self._security, authenticated)
        if code:
            raise AttError(code, handle=attribute.handle)
        attribute.write(self._client, message[3:])

    def _store(self, attribute: TableEntry, mode: int, value: bytes) -> None:
        self._check_writable(attribute, mode)
        code = attribute.check(self._client, value)
        if code:
            raise AttError(code, handle=attribute.handle)
        attribute.write(self._client, value)

    def _check_writable(self, attribute: TableEntry, mode: int | None = None) -> None:
        """Check the link against a mode, by default that of write requests."""
        mode = attribute.write_mode if mode is None else mode
        denied = AttErrorCode.WRITE_NOT_PERMITTED
        code = lacking(mode, self._security, denied, self._key_policy.min_key_octets)
        if code:
            raise AttError(code, handle=attribute.handle)

    def may_be_told(self, handle: int) -> bool:
        """Whether the client's link is secure enough for notifications of a value."""
        attribute = self._database.get(handle)
        return attribute is not None and not lacking(
            attribute.notify_mode,
            self._security,
            AttErrorCode.READ_NOT_PERMITTED,
            self._key_policy.min_key_octets,
        )

    def _prepare_write(self, pdu: bytes) -> bytes:
        """Queue a part and echo it, so that the client can compare. Spec: 3.4.6.1.

        Length and offset are judged at the execution, when the whole value is known.
        """
        _check(len(pdu) >= 5)
        handle, offset = HANDLE_PAIR.unpack_from(pdu, 1)
        attribute = self._attribute(handle)
        self._check_writable(attribute)
        if not self.prepared.add(handle, offset, pdu[5:]):
            raise AttError(AttErrorCode.PREPARE_QUEUE_FULL, handle=handle)
        return b"\x17" + pdu[1:]

    def _execute_write(self, pdu: bytes) -> bytes:
        """Write all that is queued, or drop it. Spec: 3.4.6.3."""
        _check(len(pdu) == 2 and pdu[1] in (codec.EXECUTE_CANCEL, codec.EXECUTE_WRITE))
        if pdu[1] == codec.EXECUTE_CANCEL:
            self.prepared.clear()
        else:
            self.prepared.execute(self._database, self._client, self._check_writable)
        return b"\x19"

    def _attribute(self, handle: int) -> TableEntry:
        attribute = self._database.get(handle)
        if attribute is None:
            raise AttError(AttErrorCode.INVALID_HANDLE, handle=handle)
        return attribute


_HANDLERS: dict[int, Callable[[AttServer, bytes], bytes | None]] = {
    codec.EXCHANGE_MTU_REQ: AttServer._exchange_mtu,
    codec.FIND_INFORMATION_REQ: AttServer._find_information,
    codec.FIND_BY_TYPE_VALUE_REQ: AttServer._find_by_type_value,
    codec.READ_BY_TYPE_REQ: AttServer._read_by_type,
    codec.READ_REQ: AttServer._read,
    codec.READ_BLOB_REQ: AttServer._read_blob,
    codec.READ_MULTIPLE_REQ: AttServer._read_multiple,
    codec.READ_BY_GROUP_TYPE_REQ: AttServer._read_by_group_type,
    codec.WRITE_REQ: AttServer._write,
    codec.PREPARE_WRITE_REQ: AttServer._prepare_write,
    codec.EXECUTE_WRITE_REQ: AttServer._execute_write,
    codec.READ_MULTIPLE_VARIABLE_REQ: AttServer._read_multiple_variable,
    codec.WRITE_CMD: AttServer._write_command,
    codec.SIGNED_WRITE_CMD: AttServer._signed_write_command,
}


def _check(well_formed: bool) -> None:
    if not well_formed:
        raise AttError(AttErrorCode.INVALID_PDU)


def _handle_range(pdu: bytes) -> tuple[int, int]:
    """Return the starting and ending handle. Spec: 3.4.3.1: neither 0 nor in reverse."""
    start: int
    end: int
    _, start, end = OPCODE_RANGE.unpack_from(pdu)
    if start == 0 or start > end:
        raise AttError(AttErrorCode.INVALID_HANDLE, handle=start)
    return start, end


def _handle_set(pdu: bytes) -> list[int]:
    """Return the handles of a Read Multiple (Variable) Request, at least two."""
    _check(len(pdu) >= 5 and len(pdu) % 2 == 1)
    return [handle for (handle,) in U16.iter_unpack(pdu[1:])]


def _list_or_not_found(answer: bytearray, start: int) -> bytes:
    if len(answer) == 2:
        raise AttError(AttErrorCode.ATTRIBUTE_NOT_FOUND, handle=start)
    return bytes(answer)
