"""All bonds of a folder, for people who look at them: read, and never changed by that.

An adapter reads the file of its own identity and sets a damaged one aside. Here all are read, each
as an adapter would, and what is wrong with one is said; it stays where it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bleio.backends.hci.bonds.format import MAX_FILE_OCTETS, DamagedError, decode
from bleio.backends.hci.bonds.store import Bond
from bleio.core.address import DeviceAddress
from bleio.files import open_own
from bleio.ownership import risk_above

_NAME = re.compile(r"([0-9a-f]{12})-(random|public)\.json")
MOST_FILES = 10_000


@dataclass(frozen=True)
class Kept:
    """What one file has.

    Attributes:
        own: the identity whose bonds they are.
        changed_s: when the file was written last, in seconds since 1970.
        bonds: with whether they are for the central role; oldest first.
        problem: why nothing can be read; else empty.
    """

    path: Path
    own: DeviceAddress
    changed_s: float = 0.0
    bonds: tuple[tuple[bool, Bond], ...] = ()
    problem: str = ""


def all_kept(folder: Path) -> Iterator[Kept]:
    """Yield what is in each file of a folder, by own address. Raises: OSError of the folder."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    for name in names[:MOST_FILES]:
        if (match := _NAME.fullmatch(name)) is not None:
            own = DeviceAddress(bytes.fromhex(match[1])[::-1], random=match[2] == "random")
            yield _kept(folder / name, own)


def _kept(path: Path, own: DeviceAddress) -> Kept:
    try:
        if (risk := risk_above(path)) is not None:
            return Kept(path, own, problem=f"it {risk}")
        with open_own(path) as file:
            changed_s = os.fstat(file.fileno()).st_mtime
            contents = decode(file.read(MAX_FILE_OCTETS + 1))
    except (DamagedError, OSError) as error:
        return Kept(path, own, problem=getattr(error, "strerror", None) or str(error))
    bonds = tuple((central, bond) for (central, _), bond in contents.bonds.items())
    return Kept(path, own, changed_s, bonds)
