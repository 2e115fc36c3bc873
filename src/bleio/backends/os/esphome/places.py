"""Where proxies are in the network, as an adapter string names them, and with which keys.

An adapter string is printed in messages, stands in shell histories and process lists, and is copied
into questions to others. So keys are not in it. They come from a file in the state folder, a line
for each proxy, or from the environment, one for all.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bleio import files
from bleio.errors import CallerError, ControllerLost

DEFAULT_PORT = 6053
KEY_SETTING = "BLEIO_ESPHOME_KEY"
KEY_FILE = "esphome-keys"
MOST_PROXIES = 256

_KEY_OCTETS = 32
_MOST_FILE_OCTETS = 1 << 16
_ANY = "*"
_HOST = re.compile(r"[\w.-]+", re.ASCII)


class Place(NamedTuple):
    """One proxy's host, a name or an address without brackets, and port."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT else f"{host}:{self.port}"


def parse_places(text: str) -> list[Place]:
    """Read `HOST[:PORT][,HOST[:PORT]...]`; an IPv6 address with a port has brackets.

    Raises: CallerError with a sentence.
    """
    places = [_parse_place(part.strip()) for part in text.split(",")]
    if len(places) > MOST_PROXIES:
        raise CallerError(f"{len(places)} ESPHome proxies are named, more than {MOST_PROXIES}")
    for place in places:
        if places.count(place) > 1:
            raise CallerError(f"The ESPHome proxy {place} is named twice")
    return places


def _parse_place(text: str) -> Place:
    host, port = text, str(DEFAULT_PORT)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and rest[0] != ":"):
            raise _no_place(text)
        port = rest[1:] if rest else port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not (_is_host(host) and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise _no_place(text)
    return Place(host.lower(), int(port))


def _is_host(text: str) -> bool:
    if ":" not in text:
        return _HOST.fullmatch(text) is not None
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def _no_place(text: str) -> CallerError:
    return CallerError(
        f"{text!r} is no place of an ESPHome proxy: write HOST or HOST:PORT, such as"
        " kitchen.local, 192.168.1.20 or [fe80::1%eth0]:6053, and commas between several,"
        " as in BLEIO_ADAPTER=esphome:kitchen.local,192.168.1.20"
    )


@dataclass(frozen=True)
class Keys:
    """The encryption keys of proxies, in base64 as in their configuration; not in the repr."""

    by_place: Mapping[Place, str] = field(repr=False)
    for_others: str | None = field(default=None, repr=False)

    def of(self, place: Place) -> str | None:
        """Return a proxy's key; None: it is spoken to in the clear."""
        return self.by_place.get(place, self.for_others)


def read_keys(folder: Path, environment: Mapping[str, str] = os.environ) -> Keys:
    """Read the keys of all proxies.

    Args: folder: where the file of keys may be.

    Raises: ControllerLost with a sentence if there are keys that cannot be used.
    """
    path = folder / KEY_FILE
    by_place, for_others = _in_file(path)
    if key := environment.get(KEY_SETTING):
        for_others = _checked(key, KEY_SETTING)
    return Keys(by_place, for_others)


def _in_file(path: Path) -> tuple[dict[Place, str], str | None]:
    try:
        with files.open_own(path) as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise ControllerLost(
                    f"The keys of ESPHome proxies in {path} can be read by other users:"
                    f" run chmod 600 {path}"
                )
            text = file.read(_MOST_FILE_OCTETS).decode(errors="replace")
    except FileNotFoundError:
        return {}, None
    except OSError as error:
        raise ControllerLost(
            f"The keys of ESPHome proxies in {path} cannot be read: {error.strerror or error}"
        ) from None
    return _lines(text.splitlines(), path)


def _lines(lines: Sequence[str], path: Path) -> tuple[dict[Place, str], str | None]:
    by_place: dict[Place, str] = {}
    for_others = None
    for number, line in enumerate(lines, 1):
        where = f"line {number} of {path}"
        match line.partition("#")[0].split():
            case []:
                continue
            case [host, key] if host == _ANY:
                for_others = _checked(key, where)
            case [host, key]:
                by_place[_place_of(host, where)] = _checked(key, where)
            case _:
                raise ControllerLost(f"In {where} there is not a host and a key")
    return by_place, for_others


def _place_of(text: str, where: str) -> Place:
    try:
        return _parse_place(text)
    except CallerError as error:
        raise ControllerLost(f"In {where}: {error}") from None


def _checked(key: str, where: str) -> str:
    """Raises: ControllerLost, without the key, if it cannot be one."""
    try:
        octets = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) != _KEY_OCTETS:
        raise ControllerLost(
            f"In {where} there is no encryption key of an ESPHome proxy: copy the {_KEY_OCTETS}"
            " octets in base64 that follow `key:` below `api:` in its configuration"
        )
    return key
