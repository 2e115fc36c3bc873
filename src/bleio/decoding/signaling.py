"""L2CAP signaling in words. Spec: Vol 3, Part A, 4."""

from __future__ import annotations

from struct import Struct

from bleio.decoding.octets import Malformed, exactly, milliseconds, unpack
from bleio.decoding.said import Said, malformed

_HEAD = Struct("<BBH")
_PARAMETERS = Struct("<HHHH")
_CREDIT_BASED = Struct("<HHHHH")
_U16, _U16X2 = Struct("<H"), Struct("<HH")
_NAMES = {
    0x01: "Command Reject",
    0x02: "Connection Request",
    0x03: "Connection Response",
    0x04: "Configuration Request",
    0x05: "Configuration Response",
    0x06: "Disconnection Request",
    0x07: "Disconnection Response",
    0x08: "Echo Request",
    0x09: "Echo Response",
    0x0A: "Information Request",
    0x0B: "Information Response",
    0x12: "Connection Parameter Update Request",
    0x13: "Connection Parameter Update Response",
    0x14: "LE Credit Based Connection Request",
    0x15: "LE Credit Based Connection Response",
    0x16: "Flow Control Credit",
    0x17: "Credit Based Connection Request",
    0x18: "Credit Based Connection Response",
    0x19: "Credit Based Reconfigure Request",
    0x1A: "Credit Based Reconfigure Response",
}
_REJECTS = ("Command Not Understood", "Signaling MTU Exceeded", "Invalid CID In Request")
_RESULTS = {
    0x0002: "refused, SPSM Not Supported",
    0x0004: "refused, No Resources Available",
    0x0005: "refused, Insufficient Authentication",
    0x0006: "refused, Insufficient Authorization",
    0x0007: "refused, Encryption Key Size Too Short",
    0x0008: "refused, Insufficient Encryption",
    0x0009: "refused, Invalid Source CID",
    0x000A: "refused, Source CID Already Allocated",
    0x000B: "refused, Unacceptable Parameters",
    0x000C: "refused, Invalid Parameters",
}


def describe(pdu: bytes) -> Said:
    """Say what a PDU of the signaling channel says."""
    try:
        code, identifier, octets = unpack(_HEAD, pdu)
    except Malformed:
        return malformed("L2CAP", "signaling", pdu)
    name = _NAMES.get(code, f"unknown signaling 0x{code:02x}")
    data = pdu[_HEAD.size :]
    if len(data) != octets:
        return malformed("L2CAP", name, pdu)
    try:
        more, trouble = _more(code, data)
    except Malformed:
        return malformed("L2CAP", name, pdu)
    details = (("identifier", str(identifier)),)
    return Said("L2CAP", f"{name}: {more}" if more else name, details, trouble=trouble)


def _more(code: int, data: bytes) -> tuple[str, bool]:
    """Return what the data of a PDU says, and whether it is a refusal. Raises: Malformed."""
    if code == 0x01:
        (reason,) = unpack(_U16, data)
        return _REJECTS[reason] if reason < len(_REJECTS) else f"0x{reason:04x}", True
    if code == 0x12:
        return _parameters(*exactly(_PARAMETERS, data)), False
    if code == 0x13:
        (result,) = exactly(_U16, data)
        return ("rejected", True) if result else ("accepted", False)
    if code == 0x14:
        spsm, *offer = exactly(_CREDIT_BASED, data)
        return f"SPSM 0x{spsm:04x}, {_offer(*offer)}", False
    if code == 0x15:
        *offer, result = exactly(_CREDIT_BASED, data)
        if result:
            return _RESULTS.get(result, f"refused, 0x{result:04x}"), True
        return f"accepted, {_offer(*offer)}", False
    if code in (0x06, 0x07):
        one, other = exactly(_U16X2, data)
        return f"channels 0x{one:04x} and 0x{other:04x}", False
    if code == 0x16:
        channel, credits = exactly(_U16X2, data)
        return f"channel 0x{channel:04x}, {credits}", False
    return "", False


def _parameters(minimum: int, maximum: int, latency: int, timeout: int) -> str:
    interval = milliseconds(minimum)
    if minimum != maximum:
        interval += f" to {milliseconds(maximum)}"
    return f"interval {interval} ms, latency {latency}, time-out {timeout * 10} ms"


def _offer(channel: int, mtu: int, mps: int, credits: int) -> str:
    return f"channel 0x{channel:04x}, MTU {mtu}, MPS {mps}, credits {credits}"
