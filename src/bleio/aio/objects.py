"""Which object of `_bleio` is meant, by that or by the one of adafruit_ble that holds it.

adafruit_ble's are known by what they hold, under the names that its versions of the last years have
in common; it is not imported. What a radio makes of an advertisement, and an advertisement of what
a scan heard, is done by its own methods, on a stand-in for its adapter that waits for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from bleio.api import Adapter, CharacteristicBuffer, Connection, PacketBuffer, ScanEntry
from bleio.api._arguments import instance

T = TypeVar("T")


def adapter_of(adapter: Any) -> Adapter:
    """Return the adapter, also of a BLERadio. Raises: TypeError."""
    return instance("adapter", _inside(adapter, Adapter, "_adapter"), Adapter)


def connection_of(connection: Any) -> Connection:
    """Return the connection, also of a BLEConnection. Raises: TypeError."""
    inner = _inside(connection, Connection, "_bleio_connection")
    return instance("connection", inner, Connection)


def octets_of(buffer: Any) -> CharacteristicBuffer:
    """Return the buffer, also that by which a UARTService reads. Raises: TypeError."""
    inner = _inside(buffer, CharacteristicBuffer, "_rx")
    return instance("buffer", inner, CharacteristicBuffer)


def packets_of(buffer: Any) -> PacketBuffer:
    """Return the buffer. Raises: TypeError."""
    return instance("buffer", _inside(buffer, PacketBuffer, "_packet_buffer"), PacketBuffer)


def as_given(adapter: Any, connection: Connection) -> Any:
    """Return a link as this kind of adapter has it: a BLERadio a BLEConnection, if it lives."""
    if not isinstance(adapter, Adapter):
        for each in adapter.connections:
            if connection_of(each) is connection:
                return each
    return connection


def _inside(outer: Any, kind: type, attribute: str) -> Any:
    """Return what is in that attribute, if it is such an object; else the outer one."""
    if isinstance(outer, kind):
        return outer
    inner = getattr(outer, attribute, None)
    return inner if isinstance(inner, kind) else outer


class RadioStandIn:
    """Stands for a BLERadio in methods of its class, and for the adapter that is in it."""

    tx_power = 0

    def __init__(self, radio: Any, name: str = "") -> None:
        self._kind = type(radio)
        self._adapter = self
        self._entries: tuple[ScanEntry, ...] = ()
        self.name = name
        self.asked: tuple[tuple[Any, ...], dict[str, Any]] = (), {}

    def advertising(self, *args: Any, **options: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what `BLERadio.start_advertising` asks of its adapter."""
        self._kind.start_advertising(self, *args, **options)
        return self.asked

    def scanning(self, *kinds: Any, **options: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what `BLERadio.start_scan` asks of its adapter."""
        list(self._kind.start_scan(self, *kinds, **options))
        return self.asked

    def advertisements(self, entry: ScanEntry, *kinds: Any) -> list[Any]:
        """Return what `BLERadio.start_scan` makes of what was heard: one or none."""
        self._entries = (entry,)
        return list(self._kind.start_scan(self, *kinds))

    # The adapter's part

    def start_advertising(self, *args: Any, **options: Any) -> None:
        self.asked = args, options

    def start_scan(self, *args: Any, **options: Any) -> Iterator[ScanEntry]:
        self.asked = args, options
        entries, self._entries = self._entries, ()
        return iter(entries)
