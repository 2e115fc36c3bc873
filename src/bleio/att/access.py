"""One client's access to the attribute table: what its link permits, and how long PDUs may be.

Reading, writing and notifying all ask here, so what a permission means on a link is in one place.
Only discovery by group type does not ask: declarations of services are open to every client (Vol 3,
Part G, 3.1).
"""

from __future__ import annotations

from typing import Any

from bleio.att import codec
from bleio.att.database import Database, TableEntry
from bleio.att.permissions import AnyKey, KeyPolicy, lacking
from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.core.security import LinkSecurity
from bleio.errors import AttError


class Access:
    """What one client may do with a database.

    `client` is handed to the attributes. `key_policy` and `security` are looked at in each access,
    since both may change while the link is up.
    """

    def __init__(
        self,
        database: Database,
        client: Any,
        security: LinkSecurity,
        key_policy: KeyPolicy | None = None,
    ) -> None:
        self.mtu = codec.DEFAULT_MTU  # ATT_MTU, octets; any thread may read it
        self.database = database
        self.client = client
        self._security = security
        self._key_policy = key_policy or AnyKey()

    def agree(self, mtu: int) -> None:
        """An exchange of the MTU, of either direction, had this result.

        It grows once: the first exchange with a result above 23 decides. The lengths that programs
        were told hold, whatever a peer asks for later. Both directions of peers that keep to the
        specification have the same result (Vol 3, Part F, 3.4.2).
        """
        if self.mtu == codec.DEFAULT_MTU:
            self.mtu = max(codec.DEFAULT_MTU, mtu)

    def attribute(self, handle: int) -> TableEntry:
        """Return the attribute with that handle. Raises: AttError."""
        attribute = self.database.get(handle)
        if attribute is None:
            raise AttError(AttErrorCode.INVALID_HANDLE, handle=handle)
        return attribute

    def read(self, handle: int) -> bytes:
        """Return a whole value that the client may read. Raises: AttError."""
        attribute = self.attribute(handle)
        code = self.read_refusal(attribute)
        if code:
            raise AttError(code, handle=handle)
        return attribute.read(self.client)

    def read_refusal(self, attribute: TableEntry) -> int:
        """Return the error code for reading it, 0 if that is allowed."""
        mode = attribute.read_mode
        if mode == SecurityMode.OPEN:
            return 0
        return self._lacking(mode, AttErrorCode.READ_NOT_PERMITTED)

    def check_writable(self, attribute: TableEntry, mode: int | None = None) -> None:
        """Check the link against a mode, by default that of write requests. Raises: AttError."""
        mode = attribute.write_mode if mode is None else mode
        if mode == SecurityMode.OPEN:
            return
        if code := self._lacking(mode, AttErrorCode.WRITE_NOT_PERMITTED):
            raise AttError(code, handle=attribute.handle)

    def may_be_told(self, handle: int) -> bool:
        """Whether the client's link is secure enough for notifications of a value."""
        attribute = self.database.get(handle)
        if attribute is None:
            return False
        mode = attribute.notify_mode
        return mode == SecurityMode.OPEN or not self._lacking(mode, AttErrorCode.READ_NOT_PERMITTED)

    def _lacking(self, mode: int, denied: int) -> int:
        return lacking(mode, self._security, denied, self._key_policy.min_key_octets)


def check_form(well_formed: bool) -> None:
    """Refuse a PDU that is none of its kind. Raises: AttError."""
    if not well_formed:
        raise AttError(AttErrorCode.INVALID_PDU)
