"""Prints which member of `_bleio` works on which platform, as a table for the documentation.

    python tools/capability_table.py            # prints it
    python tools/capability_table.py --write    # puts it into docs/os.md

It is made of the capabilities: of `PLATFORMS`, which the backends claim and which the conformance
suite and the errors go by, and of `ROWS` here, which says what programs see of each. A test holds
that the page has what this prints, that every capability has its row, and that members exist.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import bleio.api
from bleio.backends.capabilities import PLATFORMS, Capability, Platform

PAGE = Path(__file__).resolve().parents[1] / "docs" / "os.md"
BEGIN, END = "<!-- table: tools/capability_table.py -->\n", "<!-- end of table -->\n"
HEADS = {
    "hci": "`hci:`, `virtual`",
    "BlueZ": "`os` on Linux",
    "Windows": "`os` on Windows",
    "macOS": "`os` on macOS",
    "ESPHome": "`esphome:`",
}

# What a program sees of each capability: a member, and which part of it.
ROWS: tuple[tuple[Capability, str, str], ...] = (
    (Capability.OWN_ADDRESS, "Adapter.address", "read"),
    (Capability.SETTABLE_ADDRESS, "Adapter.address", "set"),
    (Capability.PERIPHERAL, "Adapter.start_advertising", "and clients of the own services"),
    (Capability.NON_CONNECTABLE_ADVERTISING, "Adapter.start_advertising", "`connectable=False`"),
    (Capability.ADVERTISING_INTERVAL, "Adapter.start_advertising", "`interval`"),
    (Capability.TRANSMIT_POWER, "Adapter.start_advertising", "`tx_power`"),
    (Capability.DIRECTED_ADVERTISING, "Adapter.start_advertising", "`directed_to`"),
    (Capability.ANONYMOUS_ADVERTISING, "Adapter.start_advertising", "`anonymous=True`"),
    (Capability.PASSIVE_SCANNING, "Adapter.start_scan", "`active=False`"),
    (Capability.SCAN_TIMING, "Adapter.start_scan", "`interval`, `window`"),
    (Capability.EXTENDED_ADVERTISING, "Adapter.start_scan", "`extended=True`; so advertised, too"),
    (Capability.PEER_ADDRESSES, "ScanEntry.address", "the device's own"),
    (Capability.SCAN_RESPONSES, "ScanEntry.scan_response", ""),
    (
        Capability.RAW_ADVERTISING,
        "ScanEntry.advertisement_bytes",
        "octet for octet; so advertised, too",
    ),
    (Capability.CONNECTION_INTERVAL, "Connection.connection_interval", ""),
    (Capability.PAIRING, "Connection.pair", ""),
    (Capability.PAIRING_AFRESH, "Connection.pair", "with a device that has lost its keys"),
    (Capability.PAIRING_ON_REQUEST, "Characteristic.value", "refused as long as it takes pairing"),
    (Capability.PAIRING_DELEGATE, "Adapter.pairing_delegate", ""),
    (Capability.OUT_OF_BAND, "Adapter.local_oob", "and pairing with it"),
    (Capability.ERASABLE_BONDS, "Adapter.erase_bonding", ""),
    (Capability.SUBSCRIBERS, "PacketBuffer", "of the own services, with one client as its peer"),
    (Capability.SECURE_CONNECTIONS_ONLY, "Adapter.security", "`secure_connections_only`"),
    (Capability.MIN_KEY_OCTETS, "Adapter.security", "`min_key_octets`"),
    (Capability.PAIRING_METHOD, "Adapter.security", "`method`"),
    (Capability.DEBUG_KEYS, "Adapter.security", "`debug_keys`"),
    (Capability.PRIVATE_ADDRESS, "Adapter.security", "`private_address`, `rotation_s`"),
    (Capability.FAIL_CLOSED, "Adapter.security", "`fail_closed`"),
)
# What no member of `_bleio` shows.
UNSEEN = {
    Capability.HANDLES: "handles are between backends and the conformance suite",
    Capability.SERVICE_CHANGED: "the system looks itself, and programs find the new services",
    Capability.KEY_STRENGTH: "programs are told whether a link is encrypted, and no more",
}


def table() -> str:
    """Return the table with its notes, in Markdown."""
    notes = Notes()
    platforms = [each for each in PLATFORMS if each.name in HEADS]
    lines = [
        f"| member | {' | '.join(HEADS[each.name] for each in platforms)} |",
        f"|---|{'---|' * len(platforms)}",
    ]
    for capability, member, part in ROWS:
        cells = [_cell(capability, each, notes) for each in platforms]
        what = f"`{member}`{', ' if part else ''}{part}"
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *notes, f"All else is the same everywhere: {_same()}.", ""])


class Notes:
    """Numbered remarks, each once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def __iter__(self) -> Iterator[str]:
        for text, number in self._numbers.items():
            yield f"{number}. {text}"
        if self._numbers:
            yield ""


def _cell(capability: Capability, platform: Platform, notes: Notes) -> str:
    takes, instead = platform.takes.get(capability), platform.instead.get(capability)
    if capability in platform.can:
        return "yes" if takes is None else f"yes ({notes.number(f'It takes {takes}.')})"
    return "no" if instead is None else f"no ({notes.number(f'In place of it, {instead}.')})"


def _same() -> str:
    """Name the members that no row mentions, by class."""
    limited = {member for _, member, _ in ROWS}
    found = []
    for name in ("Adapter", "Connection", "Service", "Characteristic", "Descriptor", "ScanEntry"):
        members = [
            each
            for each, value in vars(getattr(bleio.api, name)).items()
            if not each.startswith("_")
            and (callable(value) or isinstance(value, (property, classmethod)))
            and f"{name}.{each}" not in limited
        ]
        found.append(f"`{name}` with {', '.join(f'`{each}`' for each in sorted(members))}")
    return "; ".join(found) + "; `CharacteristicBuffer`; `PacketBuffer` at a peer's services"


def page_with(text: str) -> str:
    """Return the page with this table in its place."""
    page = PAGE.read_text("utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} has no place for the table")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page_with(table()), "utf-8")
    else:
        print(table())
