"""`_bleio.Adapter`, and choosing the current one; see `_current` for what that means.

An adapter is made without opening anything, also by `import _bleio`, which must not start a thread
or import asyncio. What it is on the engine, its `Session`, is made at its first use, in the context
of that use. Members carry out the operations of `_acts`, which check arguments, and of the session,
and block meanwhile.

Properties that say how things are now (`connected`, `advertising`, ...) return what the engine has
published and do not wait, since programs spin on them. Each is a look (`Clock.look`): in simulated
time nothing would change while a program spins, if looking took no time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from bleio.api._acts import advertise, connect, scan, set_address
from bleio.api._arguments import (
    ReadableBuffer,
    described,
    having,
    instance,
    instance_or_none,
    public,
)
from bleio.api._current import PROCESS, Place, current_place, place
from bleio.api._delegates import delegate_by_setting
from bleio.api.address import Address
from bleio.api.connection import Connection
from bleio.api.pairing import Answers, OobData, PairingDelegate, SecuritySettings
from bleio.api.scan_results import ScanResults
from bleio.errors import public_error
from bleio.runtime import selection

if TYPE_CHECKING:
    from bleio.runtime.selection import MakeBackend
    from bleio.runtime.session import Session


@public
class Adapter:
    """One way to the air, with its services, links and settings.

    It opens at first use, not when it is made. CircuitPython's forms beside ours: `Adapter()` is
    not for programs, and `Adapter(uart=, rts=, cts=)` is an HCI co-processor.

    Args: adapter: `virtual`, `virtual:NAME`, `hci:TRANSPORT`, `os` or `auto`, as in
        BLEIO_ADAPTER. uart: a serial object with `read`, `write` and `in_waiting`. rts, cts: its
        flow control pins, or None.
    Raises: NotImplementedError without arguments; TypeError; BluetoothError for a string that
        names no adapter.
    Thread: every member may be used on any thread.
    """

    def __init__(
        self, adapter: str | None = None, *, uart: Any = None, rts: Any = None, cts: Any = None
    ) -> None:
        if adapter is None and uart is None:
            raise NotImplementedError("Cannot create a new Adapter; use _bleio.adapter;")
        if adapter is not None and (uart is not None or rts is not None or cts is not None):
            raise TypeError("Adapter takes either a name or uart, rts and cts")
        try:
            if adapter is not None:
                choice = instance("adapter", adapter, str)
                make_backend = selection.backend_for(choice)
            else:
                choice = "uart"
                having("uart", uart, "read", "write", "in_waiting")
                for name, pin in (("rts", rts), ("cts", cts)):
                    if pin is not None:
                        having(name, pin, "value")
                make_backend = selection.backend_over_uart(uart, rts, cts)
        except Exception as error:
            raise public_error(error) from None
        self._set_up(make_backend, choice)

    @classmethod
    def _by_setting(cls) -> Adapter:
        """Make the adapter that BLEIO_ADAPTER chooses."""
        adapter = cls.__new__(cls)
        adapter._set_up(selection.backend_by_setting, None)
        return adapter

    def _set_up(self, make_backend: MakeBackend, choice: str | None) -> None:
        self._make_backend = make_backend
        self._choice = choice  # None: what the environment says when it is used
        self._sessions: dict[None, Session] = {}  # none or one

    @described
    def __repr__(self) -> str:
        """Which adapter it is, its address, and what it is doing. Opens nothing, never waits."""
        choice = self._choice or selection.setting()
        if not choice.isprintable():
            choice = ascii(choice)
        session = self._sessions.get(None)
        if session is None or (backend := session.life.backend) is None:
            is_off = session is not None and not session.life.enabled
            return f"<Adapter {choice} {'off' if is_off else 'not open'}>"
        now = ", ".join(session.gap.doing()) or "idle"
        own = backend.address.octets[::-1].hex(":") if any(backend.address.octets) else ""
        return " ".join(filter(None, ("<Adapter", choice, own, f"{now}>")))

    @property
    def _session(self) -> Session:
        if not self._sessions:
            from bleio.runtime.session import Session  # imports asyncio; `import _bleio` must not

            # One session, also if several threads are here at once: setdefault is atomic.
            self._sessions.setdefault(
                None, Session(self._make_backend, Connection._create, self._default_answers)
            )
        return self._sessions[None]

    def _default_answers(self) -> Answers | None:
        return self._answers(delegate_by_setting())

    def _answers(self, delegate: PairingDelegate | None) -> Answers | None:
        """Let a delegate answer with this adapter as the current one."""
        if delegate is None:
            return None
        context = copy_context()
        context.run(place.set, Place(self))
        return Answers(delegate, context)

    # Settings

    @property
    def enabled(self) -> bool:
        """Whether the adapter is on; rw. Off ends advertising, scan and links. On opens it anew,
        also after its controller was lost, and with its default name. Raises: BluetoothError if it
        cannot be opened."""
        self._session.engine.look()
        return self._session.life.enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._session.engine.finish(self._session.set_enabled, bool(value))

    @property
    def address(self) -> Address:
        """The own identity address; rw. Only random static ones can be set.

        Raises: TypeError; BluetoothError if the adapter cannot be opened or the address be set;
            NotImplementedError where the system does not tell it.
        """
        return Address._on_air(self._session.engine.finish(self._session.address))

    @address.setter
    def address(self, value: Address) -> None:
        self._session.engine.finish(set_address, self._session, value)

    @property
    def name(self) -> str:
        """The GAP Device Name; rw; cut to 31 octets of UTF-8. Advertising does not include it.

        By default CIRCUITPY_BLE_NAME of the environment, or CIRCUITPY and four digits of the
        address. Raises: TypeError.
        """
        return self._session.engine.finish(self._session.name)

    @name.setter
    def name(self, value: str) -> None:
        self._session.set_name(instance("name", value, str))

    # Ours, beyond CircuitPython

    @property
    def security(self) -> SecuritySettings:
        """How the adapter pairs and what it demands; rw; may be set before it opens.

        By default what BLEIO_SECURITY of the environment says. A pairing that has begun goes on as
        it was. Raises: TypeError; BluetoothError if the environment's word is wrong.
        """
        try:
            return self._session.policy.settings
        except Exception as error:
            raise public_error(error) from None

    @security.setter
    def security(self, value: SecuritySettings) -> None:
        self._session.set_security(instance("security", value, SecuritySettings))

    @property
    def pairing_delegate(self) -> PairingDelegate | None:
        """What answers in pairing; rw; may be set before the adapter opens. None is Just Works with
        every peer that asks.

        By default what BLEIO_PAIRING of the environment names, or None. Raises: TypeError,
        ValueError; BluetoothError if the environment's word is wrong.
        """
        try:
            answers = self._session.policy.delegate
        except Exception as error:
            raise public_error(error) from None
        return answers.delegate if isinstance(answers, Answers) else None

    @pairing_delegate.setter
    def pairing_delegate(self, value: PairingDelegate | None) -> None:
        instance_or_none("pairing_delegate", value, PairingDelegate)
        self._session.set_pairing_delegate(self._answers(value))

    def local_oob(self) -> OobData:
        """Return the own out-of-band data, which the peer should get by another way than the radio.

        It is for the next pairing only. Raises: BluetoothError if the adapter cannot be opened.
        Thread: any; waits for the engine.
        """
        return self._session.engine.finish(self._session.local_oob)

    # State; never waits

    @property
    def advertising(self) -> bool:
        """True from a successful start to the end, which an incoming link may bring."""
        self._session.engine.look()
        return self._session.gap.advertising

    @property
    def connected(self) -> bool:
        """Whether there is any link, in either role."""
        session = self._sessions.get(None) or self._session  # programs spin on this
        session.engine.look()
        return session.gap.connections.has_any()

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The live links, in either role; the same object for a link each time."""
        self._session.engine.look()
        return self._session.gap.connections.objects

    # Acts

    def start_advertising(
        self,
        data: ReadableBuffer,
        *,
        scan_response: ReadableBuffer | None = None,
        connectable: bool = True,
        anonymous: bool = False,
        timeout: int = 0,
        interval: float = 0.1,
        tx_power: int = 0,
        directed_to: Address | None = None,
    ) -> None:
        """Advertise until stopped, connected to, or for `timeout`. Spec: Vol 3, Part C, 9.

        Args: data: AD structures, sent as they are; above 31 octets the extended PDUs are used.
            timeout: whole seconds up to 180, 0 for no limit. interval: seconds, 0.02 to 10.24.
            tx_power: dBm. anonymous: use a private address, and end after 180 s if `timeout` is 0.
            directed_to: the only central that may connect.
        Raises: TypeError, ValueError, BluetoothError.
        """
        self._session.engine.finish(
            advertise,
            self._session,
            data,
            scan_response,
            connectable,
            anonymous,
            timeout,
            interval,
            tx_power,
            directed_to,
        )

    def stop_advertising(self) -> None:
        """Stop advertising; does nothing when idle."""
        self._session.engine.finish(self._session.gap.stop_advertising)

    def start_scan(
        self,
        prefixes: ReadableBuffer = b"",
        *,
        buffer_size: int = 512,
        extended: bool = False,
        timeout: float | None = None,
        interval: float = 0.1,
        window: float = 0.1,
        minimum_rssi: int = -80,
        active: bool = True,
    ) -> ScanResults:
        """Scan from now on; packets wait in a buffer until the results are iterated.

        Args: prefixes: see `ScanEntry.matches`; any match keeps a packet. buffer_size: octets;
            a packet costs 19 and its data, and is dropped when there is no room. extended: hear
            extended PDUs too. timeout, interval, window: seconds; None or 0 is no limit.
            minimum_rssi: dBm. active: ask for scan responses.
        Raises: TypeError, ValueError; BluetoothError if a scan runs already.
        """
        buffer = self._session.engine.finish(
            scan,
            self._session,
            prefixes,
            buffer_size,
            extended,
            timeout,
            interval,
            window,
            minimum_rssi,
            active,
        )
        return ScanResults._of(buffer)

    def stop_scan(self) -> None:
        """Stop scanning; does nothing when idle. What was received stays readable."""
        self._session.engine.finish(self._session.gap.stop_scan)

    def connect(self, address: Address, *, timeout: float) -> Connection:
        """Connect to an advertiser; a running scan ends.

        Args: timeout: seconds; 0 waits without limit, until Ctrl-C.
        Raises: TypeError, ValueError; BluetoothError when the time is over or it fails.
        """
        return self._session.engine.finish(connect, self._session, address, timeout)

    def erase_bonding(self) -> None:
        """Forget all bonds, of both roles; live links count as unpaired from now on.

        An adapter that is off is opened only for this. Raises: BluetoothError if it cannot be.
        """
        self._session.engine.finish(self._session.erase_bonds)


PROCESS.adapter = Adapter._by_setting()


def current_adapter() -> Adapter | None:
    """Return what `_bleio.adapter` is here. It opens nothing."""
    adapter = current_place().adapter
    assert adapter is None or isinstance(adapter, Adapter)
    return adapter


def set_adapter(adapter: Adapter | None) -> None:
    """Make an adapter the current one: the whole process's, or that of the `use_adapter` block
    this is called in. Services that exist stay with theirs.

    Raises: TypeError.
    """
    current_place().adapter = instance_or_none("adapter", adapter, Adapter)


@contextmanager
def use_adapter(adapter: Adapter | None) -> Iterator[None]:
    """Make an adapter the current one for this context only, so that several devices can run in
    one process, a thread or a task each."""
    token = place.set(Place(adapter))
    try:
        yield
    finally:
        place.reset(token)
