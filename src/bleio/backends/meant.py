"""Which adapter string somebody meant who has typed another one.

The strings have a form of their own, and people come with names from elsewhere: `hci0` of Linux,
`usb:0` of bumble, `/dev/ttyACM0` of a board's manual, `virtual-desk` from memory. Each kind of name
is a pattern here and what it would be as an adapter string. They are asked in order, the certain
ones first; a plain word comes last, as it may be anything.

Only an error asks, so nothing of this costs a program that has typed it right.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

_GAP = r"[\s:=/._-]*"  # what people put between the parts
_NAME = r"([A-Za-z0-9_-][A-Za-z0-9._-]{0,63})"
SPEED = ",1000000"
SCHEMES = (
    *("serial", "udp", "tcp-client", "tcp-server", "ws-client", "ws-server", "pty", "file", "vhci"),
    *("hci-socket", "usb", "pyusb", "android-emulator", "android-netsim", "unix", "unix-client"),
    "unix-server",
)
_KINDS = ("virtual", "hci", "os", "esphome", "auto")
_PORT = r"(/dev/[^\s,]+|COM\d+|tty[A-Z]\w*|cu\.[^\s,]+)"
_SPEED = r"((?:,\w+)*)"

_PATTERNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"os:hci(\d{1,5})", ("os:hci{0}",)),
    (rf"virtual:{_NAME}", ("virtual:{0}",)),
    (rf"(?:os|hci|bluez|linux)?{_GAP}hci{_GAP}(\d{{1,5}})", ("os:hci{0}", "hci:hci-socket:{0}")),
    (rf"(?:hci{_GAP})?(?:hci-?)?socket{_GAP}(\d{{1,5}})", ("hci:hci-socket:{0}",)),
    (rf"os{_GAP}(\d{{1,5}})", ("os:hci{0}",)),
    (rf"(?:hci{_GAP})?(?:usb|dongle){_GAP}(\d{{1,3}})", ("hci:usb:{0}",)),
    (r"(?:hci:)?(?:usb:)?([0-9a-f]{4}:[0-9a-f]{4})", ("hci:usb:{0}",)),
    (rf"(?:hci{_GAP})?(?:usb|dongle){_GAP}|hci{_GAP}", ("hci:usb:0",)),
    (rf"(?:hci{_GAP})?(?:serial{_GAP})?{_PORT}{_SPEED}", ("hci:serial:{0}{1}",)),
    (r"(?:hci:)?(?:tcp|socket):(?://)?([\w.-]+|\[[^\]]+\]):(\d+)", ("hci:tcp-client:{0}:{1}",)),
    (r"([\w-]+(?:\.[\w-]+)*):(\d{2,5})", ("hci:tcp-client:{0}:{1}",)),
    (rf"(?:{'|'.join(SCHEMES)}):.+|pty|vhci|android-emulator|android-netsim", ("hci:{text}",)),
    (r"(?:os|bluez|bluetooth|native|system|bleak|corebluetooth|winrt|default)(?::.*)?", ("os",)),
    (r"auto:?.*", ("auto",)),
    (rf"virtual{_GAP}", ("virtual:desk", "virtual")),
    (rf"virtual{_GAP}{_NAME}|radio[\s:=/]+{_NAME}", ("virtual:{0}{1}",)),
    (r"(?:sim|simulat\w+|fake|mock|emulat\w+)(?::.*)?", ("virtual:desk", "virtual")),
    (rf"esphome{_GAP}([\w.-]*\w)", ("esphome:{0}",)),
    (r"([\w-]+(?:\.[\w-]+)*\.(?:local|lan|home)|\d+\.\d+\.\d+\.\d+)", ("esphome:{0}",)),
)


def meant(text: str) -> tuple[str, ...]:
    """Return the adapter strings that are likely to be meant, none or a few."""
    plain = text.strip().strip("'\"`").strip()
    if not plain.isascii() or not plain.isprintable() or len(plain) > 200:
        return ()
    found = _by_pattern(plain) or _by_spelling(plain) or _by_word(plain)
    return tuple(each for each in found if each != text)


def suggestion(text: str) -> str:
    """Return the end of a sentence that names them; "" if nobody knows."""
    if not (found := meant(text)):
        return ""
    choices = " or ".join(f'"{each}"' for each in found)
    return f"; did you mean {choices} (BLEIO_ADAPTER={found[0]})?"


def _by_pattern(plain: str) -> tuple[str, ...]:
    for pattern, strings in _PATTERNS:
        if (match := re.fullmatch(pattern, plain, re.IGNORECASE)) is not None:
            parts = [part or "" for part in match.groups()]
            return tuple(each.format(*_completed(each, parts), text=plain) for each in strings)
    return ()


def _completed(string: str, parts: list[str]) -> list[str]:
    """Give a serial port its folder and its speed."""
    if not string.startswith("hci:serial:"):
        return parts
    port, speed = parts
    if port.startswith(("tty", "cu.")):
        port = f"/dev/{port}"
    return [port, speed or SPEED]


def _by_spelling(plain: str) -> tuple[str, ...]:
    """Correct one word of those that are known, and look again."""
    kind, colon, rest = plain.partition(":")
    if kind == "hci":
        scheme, more, parameters = rest.partition(":")
        near = get_close_matches(scheme.lower(), SCHEMES, n=1, cutoff=0.7)
        return _by_pattern(f"{near[0]}{more}{parameters}") if near and near[0] != scheme else ()
    near = get_close_matches(kind.lower(), (*_KINDS, *SCHEMES), n=1, cutoff=0.6 if colon else 0.7)
    if not near or near[0] == kind:
        return ()
    if near[0] == "hci" and rest.partition(":")[0] in SCHEMES:
        return (f"hci:{rest}",)
    return _by_pattern(f"{near[0]}{colon}{rest}")


def _by_word(plain: str) -> tuple[str, ...]:
    is_radio = re.fullmatch(_NAME, plain) and plain.lower() not in (*_KINDS, *SCHEMES)
    return (f"virtual:{plain}",) if is_radio else ()
