"""Encryption of one link: whose keys it is started with, and what the link is then worth.

Encryption is no state of `link_states`, it runs beside them: a bonded central may start it at any
time, while a pairing goes on or while nothing does. A controller only says that it is on or off,
not by which key. So the keys are noted when the controller is given them, and taken from there when
it reports; a report without any is a fault of the controller's and makes no link encrypted.
"""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import Protocol

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.security.held import HeldData
from bleio.backends.hci.security.shared import SharedSecurity
from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.slots import Slot
from bleio.core.codes import HciErrorCode
from bleio.core.security import LinkSecurity
from bleio.errors import InnerError

# Values wait this long for encryption that has been started; the link layer's own limit.
ENCRYPTION_S = 40.0

Keys = Bond | Pairing  # both say what a link that is encrypted with them is worth

_ENABLE = Struct("<H8sH16s")  # handle, Rand, EDIV, key


class EncryptionOwner(Protocol):
    """What is told how encryption went."""

    def encrypted(self, keys: Keys, key_octets: int) -> None:
        """The link is encrypted. `key_octets`: as the controller says, 0 if it does not."""

    def encryption_refused(self, keys: Keys | None, status: int) -> None:
        """It failed. `keys`: None if it was none that had been started; `status`: HCI's."""

    def enabling_refused(self, error: InnerError) -> None:
        """The controller did not take the command; nothing went on the air."""


class LinkEncryption:
    """What one link's encryption is (`link`), and the start of one that is under way.

    `keys_fit`: False if the keys of the bond have ended this link, or the one before it.
    """

    def __init__(self, shared: SharedSecurity, conn_handle: int, owner: EncryptionOwner) -> None:
        self.link = LinkSecurity()
        self.keys_fit = True
        self._shared = shared
        self._conn_handle = conn_handle
        self._owner = owner
        self._keys: Keys | None = None  # the controller has them; it has not reported yet
        # Values wait only for what we ourselves have started with stored keys: that ends in time,
        # and a pairing may wait for users.
        self._values_may_pass = True
        self._values: list[Slot[None]] = []  # that wait
        self.held = HeldData(shared.layer)

    @property
    def by_bond(self) -> bool:
        """Whether it is being started with the keys of a bond."""
        return isinstance(self._keys, Bond)

    async def under_way(self, limit_s: float = ENCRYPTION_S) -> None:
        """Wait, bounded, while encryption with stored keys is being started."""
        if self._values_may_pass:
            return
        slot: Slot[None] = Slot()
        self._values.append(slot)
        timer = asyncio.get_running_loop().call_later(limit_s, slot.told, None)
        try:
            await slot
        finally:
            timer.cancel()
            if slot in self._values:
                self._values.remove(slot)

    def start(self, keys: Keys, rand: bytes, ediv: int, key: bytes) -> None:
        """Start it, as central. Rand and EDIV, 0 for a key just made, name it to the peer."""
        self._keys = keys
        self.held.begin()
        if isinstance(keys, Bond):
            self._values_may_pass = False
        self._shared.spawn(self._enable(_ENABLE.pack(self._conn_handle, rand, ediv, key)))

    async def _enable(self, parameters: bytes) -> None:
        try:
            await self._shared.layer.request(Opcode.LE_ENABLE_ENCRYPTION, parameters)
        except InnerError as error:
            self.given_up()
            self._owner.enabling_refused(error)

    def key_given(self, keys: Keys) -> None:
        """As peripheral, the controller was given a key for what the central starts."""
        self._keys = keys
        self.held.begin()

    def changed(self, status: int, enabled: bool, key_octets: int) -> None:
        """Take Encryption Change or Encryption Key Refresh Complete."""
        keys, self._keys = self._keys, None
        if status != HciErrorCode.SUCCESS:
            self._owner.encryption_refused(keys, status)
        elif not enabled:
            self.off()
        elif keys is None:
            self._shared.layer.counters.malformed += 1  # nobody has started any
        else:
            self._owner.encrypted(keys, key_octets)
        if self._keys is None:  # else the owner has started it anew
            self._pass_all()

    def on(self, keys: Keys, key_octets: int) -> None:
        """The link is as good as these keys; a controller that shortened the key makes it worse."""
        link = self.link
        link.authenticated = keys.authenticated
        link.secure_connections = keys.secure_connections
        link.key_size = min(keys.key_octets, key_octets or keys.key_octets)
        link.encrypted = True

    def off(self) -> None:
        """The link counts as plain."""
        link = self.link
        link.encrypted = link.authenticated = link.secure_connections = False
        link.key_size = 0

    def given_up(self) -> None:
        """None is under way any more: it was not even started, or the link is gone."""
        self._keys = None
        self._pass_all()

    def _pass_all(self) -> None:
        self._values_may_pass = True
        self.held.release()
        values, self._values = self._values, []
        for slot in values:
            slot.told(None)
