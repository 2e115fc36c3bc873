"""`_bleio.ScanResults`.

The iterator is the program's side of a `ScanBuffer`. It holds nothing of the scan itself, so to
drop it does not stop the scan; `stop_scan` does, or the scan's time.
"""

from __future__ import annotations

from typing import Any

from bleio.api._arguments import described, no_constructor, public
from bleio.api.scan_entry import ScanEntry
from bleio.runtime.scan_buffer import ScanBuffer


@public
class ScanResults:
    """Iterates over what one scan received; ends when the scan is over and all was read."""

    _buffer: ScanBuffer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        no_constructor(ScanResults)

    @classmethod
    def _of(cls, buffer: ScanBuffer) -> ScanResults:
        results = cls.__new__(cls)
        results._buffer = buffer
        return results

    @described
    def __repr__(self) -> str:
        """What waits to be read, and whether more may come. Never waits."""
        return f"<ScanResults {self._buffer.state()}>"

    def __iter__(self) -> ScanResults:
        return self

    def __next__(self) -> ScanEntry:
        """Return the oldest entry not read yet.

        Raises: BluetoothError, once all was read, if the scan ended since the radio was lost.
        Thread: any; waits for a packet or the end.
        """
        report = self._buffer.take()
        if report is None:
            raise StopIteration
        return ScanEntry._of(report)
