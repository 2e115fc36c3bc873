"""Control PDUs of the link layer in words. Spec: Vol 6, Part B, 2.4.2."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from bleio.core.codes import HciErrorCode
from bleio.core.words import hci_error
from bleio.decoding.names import company_name
from bleio.decoding.octets import Malformed, counted, exactly, milliseconds
from bleio.decoding.said import Said, malformed

TERMINATE_IND, ENC_REQ, START_ENC_REQ = 0x02, 0x03, 0x05
CONNECTION_UPDATE_IND = 0x00
UPDATE = Struct("<BHHHHH")  # window, offset, interval, latency, time-out, instant

_NAMES = {
    0x00: "Connection Update",
    0x01: "Channel Map",
    0x02: "Terminate",
    0x03: "Encryption Request",
    0x04: "Encryption Response",
    0x05: "Start Encryption Request",
    0x06: "Start Encryption Response",
    0x07: "Unknown Response",
    0x08: "Feature Request",
    0x09: "Feature Response",
    0x0A: "Pause Encryption Request",
    0x0B: "Pause Encryption Response",
    0x0C: "Version",
    0x0D: "Reject",
    0x0E: "Peripheral Feature Request",
    0x0F: "Connection Parameter Request",
    0x10: "Connection Parameter Response",
    0x11: "Reject",
    0x12: "Ping Request",
    0x13: "Ping Response",
    0x14: "Length Request",
    0x15: "Length Response",
    0x16: "PHY Request",
    0x17: "PHY Response",
    0x18: "PHY Update",
    0x19: "Minimum Used Channels",
    0x1A: "CTE Request",
    0x1B: "CTE Response",
    0x1C: "Periodic Sync",
    0x1D: "Clock Accuracy Request",
    0x1E: "Clock Accuracy Response",
    0x1F: "CIS Request",
    0x20: "CIS Response",
    0x21: "CIS",
    0x22: "CIS Terminate",
    0x23: "Power Control Request",
    0x24: "Power Control Response",
    0x25: "Power Change",
    0x26: "Subrate Request",
    0x27: "Subrate",
    0x28: "Channel Reporting",
    0x29: "Channel Status",
    0x2A: "Periodic Sync With Response",
    0x2B: "Feature Extended Request",
    0x2C: "Feature Extended Response",
    0x2D: "Channel Sounding Security Request",
    0x2E: "Channel Sounding Security Response",
}
# Ends that somebody has asked for.
_IN_ORDER = (
    *(HciErrorCode.REMOTE_USER_TERMINATED, HciErrorCode.LOCAL_HOST_TERMINATED),
    *(HciErrorCode.REMOTE_POWER_OFF, HciErrorCode.REMOTE_LOW_RESOURCES),
)
_PHYS = ((1, "1M"), (2, "2M"), (4, "Coded"))


def describe(pdu: bytes) -> Said:
    """Say what a control PDU says."""
    if not pdu:
        return malformed("LL", "control PDU", pdu)
    name = _NAMES.get(pdu[0])
    if name is None:
        return Said("LL", f"unknown control PDU 0x{pdu[0]:02x}, {counted(len(pdu), 'octet')}")
    describe_one = _DESCRIBED.get(pdu[0])
    if describe_one is None:
        return Said("LL", name)
    layout, tell = describe_one
    try:
        more, trouble = tell(*exactly(layout, pdu[1:]))
    except Malformed:
        return malformed("LL", name, pdu)
    return Said("LL", f"{name}: {more}" if more else name, trouble=trouble)


_Told = tuple[str, bool]


def _update(
    _window: int, _offset: int, interval: int, latency: int, timeout: int, at: int
) -> _Told:
    return f"{connection_text(interval, latency, timeout)}, at event {at}", False


def connection_text(interval: int, latency: int, timeout: int) -> str:
    """Return the parameters of a connection in words."""
    return f"interval {milliseconds(interval)} ms, latency {latency}, time-out {timeout * 10} ms"


def _channels(channel_map: bytes, at: int) -> _Told:
    number = int.from_bytes(channel_map, "little") & (1 << 37) - 1
    return f"{number.bit_count()} channels, at event {at}", False


def _terminate(reason: int) -> _Told:
    return hci_error(reason), reason not in _IN_ORDER


def _unknown(opcode: int) -> _Told:
    return _NAMES.get(opcode, f"0x{opcode:02x}"), False


def _features(features: int) -> _Told:
    return f"0x{features:016x}", False


def _version(version: int, company: int, subversion: int) -> _Told:
    return f"{version} of {company_name(company)}, subversion 0x{subversion:04x}", False


def _reject(reason: int) -> _Told:
    return hci_error(reason), True


def _reject_of(opcode: int, reason: int) -> _Told:
    return f"{hci_error(reason)} for {_NAMES.get(opcode, f'0x{opcode:02x}')}", True


def _parameters(minimum: int, maximum: int, latency: int, timeout: int, _: bytes) -> _Told:
    interval = milliseconds(minimum)
    if minimum != maximum:
        interval += f" to {milliseconds(maximum)}"
    return f"interval {interval} ms, latency {latency}, time-out {timeout * 10} ms", False


def _length(rx: int, _rx_us: int, tx: int, _tx_us: int) -> _Told:
    return f"receives {rx} octets, sends {tx}", False


def _phy(tx: int, rx: int) -> _Told:
    return f"sends {_phys(tx)}, receives {_phys(rx)}", False


def _phy_update(to_peripheral: int, to_central: int, at: int) -> _Told:
    if not to_peripheral and not to_central:
        return "no change", False
    return (
        f"to peripheral {_phys(to_peripheral)}, to central {_phys(to_central)}, at event {at}",
        False,
    )


def _phys(bits: int) -> str:
    return " or ".join(name for bit, name in _PHYS if bits & bit) or "as before"


def _nothing(*_: object) -> _Told:
    return "", False


_DESCRIBED: dict[int, tuple[Struct, Callable[..., _Told]]] = {
    CONNECTION_UPDATE_IND: (UPDATE, _update),
    0x01: (Struct("<5sH"), _channels),
    TERMINATE_IND: (Struct("<B"), _terminate),
    ENC_REQ: (Struct("<8sH8s4s"), _nothing),
    0x04: (Struct("<8s4s"), _nothing),
    START_ENC_REQ: (Struct(""), _nothing),
    0x06: (Struct(""), _nothing),
    0x07: (Struct("<B"), _unknown),
    0x08: (Struct("<Q"), _features),
    0x09: (Struct("<Q"), _features),
    0x0A: (Struct(""), _nothing),
    0x0B: (Struct(""), _nothing),
    0x0C: (Struct("<BHH"), _version),
    0x0D: (Struct("<B"), _reject),
    0x0E: (Struct("<Q"), _features),
    0x0F: (Struct("<HHHH15s"), _parameters),
    0x10: (Struct("<HHHH15s"), _parameters),
    0x11: (Struct("<BB"), _reject_of),
    0x12: (Struct(""), _nothing),
    0x13: (Struct(""), _nothing),
    0x14: (Struct("<HHHH"), _length),
    0x15: (Struct("<HHHH"), _length),
    0x16: (Struct("<BB"), _phy),
    0x17: (Struct("<BB"), _phy),
    0x18: (Struct("<BBH"), _phy_update),
}
