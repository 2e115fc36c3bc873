"""What one client knows of table changes: robust caching (Vol 3, Part G, 2.5.2.1).

A client that keeps our table over links would otherwise read and write handles that mean something
else since. So one that says that it can be told of this is refused, once, what it asks by handle,
until it has shown that it knows of the change: by confirming Service Changed, by reading the
Database Hash, or by asking again after the refusal. Values are not sent to it meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from bleio.att import codec
from bleio.core.codes import AttErrorCode

ROBUST_CACHING = 0x01  # bit of Client Supported Features

# Requests that name an attribute by its handle; discovery stays open to an unaware client, or it
# could not learn anything.
_BY_HANDLE = frozenset(
    {
        codec.READ_REQ,
        codec.READ_BLOB_REQ,
        codec.READ_MULTIPLE_REQ,
        codec.READ_MULTIPLE_VARIABLE_REQ,
        codec.WRITE_REQ,
        codec.PREPARE_WRITE_REQ,
    }
)


class _State(Enum):
    AWARE = auto()
    UNAWARE = auto()
    TOLD = auto()  # Database Out Of Sync or the hash was sent; its next request makes it aware


class ChangeAwareness:
    """Whether a client knows the present table.

    `changed()` is called when what a bond stores of it may be another.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._features = 0
        self._state = _State.AWARE
        # False if values may not be sent to it; only a client with robust caching ever is so.
        self.aware = True
        self._indicated = False  # Service Changed was, and is not confirmed yet

    @property
    def features(self) -> int:
        """Its Client Supported Features."""
        return self._features

    @features.setter
    def features(self, features: int) -> None:
        self._features = features
        self._judge()
        self._changed()

    @property
    def knows_table(self) -> bool:
        """Whether it need not be told of any change.

        One that has never asked to be told is taken to know what it discovers.
        """
        return self.aware and not self._indicated

    def table_changed(self) -> None:
        """The table is no longer what the client knows."""
        self._become(_State.UNAWARE)

    def service_changed_indicated(self) -> None:
        """The client is being told."""
        self._indicated = True

    def service_changed_confirmed(self) -> None:
        """The client has confirmed the last Service Changed indication."""
        self._indicated = False
        self._become(_State.AWARE)

    def hash_read(self) -> None:
        """The client has been sent the Database Hash."""
        if self._state is _State.UNAWARE:
            self._state = _State.TOLD

    def admit(self, opcode: int) -> int:
        """Return Database Out Of Sync for what an unaware client asks by handle, else 0."""
        if self._state is _State.AWARE:
            return 0
        command = opcode & codec.COMMAND_FLAG
        if self._state is _State.TOLD and not command:
            self._become(_State.AWARE)
            return 0
        if self.aware or not (command or opcode in _BY_HANDLE):
            return 0
        if not command:
            self._state = _State.TOLD
        return AttErrorCode.DATABASE_OUT_OF_SYNC

    def _become(self, state: _State) -> None:
        self._state = state
        self._judge()
        self._changed()

    def _judge(self) -> None:
        self.aware = self._state is _State.AWARE or not self._features & ROBUST_CACHING
