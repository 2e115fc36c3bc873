"""Controller and baseband commands: reset, masks, flow control towards the host, and our own.

Host Number Of Completed Packets is the only command without an answer, and one that hosts send all
the time: with flow control on, it accounts for every data packet. It is not refused for a handle
that has just gone, since the host cannot know that yet.

Spec: Vol 4, Part E, 7.3.
"""

from __future__ import annotations

import struct

from bleio.core import vendor
from bleio.core.address import AddressType, DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.radio.controller.core import Controller
from bleio.radio.controller.dispatch import CommandError, allow, command, require
from bleio.radio.controller.flow import ACL_OCTETS

_COUNT = struct.Struct("<HH")
_MAX_POWER_DBM = 20


@command(0x0C03, "Reset", bit=(5, 7))
def reset(controller: Controller) -> None:
    """Back to the state after power-on, but for a claimed address."""
    controller.reset()


@command(0x0C01, "Set Event Mask", "Q", bit=(5, 6))
def set_event_mask(controller: Controller, mask: int) -> None:
    """Choose events."""
    controller.host.events.mask = mask


@command(0x0C63, "Set Event Mask Page 2", "Q", bit=(22, 2))
def set_event_mask_page_2(controller: Controller, mask: int) -> None:
    """Choose events of the second page; this controller has none to send."""
    controller.host.events.mask_page_2 = mask


@command(0x2001, "LE Set Event Mask", "Q", bit=(25, 0))
def le_set_event_mask(controller: Controller, mask: int) -> None:
    """Choose LE events."""
    controller.host.events.le_mask = mask


@command(0x0C31, "Set Controller To Host Flow Control", "B", bit=(10, 5))
def set_flow_control(controller: Controller, kinds: int) -> None:
    """Count the packets the host has room for; 1 is ACL, 2 and 3 have SCO as well."""
    require(kinds <= 3)
    allow(not controller.layer.links)
    controller.host.set_flow_control(bool(kinds & 1))


@command(0x0C33, "Host Buffer Size", "HBHH", bit=(10, 6))
def host_buffer_size(
    controller: Controller, acl_octets: int, _sco_octets: int, acl_count: int, _sco_count: int
) -> None:
    """The host says how many packets it has room for; each must hold any data PDU."""
    require(acl_octets >= ACL_OCTETS and acl_count > 0)
    controller.host.set_buffers(acl_count)


@command(0x0C35, "Host Number Of Completed Packets", "B", bit=(10, 7), tail=True, silent=True)
def host_completed_packets(controller: Controller, handles: int, pairs: bytes) -> None:
    """The host has room again; the only command without an answer."""
    require(len(pairs) == handles * _COUNT.size)
    for handle, count in _COUNT.iter_unpack(pairs):
        end = controller.layer.links.get(handle)
        if end is not None:
            controller.host.is_done(end, count)
            controller.layer.wake_links()


@command(0x0C6C, "Read LE Host Support", bit=(24, 5), returns=2)
def read_le_host_support(controller: Controller) -> bytes:
    """Read whether the host supports LE."""
    return bytes((controller.le_host, 0))


@command(0x0C6D, "Write LE Host Support", "BB", bit=(24, 6))
def write_le_host_support(controller: Controller, supported: int, _unused: int) -> None:
    """The host says whether it supports LE; the second parameter is ignored by specification."""
    require(supported <= 1)
    controller.le_host = supported


@command(0x0C2D, "Read Transmit Power Level", "HB", bit=(10, 2), returns=3, echo=2)
def read_transmit_power_level(controller: Controller, handle: int, kind: int) -> bytes:
    """Power on a connection, now or at most."""
    require(kind <= 1)
    if handle not in controller.layer.links:
        raise CommandError(HciErrorCode.UNKNOWN_CONNECTION_IDENTIFIER)
    power = _MAX_POWER_DBM if kind else controller.layer.links[handle].tx_power_dbm
    return struct.pack("<Hb", handle, power)


@command(
    vendor.CLAIM_STATIC_ADDRESS_OPCODE,
    "Vendor Claim Static Random Address",
    "6s",
    bit=None,
    returns=6,
    echo=6,
)
def claim_static_address(controller: Controller, address: bytes) -> bytes:
    """See `bleio.core.vendor`."""
    require(DeviceAddress(address, True).type is AddressType.RANDOM_STATIC)
    if not controller.layer.radio.claim_static_address(address, controller.layer.station):
        raise CommandError(HciErrorCode.CONNECTION_ALREADY_EXISTS)
    return address
