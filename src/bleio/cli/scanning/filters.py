"""Which devices a scan is to show.

Several options of one kind are alternatives, different kinds add up: two names and a service are a
device of either name that has the service. A device is judged by all that it has said so far, since
its name is often in the scan response alone. What is typed is checked before anything is heard: a
service that has no such name would else be a scan that finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bleio import names
from bleio.cli.scanning.device import Device

Test = Callable[[Device], bool]


@dataclass
class Filters:
    """Tests that a device must pass, one for each kind of option that was given."""

    tests: list[Test]

    def __bool__(self) -> bool:
        """Whether anything in particular is looked for."""
        return bool(self.tests)

    def fit(self, device: Device) -> bool:
        """Tell whether a device is one of those that are asked for."""
        return all(test(device) for test in self.tests)


def parse_filters(
    texts: Sequence[str] = (),
    addresses: Sequence[str] = (),
    services: Sequence[str] = (),
    manufacturers: Sequence[str] = (),
    rssi_dbm: int | None = None,
    connectable: bool | None = None,
) -> Filters:
    """Return the filters that options say.

    Args: texts: of names.
    Raises: ValueError with a sentence.
    """
    tests: list[Test] = []
    if texts:
        tests.append(_named(texts))
    if addresses:
        tests.append(_at([_address_prefix(text) for text in addresses]))
    if services:
        tests.append(_serving({uuid for text in services for uuid in names.find_uuid(text)}))
    if manufacturers:
        tests.append(_made_by({each for text in manufacturers for each in _companies(text)}))
    if rssi_dbm is not None:
        tests.append(_as_strong_as(rssi_dbm))
    if connectable is not None:
        tests.append(lambda device: device.connectable == connectable)
    return Filters(tests)


def _named(texts: Sequence[str]) -> Test:
    """Return a test of names: they have a text in them, or fit one with * or ? as a whole."""
    patterns = [_pattern(text.casefold()) for text in texts]

    def test(device: Device) -> bool:
        name = device.name.casefold()
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return test


def _pattern(text: str) -> str:
    if "*" in text or "?" in text:
        return text.replace("[", "[[]")
    return f"*{text.replace('[', '[[]')}*"


def _at(prefixes: Sequence[str]) -> Test:
    return lambda device: device.address_text.replace(":", "").startswith(tuple(prefixes))


def _address_prefix(text: str) -> str:
    """Return the digits that an address must begin with."""
    digits = text.lower().replace("-", ":")
    if not re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2}){0,5}:?|[0-9a-f:]{1,17}", digits):
        raise ValueError(
            f"{text!r} is not how an address begins, such as f0:f1 or f0:f1:22:33:44:55"
        )
    return digits.replace(":", "")


def _serving(wanted: set[bytes]) -> Test:
    def test(device: Device) -> bool:
        return not wanted.isdisjoint(device.services)

    return test


def _companies(text: str) -> tuple[int, ...]:
    found = names.find_companies(text)
    if not found:
        close = " or ".join(map(repr, names.suggest_companies(text)))
        like = f"; did you mean {close}?" if close else ""
        raise ValueError(f"No company has {text!r} in its name, nor is it one's number{like}")
    return found


def _made_by(companies: set[int]) -> Test:
    return lambda device: not companies.isdisjoint(device.companies)


def _as_strong_as(rssi_dbm: int) -> Test:
    def test(device: Device) -> bool:
        return device.rssi_dbm is not None and device.rssi_dbm >= rssi_dbm

    return test
