"""Pairing PDUs in words. Spec: Vol 3, Part H, 3."""

from __future__ import annotations

from struct import Struct

from bleio.core.address import DeviceAddress
from bleio.core.pairing import IoCapability
from bleio.core.words import pairing_reason
from bleio.decoding.octets import counted
from bleio.decoding.said import Said, malformed

_FEATURES = Struct("<BBBBBB")
_IDENTITY_ADDRESS = 0x09
# By code: the name, and how many octets there are with the code.
_PDUS = {
    0x01: ("Pairing Request", 7),
    0x02: ("Pairing Response", 7),
    0x03: ("Pairing Confirm", 17),
    0x04: ("Pairing Random", 17),
    0x05: ("Pairing Failed", 2),
    0x06: ("Encryption Information", 17),
    0x07: ("Central Identification", 11),
    0x08: ("Identity Information", 17),
    _IDENTITY_ADDRESS: ("Identity Address Information", 8),
    0x0A: ("Signing Information", 17),
    0x0B: ("Security Request", 2),
    0x0C: ("Pairing Public Key", 65),
    0x0D: ("Pairing DHKey Check", 17),
    0x0E: ("Pairing Keypress Notification", 2),
}
_IO = {
    IoCapability.DISPLAY_ONLY: "display",
    IoCapability.DISPLAY_YES_NO: "display and yes or no",
    IoCapability.KEYBOARD_ONLY: "keyboard",
    IoCapability.NO_INPUT_NO_OUTPUT: "no input and no output",
    IoCapability.KEYBOARD_DISPLAY: "keyboard and display",
}
_AUTH = ((0x01, "bonding"), (0x04, "MITM"), (0x08, "Secure Connections"), (0x10, "keypresses"))
_KEYS = ((0x01, "encryption"), (0x02, "identity"), (0x04, "signing"), (0x08, "BR/EDR link"))
_KEYPRESSES = ("started", "digit entered", "digit erased", "cleared", "completed")


def describe(pdu: bytes) -> Said:
    """Say what a PDU of the Security Manager says. Keys are not shown, but with the octets."""
    name, octets = _PDUS.get(pdu[0], ("", 0)) if pdu else ("PDU", 1)
    if not name:
        return Said("SMP", f"unknown PDU 0x{pdu[0]:02x}, {counted(len(pdu), 'octet')}")
    if len(pdu) != octets:
        return malformed("SMP", name, pdu)
    if pdu[0] in (0x01, 0x02):
        return _features(name, pdu)
    if pdu[0] == 0x05:
        reason = pairing_reason(pdu[1])
        return Said("SMP", f"{name}: {reason}", (("reason", f"0x{pdu[1]:02x}"),), trouble=True)
    if pdu[0] == 0x0B:
        return Said("SMP", f"{name}: {_flags(pdu[1], _AUTH) or 'nothing'}")
    if pdu[0] == _IDENTITY_ADDRESS:
        return Said("SMP", f"{name}: {DeviceAddress(pdu[2:8], pdu[1] & 1 == 1)}")
    if pdu[0] == 0x0E and pdu[1] < len(_KEYPRESSES):
        return Said("SMP", f"{name}: {_KEYPRESSES[pdu[1]]}")
    return Said("SMP", name)


def _features(name: str, pdu: bytes) -> Said:
    io, oob, auth, size, initiator, responder = _FEATURES.unpack_from(pdu, 1)
    shown = _IO[IoCapability(io)] if io in _IO else f"IO capability 0x{io:02x}"
    wishes = [shown, "out-of-band data" if oob else "", _flags(auth, _AUTH)]
    details = (
        ("key size", str(size)),
        ("initiator's keys", _flags(initiator, _KEYS) or "none"),
        ("responder's keys", _flags(responder, _KEYS) or "none"),
    )
    if size != 16:
        wishes.append(f"keys of {counted(size, 'octet')}")
    return Said("SMP", f"{name}: {', '.join(filter(None, wishes))}", details)


def _flags(value: int, names: tuple[tuple[int, str], ...]) -> str:
    return ", ".join(name for flag, name in names if value & flag)
