"""What a user types to say which device: an address in any usual form, or a name.

Addresses are copied from phones, from other tools and from what Python prints, so any of their
forms will do: with colons, hyphens, dots or nothing between the octets, the type before or behind
it or left out, as `<Address ...>`. What looks like an address and is none is refused, since a
search for a device of that name would only end with its time limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import click

from bleio.core.address import DeviceAddress

_TYPE = (
    r"public|random_static|random_private_resolvable|random_private_non_resolvable|"
    r"static|resolvable|random"
)
_ADDRESS = re.compile(
    rf"""(?:<address\s+)?
    (?:(?P<before>{_TYPE})[\s:/,]\s*)?
    (?P<digits>[0-9a-f]{{2}}(?P<between>[:-]?)(?:[0-9a-f]{{2}}(?P=between)){{4}}[0-9a-f]{{2}}
        |[0-9a-f]{{4}}\.[0-9a-f]{{4}}\.[0-9a-f]{{4}})
    (?:\s*[\s/,(]\s*(?P<behind>{_TYPE})\)?)?
    >?""",
    re.IGNORECASE | re.VERBOSE,
)
_LIKE_AN_ADDRESS = re.compile(r"[0-9a-f]{1,2}([:-][0-9a-f]{0,2}){3,}([/ ,]\w+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """Which device is meant.

    Attributes: text: as it was typed. octets: of the address, least significant first, None for a
        name. random: the kind of address, None if it was not said.
    """

    text: str
    octets: bytes | None = None
    random: bool | None = None

    def is_address(self, address: DeviceAddress) -> bool:
        """Whether it is this address that was typed."""
        fits = self.random is None or self.random == address.random
        return self.octets == address.octets and fits

    def rank(self, name: str) -> int | None:
        """Return how well a name fits what was typed, 0 is best; None if it does not."""
        if name == self.text:
            return 0
        if self.octets is not None:
            return None  # twelve digits may be a name, but hardly its beginning
        folded, wanted = name.casefold(), self.text.casefold()
        if folded == wanted:
            return 1
        return 2 if folded.startswith(wanted) else None

    def __str__(self) -> str:
        if self.octets is None:
            return f"called {self.text!r}"
        kind = {None: "", True: " (random)", False: " (public)"}[self.random]
        return f"with the address {self.octets[::-1].hex(':')}{kind}"


def parse_target(text: str) -> Target:
    """Read ADDRESS|NAME. Raises: click.BadParameter for what is neither."""
    if found := _ADDRESS.fullmatch(text.strip()):
        octets = bytes.fromhex(re.sub(r"[:.-]", "", found["digits"]))[::-1]
        return Target(text.strip(), octets, _is_random(found["before"], found["behind"]))
    if _LIKE_AN_ADDRESS.fullmatch(text.strip()):
        raise click.BadParameter(
            f"{text!r} is no whole address: write six octets, such as c0:11:22:33:44:55,"
            " with /public or /random behind it if both kinds are about"
        )
    if not text.strip():
        raise click.BadParameter("the name is empty: write a device's name or address")
    return Target(text)


def _is_random(*words: str | None) -> bool | None:
    said = [word.lower() != "public" for word in words if word]
    return said[0] if said else None


def take_target(context: click.Context, parameter: click.Parameter, value: str) -> Target:
    """Read the argument ADDRESS|NAME of a command: its callback."""
    return parse_target(value)
