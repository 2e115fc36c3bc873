"""Values that a program sets, told to one client: notified, indicated, or both.

One line for each client: what cannot go out at once waits in the link's room for senders
(`SendRoom`), a notification for room, an indication for the confirmation of the one before, too. So
a client is told values in the order in which they were set, whatever way each of them goes. Service
Changed alone overtakes them (`indications`).

A value may be withheld: see `bearer`. What waits is looked at again when its turn comes, since its
client may have unsubscribed, or the link may have lost its security, meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from functools import partial
from typing import Protocol

from bleio.att import codec
from bleio.att.client import CallLater
from bleio.att.codec import OPCODE_U16
from bleio.att.counters import Counters
from bleio.att.server import AttServer
from bleio.gatt.attributes import INDICATE_BIT, NOTIFY_BIT
from bleio.gatt.awareness import ChangeAwareness
from bleio.gatt.indications import Confirmed, Indications
from bleio.gatt.model import LocalCharacteristic


class SendRoom(Protocol):
    """Room to send values that a program sets, and the line of those that wait for it."""

    @property
    def free(self) -> bool:
        """Whether something may be sent now."""

    @property
    def waiting(self) -> Sized:
        """What waits."""

    def wait(
        self,
        send: Callable[[], None],
        done: Confirmed,
        *,
        may_be_missed: bool = False,
        ready: Callable[[], bool] | None = None,
    ) -> object:
        """Call `send` when its turn has come, there is room and it is `ready`; then `done` with its
        error. It may be given up meanwhile, by what is returned."""

    def grant(self) -> None:
        """The client has taken something: more may be ready."""


class Teller:
    """Tells one client values.

    Args: `cccds`: the client's configuration, kept by its bearer. `timed_out()`: an indication was
        not confirmed for 30 s.
    """

    def __init__(
        self,
        server: AttServer,
        awareness: ChangeAwareness,
        cccds: dict[LocalCharacteristic, int],
        send: Callable[[bytes], None],
        call_later: CallLater,
        timed_out: Callable[[], None],
        counters: Counters,
    ) -> None:
        self._server = server
        self._awareness = awareness
        self._cccds = cccds
        self._send = send
        self._counters = counters
        self._indications = Indications(send, call_later, timed_out, self._withheld)
        self._room: SendRoom | None = None  # where indications have waited
        self._end: Exception | None = None

    def tell(
        self, characteristic: LocalCharacteristic, value: bytes, room: SendRoom, done: Confirmed
    ) -> bool:
        """Notify or indicate a value, or both, as the client has configured it. Data plane.

        Returns: whether it is to get it. Then `done(error)` is called once, perhaps at once: with
        None when the notification is sent or, if it is indicated, when it has confirmed.
        """
        bits = self._cccds.get(characteristic, 0)
        handle = characteristic.handle
        if not bits or self._end is not None or self._withheld(handle):
            return False
        if bits & NOTIFY_BIT:
            if room.free:
                cut = value[: self._server.mtu - codec.VALUE_HEADER_OCTETS]
                self._send(OPCODE_U16.pack(codec.HANDLE_VALUE_NTF, handle) + cut)
                if not bits & INDICATE_BIT:
                    done(None)
            else:
                notify = partial(self.notify_subscriber, characteristic, handle, value)
                told = _pass_over if bits & INDICATE_BIT else done
                room.wait(notify, told, may_be_missed=True)
        if bits & INDICATE_BIT:
            self.indicate_in_line(characteristic, value, room, done, may_be_missed=True)
        return True

    def notify(self, handle: int, value: bytes) -> None:
        """Send a notification, cut to the MTU, unless the client must not get it."""
        if self._end is not None or self._withheld(handle):
            return
        cut = value[: self._server.mtu - codec.VALUE_HEADER_OCTETS]
        self._send(OPCODE_U16.pack(codec.HANDLE_VALUE_NTF, handle) + cut)

    def notify_subscriber(
        self, characteristic: LocalCharacteristic, handle: int, value: bytes
    ) -> None:
        """Send a notification whose turn has come, if the client still wants it."""
        if self._cccds.get(characteristic, 0) & NOTIFY_BIT:
            self.notify(handle, value)

    def indicate_in_line(
        self,
        characteristic: LocalCharacteristic,
        value: bytes,
        room: SendRoom,
        done: Confirmed,
        *,
        may_be_missed: bool = False,
    ) -> object:
        """Send an indication after all that was told before; see `indicate`.

        Returns: what the room can give up; None if it does not wait.
        """
        handle = characteristic.handle
        if not room.waiting and self._indications.idle():
            self.indicate(handle, value, done)
            return None
        self._room = room
        return room.wait(
            partial(self._indicate_subscriber, characteristic, handle, value, done),
            partial(_if_failed, done),
            may_be_missed=may_be_missed,
            ready=self._indications.idle,
        )

    def _indicate_subscriber(
        self, characteristic: LocalCharacteristic, handle: int, value: bytes, done: Confirmed
    ) -> None:
        if self._end is None and not self._cccds.get(characteristic, 0) & INDICATE_BIT:
            done(None)
        else:
            self.indicate(handle, value, done)

    def indicate(self, handle: int, value: bytes, done: Confirmed) -> None:
        """Send an indication, cut to the MTU, after those before it were confirmed.

        `done(error)` is called once: with None when the client has confirmed, or must not get it.
        """
        if self._end is not None:
            done(self._end)
        elif self._withheld(handle):
            done(None)
        else:
            cut = value[: self._server.mtu - codec.VALUE_HEADER_OCTETS]
            self._indications.send(handle, cut, done)

    def service_changed(
        self, handle: int, start: int, end: int, confirmed: Callable[[], None]
    ) -> None:
        """See `Indications`."""
        self._indications.service_changed(handle, start, end, confirmed)

    def confirmed(self) -> bool:
        """A confirmation came; False if nothing waits for it."""
        known = self._indications.confirmed()
        if known and self._room is not None:
            self._room.grant()
        return known

    def close(self, error: Exception) -> None:
        """Nothing can be told any more: fail the indications."""
        self._end = self._end or error
        self._indications.close(error)
        if self._room is not None:
            self._room.grant()

    def _withheld(self, handle: int) -> bool:
        """Whether the client must not be told a value: its CCCD alone does not permit it."""
        if not self._awareness.aware:
            self._counters.suppressed_values += 1
            return True
        if not self._server.may_be_told(handle):
            self._counters.insecure_values += 1
            return True
        return False


def _pass_over(error: Exception | None) -> None:
    """A value that is indicated, too, is waited for as such."""


def _if_failed(done: Confirmed, error: Exception | None) -> None:
    """An indication that was sent is not confirmed yet; one that was not never will be."""
    if error is not None:
        done(error)
