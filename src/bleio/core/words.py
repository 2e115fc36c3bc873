"""Error and status codes in the specification's words, for people.

A program acts on numbers (`core.codes`), and those are few. People search for the words, whatever a
peer or a controller has said, so here are all of them: of ATT, of pairing, of HCI and the link
layer. A number without a name gets one too, with the number in it.

Spec: Vol 3, Part F, 3.4.1.1 and the Core Specification Supplement, Part B (ATT); Vol 3, Part H,
3.5.5 (pairing); Vol 1, Part F, 1.3 (HCI and link layer).
"""

from __future__ import annotations

from typing import Final

_ATT: Final = {
    0x01: "Invalid Handle",
    0x02: "Read Not Permitted",
    0x03: "Write Not Permitted",
    0x04: "Invalid PDU",
    0x05: "Insufficient Authentication",
    0x06: "Request Not Supported",
    0x07: "Invalid Offset",
    0x08: "Insufficient Authorization",
    0x09: "Prepare Queue Full",
    0x0A: "Attribute Not Found",
    0x0B: "Attribute Not Long",
    0x0C: "Encryption Key Size Too Short",
    0x0D: "Invalid Attribute Value Length",
    0x0E: "Unlikely Error",
    0x0F: "Insufficient Encryption",
    0x10: "Unsupported Group Type",
    0x11: "Insufficient Resources",
    0x12: "Database Out Of Sync",
    0x13: "Value Not Allowed",
    0xFC: "Write Request Rejected",
    0xFD: "Client Characteristic Configuration Descriptor Improperly Configured",
    0xFE: "Procedure Already In Progress",
    0xFF: "Out Of Range",
}
_OF_APPLICATIONS: Final = range(0x80, 0xA0)
_OF_PROFILES: Final = range(0xE0, 0x100)

_PAIRING: Final = {
    0x01: "Passkey Entry Failed",
    0x02: "OOB Not Available",
    0x03: "Authentication Requirements",
    0x04: "Confirm Value Failed",
    0x05: "Pairing Not Supported",
    0x06: "Encryption Key Size",
    0x07: "Command Not Supported",
    0x08: "Unspecified Reason",
    0x09: "Repeated Attempts",
    0x0A: "Invalid Parameters",
    0x0B: "DHKey Check Failed",
    0x0C: "Numeric Comparison Failed",
    0x0D: "BR/EDR Pairing In Progress",
    0x0E: "Cross-transport Key Derivation/Generation Not Allowed",
    0x0F: "Key Rejected",
    0x10: "Busy",
}

_HCI: Final = {
    0x00: "Success",
    0x01: "Unknown HCI Command",
    0x02: "Unknown Connection Identifier",
    0x03: "Hardware Failure",
    0x04: "Page Timeout",
    0x05: "Authentication Failure",
    0x06: "PIN or Key Missing",
    0x07: "Memory Capacity Exceeded",
    0x08: "Connection Timeout",
    0x09: "Connection Limit Exceeded",
    0x0A: "Synchronous Connection Limit To A Device Exceeded",
    0x0B: "Connection Already Exists",
    0x0C: "Command Disallowed",
    0x0D: "Connection Rejected Due To Limited Resources",
    0x0E: "Connection Rejected Due To Security Reasons",
    0x0F: "Connection Rejected Due To Unacceptable BD_ADDR",
    0x10: "Connection Accept Timeout Exceeded",
    0x11: "Unsupported Feature Or Parameter Value",
    0x12: "Invalid HCI Command Parameters",
    0x13: "Remote User Terminated Connection",
    0x14: "Remote Device Terminated Connection Due To Low Resources",
    0x15: "Remote Device Terminated Connection Due To Power Off",
    0x16: "Connection Terminated By Local Host",
    0x17: "Repeated Attempts",
    0x18: "Pairing Not Allowed",
    0x19: "Unknown LMP PDU",
    0x1A: "Unsupported Remote Feature",
    0x1B: "SCO Offset Rejected",
    0x1C: "SCO Interval Rejected",
    0x1D: "SCO Air Mode Rejected",
    0x1E: "Invalid LL Parameters",
    0x1F: "Unspecified Error",
    0x20: "Unsupported LL Parameter Value",
    0x21: "Role Change Not Allowed",
    0x22: "LL Response Timeout",
    0x23: "LL Procedure Collision",
    0x24: "LMP PDU Not Allowed",
    0x25: "Encryption Mode Not Acceptable",
    0x26: "Link Key cannot be Changed",
    0x27: "Requested QoS Not Supported",
    0x28: "Instant Passed",
    0x29: "Pairing With Unit Key Not Supported",
    0x2A: "Different Transaction Collision",
    0x2C: "QoS Unacceptable Parameter",
    0x2D: "QoS Rejected",
    0x2E: "Channel Classification Not Supported",
    0x2F: "Insufficient Security",
    0x30: "Parameter Out Of Mandatory Range",
    0x32: "Role Switch Pending",
    0x34: "Reserved Slot Violation",
    0x35: "Role Switch Failed",
    0x36: "Extended Inquiry Response Too Large",
    0x37: "Secure Simple Pairing Not Supported By Host",
    0x38: "Host Busy - Pairing",
    0x39: "Connection Rejected Due To No Suitable Channel Found",
    0x3A: "Controller Busy",
    0x3B: "Unacceptable Connection Parameters",
    0x3C: "Advertising Timeout",
    0x3D: "Connection Terminated Due To MIC Failure",
    0x3E: "Connection Failed To Be Established / Synchronization Timeout",
    0x40: "Coarse Clock Adjustment Rejected But Will Try To Adjust Using Clock Dragging",
    0x41: "Type0 Submap Not Defined",
    0x42: "Unknown Advertising Identifier",
    0x43: "Limit Reached",
    0x44: "Operation Cancelled By Host",
    0x45: "Packet Too Long",
    0x46: "Packet Too Late",
    0x47: "Packet Too Early",
    0x48: "Insufficient Channels",
}


def att_error(code: int) -> str:
    """Return the name of an ATT error code, such as `Insufficient Authentication`."""
    if (name := _ATT.get(code)) is not None:
        return name
    if code in _OF_APPLICATIONS:
        return f"Application Error 0x{code:02X}"
    if code in _OF_PROFILES:
        return f"Common Profile Error 0x{code:02X}"
    return f"Reserved Error 0x{code:02X}"


def pairing_reason(code: int) -> str:
    """Return the name of the reason in a Pairing Failed, such as `Confirm Value Failed`."""
    return _PAIRING.get(code) or f"Reserved Reason 0x{code:02X}"


def hci_error(code: int) -> str:
    """Return the name of a status or reason of HCI or the link layer, such as `Success`."""
    return _HCI.get(code) or f"Reserved Error 0x{code:02X}"
