"""What an adapter does: see `bleio.aio`. An adapter is one of `_bleio`, or a BLERadio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from inspect import signature
from types import TracebackType
from typing import Any, overload

from bleio.aio.objects import RadioStandIn, adapter_of, as_given
from bleio.api import Adapter, Address, Connection, OobData, ScanEntry, _acts as acts
from bleio.api._arguments import ReadableBuffer, instance
from bleio.runtime.awaiting import finished, until
from bleio.runtime.scan_buffer import ScanBuffer


async def enable(adapter: Any, enabled: bool = True) -> None:
    """Switch the adapter on, or off: see `Adapter.enabled`."""
    session = adapter_of(adapter)._session
    await finished(session.engine, session.set_enabled(bool(enabled)))


async def address(adapter: Any) -> Address:
    """Return the own identity address, for which the adapter is opened: see `Adapter.address`."""
    session = adapter_of(adapter)._session
    return Address._on_air(await finished(session.engine, session.address()))


async def set_address(adapter: Any, value: Address) -> None:
    """Take another address: see `Adapter.address`."""
    session = adapter_of(adapter)._session
    await finished(session.engine, acts.set_address(session, value))


async def name(adapter: Any) -> str:
    """Return the name, for which the adapter may be opened: see `Adapter.name`."""
    session = adapter_of(adapter)._session
    return await finished(session.engine, session.name())


async def local_oob(adapter: Any) -> OobData:
    """Return the own out-of-band data: see `Adapter.local_oob`."""
    session = adapter_of(adapter)._session
    return await finished(session.engine, session.local_oob())


async def erase_bonding(adapter: Any, peer: Address | None = None) -> None:
    """Forget all bonds: see `Adapter.erase_bonding`.

    Args: peer: forget those with this device alone, by its identity address, in both roles.
    """
    session = adapter_of(adapter)._session
    device = None if peer is None else instance("peer", peer, Address)._device()
    await finished(session.engine, session.erase_bonds(device))


async def connect(adapter: Any, peer: Any, *, timeout: float = 0) -> Any:
    """Connect to an advertiser; a running scan ends. See `Adapter.connect`.

    If the task is cancelled, initiating ends before this returns, and a link that came up all the
    same is ended.

    Args: peer: an address, or what has one as its `address`, such as what was found by scanning.
        timeout: seconds; 0 waits without limit.
    Returns: the connection, as the adapter has it.
    """
    session = adapter_of(adapter)._session
    session.engine.portal.give_up_forsaken()  # such as one without time limit
    target = peer if isinstance(peer, Address) else getattr(peer, "address", peer)
    return as_given(adapter, await finished(session.engine, acts.connect(session, target, timeout)))


async def connected(adapter: Any) -> Any:
    """Wait until there is a link, in either role, and return it: the oldest one that lives."""
    session = adapter_of(adapter)._session
    links = session.gap.connections
    while not (objects := links.objects):
        await until(session.engine, links.changed, links.has_any)
    return as_given(adapter, objects[0])


def connections(adapter: Any) -> AsyncIterator[Any]:
    """Iterate over the links, in either role: those that are there, and then each new one.

    One that has come and gone while the task did something else is not among them.
    """
    return _Connections(adapter)


class _Connections:
    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._session = adapter_of(adapter)._session
        self._known: list[Connection] = []  # none but live ones

    def __repr__(self) -> str:
        return f"<connections of {self._adapter!r}>"

    def __aiter__(self) -> _Connections:
        return self

    async def __anext__(self) -> Any:
        links = self._session.gap.connections
        while (new := self._new()) is None:
            await until(self._session.engine, links.changed, self._new)
        self._known.append(new)
        return as_given(self._adapter, new)

    def _new(self) -> Connection | None:
        now = self._session.gap.connections.objects
        self._known = [each for each in self._known if each in now]
        return next((each for each in now if each not in self._known), None)


@overload
async def start_advertising(
    adapter: Adapter,
    data: ReadableBuffer,
    *,
    scan_response: ReadableBuffer | None = None,
    connectable: bool = True,
    anonymous: bool = False,
    timeout: int = 0,
    interval: float = 0.1,
    tx_power: int = 0,
    directed_to: Address | None = None,
) -> None: ...
@overload
async def start_advertising(adapter: Any, *args: Any, **options: Any) -> None: ...
async def start_advertising(adapter: Any, *args: Any, **options: Any) -> None:
    """Advertise until stopped or connected to, or for a time.

    Arguments are those of the adapter's method: `Adapter.start_advertising` or that of BLERadio,
    which takes an Advertisement. If the task is cancelled, it does not advertise.
    """
    session = adapter_of(adapter)._session
    if not isinstance(adapter, Adapter):
        stand_in = RadioStandIn(adapter, await finished(session.engine, session.name()))
        args, options = stand_in.advertising(*args, **options)
    wanted = _arguments(Adapter.start_advertising, args, options)
    await finished(session.engine, acts.advertise(session, **wanted))


async def stop_advertising(adapter: Any) -> None:
    """Stop advertising; does nothing when idle. It goes on if the task is cancelled."""
    session = adapter_of(adapter)._session
    await finished(session.engine, session.gap.stop_advertising(), keeps_on=True)


@overload
def scan(
    adapter: Adapter,
    prefixes: ReadableBuffer = b"",
    *,
    buffer_size: int = 512,
    extended: bool = False,
    timeout: float | None = None,
    interval: float = 0.1,
    window: float = 0.1,
    minimum_rssi: int = -80,
    active: bool = True,
) -> Scan: ...
@overload
def scan(adapter: Any, *args: Any, **options: Any) -> Scan: ...
def scan(adapter: Any, *args: Any, **options: Any) -> Scan:
    """Scan while in an `async with` block, and iterate over what is heard.

    Arguments are those of the adapter's method: `Adapter.start_scan`, or that of BLERadio, which
    takes kinds of advertisements.

        async with aio.scan(adapter, timeout=5) as entries:
            async for entry in entries:
                print(entry)
    """
    return Scan(adapter, args, options)


async def stop_scan(adapter: Any) -> None:
    """Stop scanning; does nothing when idle. Whoever iterates gets what is left, and the end."""
    session = adapter_of(adapter)._session
    await finished(session.engine, session.gap.stop_scan(), keeps_on=True)


class Scan:
    """One scan; see `scan`. It ends with its block, by its timeout, or by `stop_scan`.

    What is heard and not taken waits in a buffer of `buffer_size` octets, where each packet costs
    19 and its data. One for which there is no room is dropped and counted; older ones stay.
    """

    def __init__(self, adapter: Any, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._session = adapter_of(adapter)._session
        self._radio: RadioStandIn | None = None
        self._kinds: tuple[Any, ...] = ()
        if not isinstance(adapter, Adapter):
            self._radio, self._kinds = RadioStandIn(adapter), args
            args, options = self._radio.scanning(*args, **options)
        self._wanted = _arguments(Adapter.start_scan, args, options)
        self._buffer: ScanBuffer | None = None

    def __repr__(self) -> str:
        """Whether it runs, and what waits to be taken. Never waits."""
        return f"<Scan {'not begun' if self._buffer is None else self._buffer.state()}>"

    @property
    def dropped(self) -> int:
        """How many packets found no room so far."""
        return 0 if self._buffer is None else self._buffer.dropped

    async def __aenter__(self) -> Scan:
        if self._buffer is not None:
            raise RuntimeError("A scan is made for one block; make another by aio.scan(adapter)")
        engine = self._session.engine
        self._buffer = await finished(engine, acts.scan(self._session, **self._wanted))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._buffer is not None and not self._buffer.finished:  # else another may run by now
            await finished(self._session.engine, self._session.gap.stop_scan(), keeps_on=True)

    def __aiter__(self) -> Scan:
        return self

    async def __anext__(self) -> Any:
        """Return the oldest entry not taken yet.

        Raises: BluetoothError, once all was taken, if the scan ended since the radio was lost.
        """
        if (buffer := self._buffer) is None:
            raise RuntimeError(
                "The scan has not begun; write: async with aio.scan(adapter) as entries: ..."
            )
        while True:
            if not buffer.is_ready():
                await until(self._session.engine, buffer.arrived, buffer.is_ready)
            if (report := buffer.take(waits=False)) is None:
                if buffer.finished:
                    raise StopAsyncIteration
                continue  # another task was faster
            entry = ScanEntry._of(report)
            if self._radio is None:
                return entry
            for advertisement in self._radio.advertisements(entry, *self._kinds):
                return advertisement


def _arguments(
    method: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> dict[str, Any]:
    """Return what a method of Adapter would be called with, defaults and all. Raises: TypeError."""
    bound = signature(method).bind(None, *args, **options)
    bound.apply_defaults()
    return dict(list(bound.arguments.items())[1:])
