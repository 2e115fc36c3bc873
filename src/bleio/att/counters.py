"""What a bearer dropped, so that nothing is lost without a trace."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """PDUs of one bearer that had no effect, by reason."""

    malformed: int = 0  # empty or longer than we said we take; or a truncated notification
    unknown_commands: int = 0
    refused_commands: int = 0  # writes without permission, signature, room or a valid handle
    unsolicited_responses: int = 0  # nobody had asked, or asked for something else
    unsolicited_confirmations: int = 0
    unheard_values: int = 0  # notifications and indications that no listener waits for
    suppressed_values: int = 0  # ours, withheld from a change-unaware client
    missed_values: int = 0  # ours, of clients that take them too slowly
    insecure_values: int = 0  # ours, withheld as the link is not secure enough for them
    distrusted_values: int = 0  # the peer's, over a plain link though they came encrypted before
