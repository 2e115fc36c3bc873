"""What one adapter's host has dropped, refused or found wrong, by reason.

Peers and controllers send what they like, and most of what is wrong is to be ignored, as the
specification says. But a lost packet without a trace is the hardest fault to find; so it is counted
where it is dropped. All openings of an adapter, and all links, count in one record: nobody looks
for one link's, and what a link that is gone has counted must not go with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from bleio.att.counters import Counters


@dataclass(slots=True)
class HciCounters:
    """One adapter's. Thread: the engine's; any may read."""

    ignored: int = 0  # packets and events that nobody handles
    malformed: int = 0
    early_data: int = 0  # held until its link, or the link's encryption, was reported
    late_data: int = 0  # taken though its link had ended
    unproven_data: int = 0  # held, and gone with a link whose encryption was never reported
    unknown_handles: int = 0
    faults: int = 0  # our own: exceptions out of a handler
    unexpected_answers: int = 0  # to commands that nobody waits for
    impossible_completions: int = 0  # of more packets than were sent, or on no link
    scan_fragments: int = 0  # of advertising data that never became whole
    noise_octets: int = 0  # on a line, between packets
    l2cap_fragments: int = 0  # that did not fit together
    l2cap_malformed: int = 0
    smp_stray: int = 0  # SMP PDUs that belong to nothing, or are malformed
    att: Counters = field(default_factory=Counters)

    def by_name(self) -> dict[str, int]:
        """Return all of them under the names that users read."""
        named = {
            "hci.ignored": self.ignored,
            "hci.early_data": self.early_data,
            "hci.late_data": self.late_data,
            "hci.unproven_data": self.unproven_data,
            "hci.malformed": self.malformed,
            "hci.unknown_handles": self.unknown_handles,
            "hci.faults": self.faults,
            "hci.unexpected_answers": self.unexpected_answers,
            "hci.impossible_completions": self.impossible_completions,
            "hci.noise_octets": self.noise_octets,
            "l2cap.dropped_fragments": self.l2cap_fragments,
            "l2cap.malformed": self.l2cap_malformed,
            "scan.dropped_fragments": self.scan_fragments,
            "smp.stray": self.smp_stray,
        }
        for each in fields(self.att):
            named[f"att.{each.name}"] = getattr(self.att, each.name)
        return named
