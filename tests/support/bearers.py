"""Bearers without a radio: a clock that tests move, a wire that tests pump."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from bleio.att.permissions import Signer
from bleio.core.codes import Properties
from bleio.core.security import LinkSecurity
from bleio.core.uuid import uuid16
from bleio.errors import InnerError
from bleio.gatt.bearer import Bearer
from bleio.gatt.model import LocalCharacteristic, LocalService
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable


class Timers:
    """A clock that only `advance` moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._pending: list[_Timer] = []

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(self, self.now_s + delay_s, callback)
        self._pending.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        end = self.now_s + seconds
        while due := [timer for timer in self._pending if timer.due_s <= end]:
            timer = min(due, key=lambda timer: timer.due_s)
            timer.cancel()
            self.now_s = timer.due_s
            timer.callback()
        self.now_s = end

    def time(self) -> float:
        return self.now_s

    def __len__(self) -> int:
        return len(self._pending)


class _Timer:
    def __init__(self, timers: Timers, due_s: float, callback: Callable[[], None]) -> None:
        self._timers = timers
        self.due_s = due_s
        self.callback = callback

    def cancel(self) -> None:
        if self in self._timers._pending:
            self._timers._pending.remove(self)


class WiredLink:
    """A bearer's link; `configured` is called when the client has configured something."""

    def __init__(self, bearer_died: Callable[[Exception], None]) -> None:
        self.bearer_died = bearer_died
        self.configured: Callable[[], None] | None = None

    def client_configured(self) -> None:
        if self.configured is not None:
            self.configured()


class WiredSecurity:
    """Security that trusts all that a peer sends."""

    def __init__(self, link: LinkSecurity, signer: Signer | None = None) -> None:
        self.link, self.signer, self.trust = link, signer, self

    def admits(self, name: bytes) -> bool:
        return True


class Wired:
    """One bearer whose peer is the test: `sent` holds what it sent."""

    def __init__(
        self,
        server: LocalServer | None = None,
        security: LinkSecurity | None = None,
        signer: Signer | None = None,
    ) -> None:
        self.server = server or published("Test")
        self.security = security or LinkSecurity()
        self.timers = Timers()
        self.sent: list[bytes] = []
        self.deaths: list[Exception] = []
        self.link = WiredLink(self.deaths.append)
        self.bearer = Bearer(
            AttributeTable.of(self.server),
            self.link,
            WiredSecurity(self.security, signer),
            self.sent.append,
            self.timers,
        )

    def ask(self, pdu: str | bytes) -> str:
        """Send a PDU (bytes or hex) to the bearer; give its one answer as hex, "" for none."""
        del self.sent[:]
        self.bearer.received(bytes.fromhex(pdu) if isinstance(pdu, str) else pdu)
        assert len(self.sent) <= 1
        return self.take() if self.sent else ""

    def feed(self, *pdus: str) -> None:
        """Send PDUs (hex) to the bearer."""
        for pdu in pdus:
            self.bearer.received(bytes.fromhex(pdu))

    def start(self, procedure: Any, **options: Any) -> Outcome:
        outcome = Outcome()
        outcome.job = self.bearer.client.att.run(procedure, outcome.done, **options)
        return outcome

    def take(self) -> str:
        """Return the oldest PDU sent and not yet taken, as hex."""
        return self.sent.pop(0).hex(" ")


class Outcome:
    """What a procedure's `done` was told; a second call is an error."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Exception | None]] = []
        self.job: Any = None

    def done(self, result: Any, error: Exception | None) -> None:
        self.calls.append((result, error))
        assert len(self.calls) == 1

    @property
    def pending(self) -> bool:
        return not self.calls

    @property
    def result(self) -> Any:
        (call,) = self.calls
        assert call[1] is None, call[1]
        return call[0]

    @property
    def error(self) -> Exception:
        (call,) = self.calls
        assert isinstance(call[1], InnerError), call
        return call[1]


class Loop:
    """Two bearers, each the other's peer; PDUs move when pumped."""

    def __init__(self, server: LocalServer) -> None:
        self.timers = Timers()
        self.wire: deque[tuple[bool, bytes]] = deque()
        self.trace: list[bytes] = []
        self.server = self._bearer(server, True)
        self.client = self._bearer(published("Central"), False)
        self.gatt = self.client.client

    def _bearer(self, server: LocalServer, serving: bool) -> Bearer:
        def send(pdu: bytes) -> None:
            self.wire.append((serving, pdu))
            self.trace.append(pdu)

        def died(error: Exception) -> None:
            raise AssertionError("the bearer died") from error

        attributes, security = AttributeTable.of(server), WiredSecurity(LinkSecurity())
        return Bearer(attributes, WiredLink(died), security, send, self.timers)

    def pump(self) -> None:
        while self.wire:
            from_server, pdu = self.wire.popleft()
            (self.client if from_server else self.server).received(pdu)

    def outcome(self, procedure: Any) -> Outcome:
        outcome = Outcome()
        self.gatt.att.run(procedure, outcome.done)
        self.pump()
        return outcome

    def run(self, procedure: Any) -> Any:
        return self.outcome(procedure).result


class Heard:
    """A listener, local or remote, that keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def written(self, link: Any, value: bytes) -> None:
        self.events.append(("written", value))

    def subscribed(self, link: Any, notify: bool, indicate: bool) -> None:
        self.events.append(("subscribed", notify, indicate))

    def notified(self, value: bytes) -> None:
        self.events.append(("notified", value))

    def doubled(self, value: bytes, indicated: bool) -> None:
        self.events.append(("doubled", value, indicated))

    def link_closed(self, *link: Any) -> None:
        self.events.append(("closed",))


def published(name: str = "", appearance: int = 0) -> LocalServer:
    """A model whose table has heard of every change since."""
    server = LocalServer(name, appearance)
    AttributeTable.of(server)
    return server


def add_service(server: LocalServer, uuid: int | bytes, *, secondary: bool = False) -> LocalService:
    service = LocalService(uuid if isinstance(uuid, bytes) else uuid16(uuid), secondary)
    server.add_service(service)
    return service


def add_characteristic(
    server: LocalServer,
    service: LocalService,
    uuid: int | bytes,
    properties: Properties = Properties.READ | Properties.WRITE,
    **options: Any,
) -> LocalCharacteristic:
    on_air = uuid if isinstance(uuid, bytes) else uuid16(uuid)
    characteristic = LocalCharacteristic(on_air, properties, **options)
    server.add_characteristic(service, characteristic)
    return characteristic
