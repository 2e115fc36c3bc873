"""What scans have dropped or found wrong, of all scans of an adapter together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class ScanCounters:
    """One adapter's. Thread: the engine's; any may read."""

    classic: int = 0  # signals that may be an inquiry's
    malformed: int = 0  # of what the system has said
    refused_commands: int = 0  # to have duplicates reported, by the kernel
    scan_fragments: int = 0  # of extended packets that never became whole

    def by_name(self) -> Mapping[str, int]:
        """Return all of them under the names that users read."""
        return {
            "scan.dropped_classic": self.classic,
            "scan.malformed": self.malformed,
            "scan.dropped_fragments": self.scan_fragments,
            "scan.refused_commands": self.refused_commands,
        }
