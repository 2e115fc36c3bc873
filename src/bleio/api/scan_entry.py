"""`_bleio.ScanEntry`."""

from __future__ import annotations

from typing import Any

from bleio.api._arguments import ReadableBuffer, described, no_constructor, public, readable
from bleio.api.address import Address
from bleio.backends.base import Report
from bleio.core.advertising import Prefixes


@public
class ScanEntry:
    """One advertising packet, or one scan response, as it was received."""

    __slots__ = ("_report",)

    _report: Report

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        no_constructor(ScanEntry)

    @classmethod
    def _of(cls, report: Report) -> ScanEntry:
        entry = cls.__new__(cls)
        entry._report = report
        return entry

    @described
    def __repr__(self) -> str:
        """What it is and where from, how strong, and its octets."""
        report = self._report
        kind = "scan response" if report.scan_response else "advertisement"
        address = report.address.octets[::-1].hex(":")
        return f"<ScanEntry {kind} of {address} at {report.rssi_dbm} dBm: {report.data.hex()}>"

    def matches(
        self, prefixes: ReadableBuffer, *, match_all: bool = True, all: bool | None = None
    ) -> bool:
        """Tell whether the data has AD structures that begin with the prefixes.

        Args: prefixes: a run of length octet and prefix, each compared from the AD type on.
            match_all: every prefix must match some structure; otherwise any one. all: the name
            that match_all had before CircuitPython 7.
        Raises: TypeError.
        """
        wanted = Prefixes(readable(prefixes))
        every = match_all if all is None else all
        data = self._report.data
        return wanted.match_all(data) if every else wanted.match_any(data)

    @property
    def address(self) -> Address:
        """The advertiser's address; its identity if that is known."""
        return Address._on_air(self._report.address)

    @property
    def advertisement_bytes(self) -> bytes:
        """The AD structures of this one packet."""
        return self._report.data

    @property
    def rssi(self) -> int:
        """Received strength in dBm."""
        return self._report.rssi_dbm

    @property
    def connectable(self) -> bool:
        """Whether the advertiser accepts connections."""
        return self._report.connectable

    @property
    def scan_response(self) -> bool:
        """Whether this is the answer to a scan request."""
        return self._report.scan_response
