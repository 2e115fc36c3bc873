"""What our server remembers of a bonded client from one link to the next.

Spec: Vol 3, Part G, 2.5.2 and 3.3.3.3: its subscriptions and features, and whether it was told of
the present table. It is restored once the link is encrypted with the bond, and saved as it changes.
"""

from __future__ import annotations

from dataclasses import replace

from bleio.att.client import CallLater, DeadlineTimer
from bleio.backends.hci.bonds.store import Bond, BondStore, ClientState
from bleio.core.address import DeviceAddress
from bleio.gatt.bearer import Bearer
from bleio.gatt.table import AttributeTable

SAVE_AFTER_S = 0.5  # a client often configures several values in a row
_ALL_HANDLES = (0x0001, 0xFFFF)


class ClientMemory:
    """The memory of one link's client. Until `secured` nothing is remembered."""

    def __init__(
        self,
        bearer: Bearer,
        table: AttributeTable,
        bonds: BondStore,
        is_central: bool,
        call_later: CallLater,
    ) -> None:
        self._bearer = bearer
        self._table = table
        self._bonds = bonds
        self._is_central = is_central
        self._call_later = call_later
        self._client: DeviceAddress | None = None  # its identity, once the link is secured
        self._timer: DeadlineTimer | None = None
        self._last: ClientState | None = None  # what it was when the link ended

    def secured(self, bond: Bond) -> None:
        """The link is encrypted with this bond: go on where the client left off.

        Only the first time; after that the link knows better than the bond.
        """
        first = self._client is None
        self._client = bond.identity
        # The bond is of the last link; what the client does on this one is newer.
        if self._last is not None:
            self.save()  # the keys were late, see `links.closing`
            return
        if first and bond.client != ClientState():
            self._restore(bond.client)
        self.changed()

    def save(self) -> None:
        """Write what has changed. The bond is looked up anew: it may be gone or another by now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._client is None:
            return
        bond = self._bonds.find(self._client, self._is_central)
        state = self._state() if self._last is None else self._last
        # A client that configures the same again, as many do on each link, costs no writing.
        if bond is not None and bond.client != state:
            self._bonds.save(replace(bond, client=state), self._is_central)

    def close(self) -> None:
        """The link is gone, its bearer not yet."""
        self.save()
        self._last = self._state()

    def changed(self) -> None:
        """Something of the client may have changed: save it soon."""
        if self._client is not None and self._timer is None and self._last is None:
            self._timer = self._call_later(SAVE_AFTER_S, self.save)

    def _restore(self, stored: ClientState) -> None:
        bearer = self._bearer
        bearer.awareness.features |= int.from_bytes(stored.features[:1], "little")
        subscriptions = dict(stored.cccds)
        if stored.database_hash == self._table.database_hash():
            bearer.restore(subscriptions)
            return
        # The other handles belong to a table that is no more; the client has to subscribe anew.
        handle = self._table.service_changed.cccd_handle
        bearer.restore({handle: subscriptions.get(handle, 0)})
        bearer.table_changed(*_ALL_HANDLES)

    def _state(self) -> ClientState:
        """Return what to store. An empty hash is no table's: the client must be told of it."""
        awareness = self._bearer.awareness
        return ClientState(
            tuple(sorted(self._bearer.subscriptions().items())),
            self._table.database_hash() if awareness.knows_table else b"",
            bytes((awareness.features,)) if awareness.features else b"",
        )
