"""Which backend: the one string that chooses an adapter.

`virtual`, `virtual:NAME`, `hci:TRANSPORT`, `os`, `os:hci1`, `esphome:HOST`, `auto`; see `CHOICES`.
The string is checked when an adapter is made, and read from the environment when it is first used,
as a program may set that after its import. Backends are imported when one is made, since `import
_bleio` must be quick. There is never a silent choice of the simulated radio: a program that finds
no device would look for the fault in its peer. In a world of the tests there is nothing but its own
radio, so there it is what `auto` means.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from bleio.backends.base import Backend
from bleio.core.address import DeviceAddress
from bleio.errors import CallerError, ControllerLost
from bleio.runtime import identity
from bleio.runtime.portal import portal_of_context

if TYPE_CHECKING:
    from bleio.backends.os.esphome.places import Place

SETTING = "BLEIO_ADAPTER"
CHOICES = (
    "auto or os (the operating system's Bluetooth), os:hci1 (one of its adapters, on Linux),"
    " hci:TRANSPORT (a Bluetooth controller, such as hci:usb:0), esphome:HOST[,HOST...] (ESPHome's"
    " Bluetooth proxies), virtual (a simulated radio of this"
    " process) or virtual:NAME (a simulated radio shared by the processes that use NAME)"
)

MakeBackend = Callable[[DeviceAddress | None], Backend]


def backend_for(choice: str) -> MakeBackend:
    """Return the maker of backends for an adapter string.

    Raises: CallerError if the string is none of the choices.
    """
    kind, colon, rest = choice.partition(":")
    match kind:
        case "virtual" if bool(colon) == bool(rest):
            return _hci(choice, choice)
        case "hci" if rest:
            return _hci(rest, choice)
        case "os" if not colon or re.fullmatch(r"hci\d{1,5}", rest):
            return partial(_operating_system, choice, rest or None)
        case "esphome" if rest:
            return _esphome(choice, rest)
        case "auto" if not colon:
            return _automatic
    from bleio.backends.meant import suggestion

    raise CallerError(
        f"There is no adapter {choice[:200]!r}: choose {CHOICES}"
        f"{suggestion(choice) or f'; {SETTING} holds the choice'}"
    )


def setting() -> str:
    """Return the adapter string that the environment has."""
    return os.environ.get(SETTING) or "auto"


def backend_by_setting(former: DeviceAddress | None) -> Backend:
    """Make the backend that the environment chooses. Raises: CallerError, ControllerLost."""
    try:
        make = backend_for(setting())
    except CallerError as error:
        raise CallerError(f"{SETTING}: {error}") from None
    return make(former)


def backend_over_uart(uart: Any, rts: Any, cts: Any) -> MakeBackend:
    """Return the maker of backends for a controller behind an open serial object and its pins."""
    return _hci(uart, "uart", rts, cts)


def _hci(transport: Any, choice: str, rts: Any = None, cts: Any = None) -> MakeBackend:
    def make(former: DeviceAddress | None) -> Backend:
        if (own := _of_world(choice, former)) is not None:
            return own
        from bleio.backends.hci import HciBackend
        from bleio.backends.hci.bonds.folder import BondFolder

        address = identity.configured_address() or _own_address(former, choice)
        bonds = BondFolder(identity.bond_folder())
        return HciBackend(
            transport, address, rts=rts, cts=cts, bonds=bonds.of, close_bonds=bonds.close
        )

    return make


def _own_address(
    former: DeviceAddress | None, choice: str
) -> DeviceAddress | Callable[[int], DeviceAddress]:
    """Return the address that a reopened adapter had before, or this program's addresses.

    On a simulated radio another program may have taken the former one meanwhile; then the derived
    ones follow. A hardware controller prefers its public address to derived ones, so one that the
    program has set is insisted on.
    """
    derived = identity.derived_addresses(choice)
    if former is None or not former.random:
        return derived
    if choice.partition(":")[0] != "virtual":
        return former
    return partial(_former_first, former, derived)


def _former_first(
    former: DeviceAddress, derived: Callable[[int], DeviceAddress], instance: int
) -> DeviceAddress:
    return derived(instance - 1) if instance else former


def _operating_system(choice: str, adapter: str | None, former: DeviceAddress | None) -> Backend:
    if (own := _of_world(choice, former)) is not None:
        return own
    from bleio.backends.os.automatic import ChosenBackend
    from bleio.backends.os.platforms import this_system

    return ChosenBackend(this_system(adapter, identity.state_folder()))


def _esphome(choice: str, fleet: str) -> MakeBackend:
    from bleio.backends.os.esphome.places import parse_places

    return partial(_fleet, choice, parse_places(fleet))


def _fleet(choice: str, places: Sequence[Place], former: DeviceAddress | None) -> Backend:
    if (own := _of_world(choice, former)) is not None:
        return own
    from bleio.backends.os import OsBackend
    from bleio.backends.os.esphome import fleet_of
    from bleio.backends.os.esphome.places import read_keys

    return OsBackend(fleet_of(places, partial(read_keys, identity.state_folder())))


def _automatic(former: DeviceAddress | None) -> Backend:
    if (own := _of_world("auto", former)) is not None:
        return own
    from bleio.backends.os.automatic import AutomaticBackend, explain
    from bleio.backends.os.platforms import this_system

    try:
        return AutomaticBackend(this_system(None, identity.state_folder()))
    except ControllerLost as error:
        raise ControllerLost(explain(str(error))) from None


def _of_world(choice: str, former: DeviceAddress | None) -> Backend | None:
    """Make the backend of a world that this code runs in; None outside of worlds."""
    own = portal_of_context.get()
    if own is None or own.make_backend is None:
        return None
    return own.make_backend(choice, former)
