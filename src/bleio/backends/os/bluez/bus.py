"""One connection to the system's D-Bus, on which BlueZ is spoken to.

Four things are done here that a D-Bus library leaves to its users.

Errors. A call that is refused, gets no answer or loses its connection raises `BusError`, which has
the error's D-Bus name; no exception of the library comes out of here.

Trust. Any program on this computer may send us signals and calls. Only those of the connection
that owns the name `org.bluez` count, others are refused and counted. A name's owner is what the bus
itself says (`NameOwnerChanged`, which only the bus can send as such).

Order. Signals, calls to us and answers to `snapshot` are passed on in the order in which they came,
from within the reader. Had an answer to wait for its coroutine's turn, signals that came after it
would be seen before it, and a table made from both would be wrong now and then.

Bounds. What runs at once for the other side is limited; what is beyond gets an error.

The engine's loop is the only thread. Addresses are as D-Bus has them: DBUS_SYSTEM_BUS_ADDRESS, else
the usual socket. Descriptors go only over unix sockets; where there are none, `passes_descriptors`
is False, and what needs them has to do without.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from dbus_fast import Message, MessageType, unpack_variants as unpack
from dbus_fast.aio import MessageBus

from bleio.backends.os.bluez.connection import (
    OPEN_TIMEOUT_S,
    BusUnavailable,
    Closing,
    connected,
    forget,
)
from bleio.backends.time_limit import time_limit
from bleio.errors import InnerError

BLUEZ = "org.bluez"
BUS = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
CALL_TIMEOUT_S = 25.0  # D-Bus's own
MOST_PENDING_CALLS = 64  # of bluetoothd to us, answered by coroutines

_ERROR = f"{BUS}.Error."
ACCESS_DENIED = _ERROR + "AccessDenied"
DISCONNECTED = _ERROR + "Disconnected"
FAILED = _ERROR + "Failed"
LIMITS_EXCEEDED = _ERROR + "LimitsExceeded"
NO_REPLY = _ERROR + "NoReply"
SERVICE_UNKNOWN = _ERROR + "ServiceUnknown"
UNKNOWN_METHOD = _ERROR + "UnknownMethod"
UNKNOWN_OBJECT = _ERROR + "UnknownObject"


_log = logging.getLogger(__name__)


class BusError(InnerError):
    """A call failed. `name`: the error's D-Bus name; `text`: what came with it."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(f"{text} ({name})" if text else name)
        self.name = name
        self.text = text


class Call(NamedTuple):
    """A call to one of our objects; variants in `body` are unpacked."""

    path: str
    interface: str
    member: str
    body: Sequence[Any]


class Reply(NamedTuple):
    """What a call to us is answered with. `descriptors` are closed here once they are sent."""

    signature: str = ""
    body: Sequence[Any] = ()
    descriptors: Sequence[int] = ()


Servant = Callable[[Call], Reply | Awaitable[Reply]]
"""Answers calls to a path of ours; raises BusError for an error."""


class BusOwner(Protocol):
    """Hears what comes by the bus, in order; called within the reader, must not block or raise."""

    def signalled(self, path: str, interface: str, member: str, body: Sequence[Any]) -> None:
        """bluetoothd sent a signal; variants in `body` are unpacked."""

    def daemon_changed(self) -> None:
        """bluetoothd came (`Bus.daemon`) or went; also if another one took the place of one."""

    def disconnected(self, error: BusError) -> None:
        """The bus itself is gone."""


