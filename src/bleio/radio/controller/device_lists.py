"""The filter accept list and the resolving list.

Neither may change while something goes by it, as the specification demands: an advertiser, a
scanner or an initiator would else judge the packets of one event by two lists. The resolving list
is exempt while address resolution is off, for nothing looks at it then.

Spec: Vol 4, Part E, 7.8.14 to 7.8.17, 7.8.38 to 7.8.45 and 7.8.77.
"""

from __future__ import annotations

from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.radio.air.privacy import RESOLVING_LIST_SIZE, Entry
from bleio.radio.controller.core import Controller
from bleio.radio.controller.dispatch import CommandError, allow, command, require

ACCEPT_LIST_SIZE = 64
_ANONYMOUS = 0xFF
_MAX_TIMEOUT_S = 0xA1B8


def _allow_list_change(controller: Controller) -> None:
    """The list may not change while something filters by it."""
    layer = controller.layer
    allow(not any(each.enabled and each.parameters.filter_policy for each in layer.all_advertisers))
    allow(not (layer.scanner.enabled and layer.scanner.parameters.filter_policy & 1))
    initiating = layer.initiator.parameters
    allow(initiating is None or initiating.peer is not None)


@command(0x200F, "LE Read Filter Accept List Size", bit=(26, 6), returns=1)
def read_accept_list_size(_controller: Controller) -> bytes:
    """Room in the accept list."""
    return bytes((ACCEPT_LIST_SIZE,))


@command(0x2010, "LE Clear Filter Accept List", bit=(26, 7))
def clear_accept_list(controller: Controller) -> None:
    """Empty the accept list."""
    _allow_list_change(controller)
    controller.layer.accept_list.clear()


def _listed(address_type: int, address: bytes) -> DeviceAddress | None:
    """The device of an accept list command, None for devices that advertise anonymously."""
    require(address_type <= 1 or address_type == _ANONYMOUS)
    return None if address_type == _ANONYMOUS else DeviceAddress(address, bool(address_type))


@command(0x2011, "LE Add Device To Filter Accept List", "B6s", bit=(27, 0))
def add_to_accept_list(controller: Controller, address_type: int, address: bytes) -> None:
    """Add a device."""
    device = _listed(address_type, address)
    _allow_list_change(controller)
    listed = controller.layer.accept_list
    if device not in listed and len(listed) >= ACCEPT_LIST_SIZE:
        raise CommandError(HciErrorCode.MEMORY_CAPACITY_EXCEEDED)
    listed[device] = None


@command(0x2012, "LE Remove Device From Filter Accept List", "B6s", bit=(27, 1))
def remove_from_accept_list(controller: Controller, address_type: int, address: bytes) -> None:
    """Remove a device."""
    device = _listed(address_type, address)
    _allow_list_change(controller)
    controller.layer.accept_list.pop(device, None)


def _allow_resolving_change(controller: Controller) -> None:
    """The list may not change while resolution is on and something uses it."""
    if controller.layer.resolving.enabled:
        _allow_while_idle(controller)


def _allow_while_idle(controller: Controller) -> None:
    layer = controller.layer
    allow(not any(advertiser.enabled for advertiser in layer.all_advertisers))
    allow(not layer.scanner.enabled and layer.initiator.parameters is None)


def _identity(address_type: int, address: bytes) -> DeviceAddress:
    require(address_type <= 1)
    return DeviceAddress(address, bool(address_type))


def _entry(controller: Controller, address_type: int, address: bytes) -> Entry:
    entry = controller.layer.resolving.entries.get(_identity(address_type, address))
    if entry is None:
        raise CommandError(HciErrorCode.UNKNOWN_CONNECTION_IDENTIFIER)
    return entry


@command(0x2027, "LE Add Device To Resolving List", "B6s16s16s", bit=(34, 3))
def add_to_resolving_list(
    controller: Controller, address_type: int, address: bytes, peer_irk: bytes, local_irk: bytes
) -> None:
    """Add a peer with its key and ours."""
    identity = _identity(address_type, address)
    _allow_resolving_change(controller)
    resolving = controller.layer.resolving
    require(identity not in resolving.entries)
    if len(resolving.entries) >= RESOLVING_LIST_SIZE:
        raise CommandError(HciErrorCode.MEMORY_CAPACITY_EXCEEDED)
    resolving.add(Entry(identity, peer_irk, local_irk))


@command(0x2028, "LE Remove Device From Resolving List", "B6s", bit=(34, 4))
def remove_from_resolving_list(controller: Controller, address_type: int, address: bytes) -> None:
    """Remove a peer."""
    _allow_resolving_change(controller)
    entry = _entry(controller, address_type, address)
    controller.layer.resolving.remove(entry.identity)


@command(0x2029, "LE Clear Resolving List", bit=(34, 5))
def clear_resolving_list(controller: Controller) -> None:
    """Remove all peers."""
    _allow_resolving_change(controller)
    controller.layer.resolving.clear()


@command(0x202A, "LE Read Resolving List Size", bit=(34, 6), returns=1)
def read_resolving_list_size(_controller: Controller) -> bytes:
    """Room in the resolving list."""
    return bytes((RESOLVING_LIST_SIZE,))


@command(0x202B, "LE Read Peer Resolvable Address", "B6s", bit=(34, 7), returns=6)
def read_peer_rpa(controller: Controller, address_type: int, address: bytes) -> bytes:
    """The private address a peer was last seen with."""
    return _entry(controller, address_type, address).peer_rpa


@command(0x202C, "LE Read Local Resolvable Address", "B6s", bit=(35, 0), returns=6)
def read_local_rpa(controller: Controller, address_type: int, address: bytes) -> bytes:
    """The private address in use towards a peer."""
    return _entry(controller, address_type, address).local_rpa


@command(0x202D, "LE Set Address Resolution Enable", "B", bit=(35, 1))
def set_address_resolution(controller: Controller, enable: int) -> None:
    """Resolve addresses in the controller, or leave that to the host."""
    require(enable <= 1)
    _allow_while_idle(controller)
    controller.layer.resolving.enabled = bool(enable)


@command(0x202E, "LE Set Resolvable Private Address Timeout", "H", bit=(35, 2))
def set_rpa_timeout(controller: Controller, timeout_s: int) -> None:
    """How long a private address of ours is used; counts from the next one on."""
    require(1 <= timeout_s <= _MAX_TIMEOUT_S)
    controller.layer.resolving.timeout_s = timeout_s


@command(0x204E, "LE Set Privacy Mode", "B6sB", bit=(39, 2))
def set_privacy_mode(controller: Controller, address_type: int, address: bytes, mode: int) -> None:
    """Whether a peer with a key may also use its identity address."""
    require(mode <= 1)
    _allow_resolving_change(controller)
    _entry(controller, address_type, address).network_privacy = mode == 0
