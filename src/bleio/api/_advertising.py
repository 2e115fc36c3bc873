"""The checks of `Adapter.start_advertising`, in the order in which CircuitPython makes them.

Programs and their tests meet the first error only, so the order is part of the behaviour, and so
are the texts. The limits are those of the nRF port; what a controller allows is often more.
"""

from __future__ import annotations

from bleio.api._arguments import ReadableBuffer, at_least, instance, integer, readable, real
from bleio.api.address import Address
from bleio.backends.base import AdvertisingParameters
from bleio.errors import BluetoothError

LEGACY_OCTETS = 31  # Vol 6, Part B, 2.3.1
_MAX_OCTETS = 255
_MAX_CONNECTABLE_OCTETS = 238
_MIN_INTERVAL_S, _MAX_INTERVAL_S = 0.02, 10.24
_MAX_TIMEOUT_S = 180
# Without a limit, a private address would be used for longer than one should be.
_ANONYMOUS_TIMEOUT_S = 180
# What makes directed advertising high duty cycle, which the controller ends after 1.28 s.
_HIGH_DUTY_INTERVAL_S, _HIGH_DUTY_TIMEOUT_S = 3.5, 1
_TX_POWER_DBM = range(-127, 21)  # Vol 4, Part E, 7.8.53


def checked_parameters(
    data: ReadableBuffer,
    scan_response: ReadableBuffer | None,
    connectable: bool,
    anonymous: bool,
    timeout: int,
    interval: float,
    tx_power: int,
    directed_to: Address | None,
) -> tuple[AdvertisingParameters, int]:
    """Make the backend's parameters of a program's. Returns: them and the time limit in seconds.

    Raises: TypeError, ValueError, BluetoothError.
    """
    octets = readable(data)
    response = b"" if scan_response is None else readable(scan_response)
    interval_s = _interval(interval)
    timeout_s = at_least("timeout", timeout, 0)
    connectable = bool(connectable)
    if len(octets) > LEGACY_OCTETS and connectable and response:
        raise BluetoothError("Cannot have scan responses for extended, connectable advertisements.")
    if directed_to is not None:
        if not connectable:
            raise BluetoothError("Only connectable advertisements can be directed")
        instance("directed_to", directed_to, Address)
    _check_sizes(octets, response, connectable)
    if directed_to is not None and octets:
        raise BluetoothError("Data not supported with directed advertising")
    if timeout_s > _MAX_TIMEOUT_S:
        raise BluetoothError(
            f"Timeout is too long: Maximum timeout length is {_MAX_TIMEOUT_S} seconds"
        )
    timeout_s = timeout_s or (_ANONYMOUS_TIMEOUT_S if anonymous else 0)
    tx_power_dbm = integer("tx_power", tx_power)
    if tx_power_dbm not in _TX_POWER_DBM:
        raise ValueError("Invalid BLE parameter")
    parameters = AdvertisingParameters(
        octets,
        response,
        connectable,
        bool(anonymous),
        round(interval_s * 1_000_000),
        tx_power_dbm,
        None if directed_to is None else directed_to._device(),
        high_duty_cycle=directed_to is not None
        and interval_s <= _HIGH_DUTY_INTERVAL_S
        and timeout_s <= _HIGH_DUTY_TIMEOUT_S,
    )
    return parameters, timeout_s


def _interval(interval: object) -> float:
    interval_s = real("interval", interval)
    if not _MIN_INTERVAL_S <= interval_s <= _MAX_INTERVAL_S:
        raise ValueError(f"interval must be in range {_MIN_INTERVAL_S}-{_MAX_INTERVAL_S}")
    return interval_s


def _check_sizes(octets: bytes, response: bytes, connectable: bool) -> None:
    limit = _MAX_CONNECTABLE_OCTETS if connectable else _MAX_OCTETS
    if len(octets) > limit or len(response) > LEGACY_OCTETS:
        raise ValueError("Data too large for advertisement packet")
    if len(octets) > LEGACY_OCTETS and response:
        raise BluetoothError("Extended advertisements with scan response not supported.")