class Bus:
    """One connection. Args: `owner`: hears what comes."""

    daemon = ""  # the unique name of bluetoothd's connection, "" while it does not run
    passes_descriptors = False

    def __init__(self, owner: BusOwner) -> None:
        self.counts: Counter[str] = Counter()
        self._owner = owner
        self._bus: MessageBus | None = None
        self._servants: dict[str, Servant] = {}
        self._snapshots: dict[int, Callable[[Sequence[Any]], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watcher: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._bus is not None and self._bus.connected

    async def open(self) -> None:
        """Connect, and find out whether bluetoothd runs. Raises: BusUnavailable."""
        self._bus = await connected()
        self.passes_descriptors = self._bus._negotiate_unix_fd
        self._bus.add_message_handler(self._heard)
        self._watcher = asyncio.create_task(self._watch(self._bus))
        rule = f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{BLUEZ}'"
        try:
            await self.match(rule)
            with suppress(BusError):  # nobody has the name
                await self._in_order(self._owned_by, BUS, BUS_PATH, BUS, "GetNameOwner", "s", BLUEZ)
        except BusError as error:
            raise BusUnavailable(str(error)) from error

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        bus, self._bus = self._bus, None
        for task in [*self._tasks, *([self._watcher] if self._watcher else [])]:
            task.cancel()
        self._servants.clear()
        self.daemon = ""
        if bus is not None:
            bus.remove_message_handler(self._heard)
            bus.disconnect()

    # Calls of ours

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *body: Any,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Sequence[Any]:
        """Call a method of bluetoothd. Returns: the answer, variants unpacked. Raises: BusError."""
        return await self._called(BLUEZ, path, interface, member, signature, body, timeout_s)

    async def call_bus(self, member: str, signature: str = "", *body: Any) -> Sequence[Any]:
        """Call a method of the bus itself. Raises: BusError."""
        return await self._called(BUS, BUS_PATH, BUS, member, signature, body, OPEN_TIMEOUT_S)

    async def match(self, rule: str) -> None:
        """Have the bus pass signals to us. Raises: BusError."""
        await self.call_bus("AddMatch", "s", rule)

    async def snapshot(
        self, path: str, interface: str, member: str, taken: Callable[[Sequence[Any]], None]
    ) -> None:
        """Call a method and pass the answer to `taken` in its order among the signals.

        Raises: BusError.
        """
        await self._in_order(taken, BLUEZ, path, interface, member)

    async def _in_order(
        self,
        taken: Callable[[Sequence[Any]], None],
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *body: Any,
    ) -> None:
        bus = self._connection()
        serial = bus.next_serial()
        self._snapshots[serial] = taken
        try:
            await self._called(
                destination, path, interface, member, signature, body, CALL_TIMEOUT_S, serial
            )
        finally:
            self._snapshots.pop(serial, None)

    def _owned_by(self, body: Sequence[Any]) -> None:
        self.daemon = str(body[0])

    async def _called(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str,
        body: Sequence[Any],
        timeout_s: float,
        serial: int = 0,
    ) -> Sequence[Any]:
        bus = self._connection()
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            serial=serial,
        )
        try:
            async with time_limit(timeout_s):
                reply = await bus.call(message)
        except (asyncio.TimeoutError, TimeoutError):
            raise BusError(NO_REPLY, f"{member} was not answered in {timeout_s:g} s") from None
        except (OSError, EOFError) as error:
            raise BusError(DISCONNECTED, "The connection to D-Bus is gone") from error
        if reply is None:
            raise BusError(DISCONNECTED, "The connection to D-Bus is gone")
        if reply.message_type is MessageType.ERROR:
            text = reply.body[0] if reply.body and isinstance(reply.body[0], str) else ""
            raise BusError(reply.error_name or UNKNOWN_METHOD, text)
        answer: Sequence[Any] = unpack(reply.body)
        return answer

    def _connection(self) -> MessageBus:
        if self._bus is None or not self._bus.connected:
            raise BusError(DISCONNECTED, "The connection to D-Bus is gone")
        return self._bus

    # Calls to us

    def serve(self, path: str, servant: Servant) -> None:
        """Answer calls to an object path of ours."""
        self._servants[path] = servant

    def unserve(self, path: str) -> None:
        """Have no object at a path any more; does nothing if there is none."""
        self._servants.pop(path, None)

    def signal(self, path: str, interface: str, member: str, signature: str, *body: Any) -> None:
        """Send a signal of one of our objects; without a connection it is lost."""
        if self.is_open and self._bus is not None:
            message = Message.new_signal(path, interface, member, signature, list(body))
            message.destination = self.daemon or None
            self._bus.send(message).add_done_callback(forget)

    def _answer(self, message: Message) -> None:
        servant = self._servants.get(message.path or "")
        try:
            if message.sender != self.daemon or not self.daemon:
                self.counts["bluez.strangers"] += 1
                raise BusError(ACCESS_DENIED, "Only bluetoothd may call this")
            if servant is None:
                raise BusError(UNKNOWN_OBJECT, "There is no such object")
            body = unpack(message.body)
            call = Call(message.path or "", message.interface or "", message.member or "", body)
            reply = servant(call)
        except BusError as error:
            self._refuse(message, error)
            return
        if isinstance(reply, Reply):
            self._reply(message, reply)
        elif len(self._tasks) >= MOST_PENDING_CALLS:
            self.counts["bluez.refused_calls"] += 1
            if inspect.iscoroutine(reply):
                reply.close()
            self._refuse(message, BusError(LIMITS_EXCEEDED, "Too much at once"))
        else:
            task = asyncio.ensure_future(self._answer_later(message, reply))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer_later(self, message: Message, reply: Awaitable[Reply]) -> None:
        try:
            self._reply(message, await reply)
        except BusError as error:
            self._refuse(message, error)
        except Exception as error:  # a fault in the program, of any kind
            _log.exception("Answering %s of %s failed", message.member, message.path)
            self._refuse(message, BusError(FAILED, f"An internal error: {type(error).__name__}"))

    def _reply(self, message: Message, reply: Reply) -> None:
        descriptors = list(reply.descriptors)
        answer = Message.new_method_return(message, reply.signature, list(reply.body), descriptors)
        if self.is_open and self._bus is not None:
            sent = self._bus.send(answer)
            sent.add_done_callback(forget)
            if descriptors:
                sent.add_done_callback(Closing(descriptors))
        else:
            Closing(descriptors)(None)

    def _refuse(self, message: Message, error: BusError) -> None:
        if self.is_open and self._bus is not None:
            answer = Message.new_error(message, error.name, error.text)
            self._bus.send(answer).add_done_callback(forget)

    # What comes

    def _heard(self, message: Message) -> bool:
        """Returns: whether the library has nothing more to do with it."""
        if message.unix_fds:  # none is ever wanted, and each would stay open
            Closing(message.unix_fds)(None)
        if message.message_type is MessageType.SIGNAL:
            self._heard_signal(message)
            return True
        if message.message_type is MessageType.METHOD_CALL:
            self._answer(message)
            return True
        taken = self._snapshots.get(message.reply_serial)
        if taken is not None and message.message_type is MessageType.METHOD_RETURN:
            taken(unpack(message.body))
        return False

    def _heard_signal(self, message: Message) -> None:
        body = message.body
        if message.sender == BUS:
            is_ours = message.member == "NameOwnerChanged" and message.signature == "sss"
            if is_ours and body[0] == BLUEZ and body[2] != self.daemon:
                self.daemon = body[2]
                self._owner.daemon_changed()
        elif message.sender == self.daemon and self.daemon:
            self._owner.signalled(
                message.path or "", message.interface or "", message.member or "", unpack(body)
            )
        else:
            self.counts["bluez.strangers"] += 1

    async def _watch(self, bus: MessageBus) -> None:
        with suppress(Exception):  # of whatever kind, the connection has ended
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        if bus is self._bus:
            self.daemon = ""
            self._owner.disconnected(BusError(DISCONNECTED, "The connection to D-Bus is gone"))
