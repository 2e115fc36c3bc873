"""What programs have an adapter do, as operations: see `bleio.runtime.calls`.

The checks of arguments are here, in CircuitPython's order and words. `Adapter` carries these out
and blocks meanwhile; `bleio.aio` awaits them. Neither has a check of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.api._advertising import checked_parameters
from bleio.api._arguments import (
    ReadableBuffer,
    at_least,
    duration,
    instance,
    integer,
    readable,
    real,
)
from bleio.api.address import Address
from bleio.api.connection import Connection
from bleio.backends.base import ScanParameters
from bleio.core.advertising import Prefixes
from bleio.errors import BluetoothError
from bleio.runtime.scan_buffer import ScanBuffer

if TYPE_CHECKING:
    from bleio.runtime.session import Session

_MIN_SCAN_S, _MAX_SCAN_S = 0.0025, 40.959375  # Vol 4, Part E, 7.8.64


async def advertise(
    session: Session,
    data: ReadableBuffer,
    scan_response: ReadableBuffer | None,
    connectable: bool,
    anonymous: bool,
    timeout: int,
    interval: float,
    tx_power: int,
    directed_to: Address | None,
) -> None:
    """See `Adapter.start_advertising`."""
    parameters, timeout_s = checked_parameters(
        data, scan_response, connectable, anonymous, timeout, interval, tx_power, directed_to
    )
    if session.server.asks_for_security:
        session.security_matters()
    await session.gap.start_advertising(parameters, timeout_s)


async def scan(
    session: Session,
    prefixes: ReadableBuffer,
    buffer_size: int,
    extended: bool,
    timeout: float | None,
    interval: float,
    window: float,
    minimum_rssi: int,
    active: bool,
) -> ScanBuffer:
    """See `Adapter.start_scan`."""
    timeout_s = 0.0 if timeout is None else duration("timeout", timeout)
    interval_s = real("interval", interval)
    if not _MIN_SCAN_S <= interval_s <= _MAX_SCAN_S:
        raise ValueError(f"interval must be in range {_MIN_SCAN_S}-{_MAX_SCAN_S}")
    if timeout_s and timeout_s < interval_s:
        raise ValueError("non-zero timeout must be >= interval")
    window_s = real("window", window)
    if window_s > interval_s:
        raise ValueError("window must be <= interval")
    if window_s < _MIN_SCAN_S:
        raise ValueError(f"window must be >= {_MIN_SCAN_S}")
    octets = readable(prefixes)
    capacity = at_least("buffer_size", buffer_size, 1)
    minimum_rssi_dbm = integer("minimum_rssi", minimum_rssi)
    parameters = ScanParameters(
        round(interval_s * 1_000_000), round(window_s * 1_000_000), bool(active), bool(extended)
    )
    clock, counted = session.engine.clock, session.counted
    buffer = ScanBuffer(clock, capacity, Prefixes(octets), minimum_rssi_dbm, counted)
    await session.gap.start_scan(parameters, timeout_s, buffer)
    return buffer


async def connect(session: Session, address: Address, timeout: float) -> Connection:
    """See `Adapter.connect`."""
    device = instance("address", address, Address)._device()
    connection: Connection = await session.gap.connect(device, duration("timeout", timeout))
    return connection


async def set_address(session: Session, value: Address) -> None:
    """See `Adapter.address`."""
    device = instance("address", value, Address)._device()
    if value.type != Address.RANDOM_STATIC or not device.is_static:
        raise BluetoothError("Could not set address")
    try:
        await session.set_address(device)
    except (BluetoothError, ValueError, MemoryError) as error:
        raise BluetoothError("Could not set address") from error
