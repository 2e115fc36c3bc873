"""Names and fields of HCI's commands and events, from bumble, which has them all.

bumble's classes make objects of packets that are whole. Only their tables are used here, with the
functions that take octets apart by them: what is too short is noticed, and nothing is logged.
It takes 0.2 s to load, so that is done when the first packet of HCI is decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any

from bleio.core.address import DeviceAddress
from bleio.core.hci import Event
from bleio.core.vendor import CLAIM_STATIC_ADDRESS_OPCODE
from bleio.core.words import hci_error
from bleio.decoding.octets import Malformed, value_text

_UPPER = {
    *("LE", "PHY", "BD", "ADDR", "RSSI", "ISO", "CIG", "CIS", "BIG", "BIS", "CTE", "SCO", "PIN"),
    *("AFH", "DHKEY", "P256", "TX", "RX", "OOB", "IO", "CS", "ID", "QOS", "IAC", "LAP"),
}
_WORDS = {"bd": "BD", "addr": "ADDR", "dhkey": "DHKey"}
_AS_HEX = ("handle", "handles", "mask", "features", "opcode", "states", "ediv")
Fields = list[tuple[str, str]]
NameOf = Callable[[DeviceAddress], str]


@cache
def _bumble() -> Any:
    from bumble import hci

    return hci


@cache
def command_name(opcode: int) -> str:
    """Return `LE Set Scan Enable`."""
    if opcode == CLAIM_STATIC_ADDRESS_OPCODE:
        return "Claim Static Address (of bleio's virtual controllers)"
    if _is_vendors(opcode):
        return f"vendor command 0x{opcode:04x}"
    name = _bumble().HCI_Command.command_names.get(opcode)
    return _words(name, "COMMAND") if name else f"command 0x{opcode:04x}"


@cache
def event_name(code: int) -> str:
    """Return `Disconnection Complete`."""
    if code == Event.LE_META:
        return "LE Meta"
    name = _bumble().HCI_Event.event_names.get(code)
    return _words(name, "EVENT") if name else f"event 0x{code:02x}"


@cache
def le_event_name(code: int) -> str:
    """Return `LE Connection Complete`."""
    name = _bumble().HCI_LE_Meta_Event.subevent_names.get(code)
    return _words(name, "EVENT") if name else f"LE event 0x{code:02x}"


def _words(name: str, kind: str) -> str:
    words = name.removeprefix("HCI_").removesuffix(f"_{kind}").split("_")
    text = " ".join(word if word in _UPPER else word.capitalize() for word in words)
    return text.replace("BD ADDR", "BD_ADDR").replace("Dhkey", "DHKey")


def _is_vendors(opcode: int) -> bool:
    """Whether each vendor has another command of it. bumble knows those of whose driver it uses."""
    return opcode >> 10 == 0x3F


def _command(opcode: int) -> Any:
    """Return bumble's class of a command, None if there is none."""
    return None if _is_vendors(opcode) else _bumble().HCI_Command.command_classes.get(opcode)


def command_fields(opcode: int, parameters: bytes, name_of: NameOf) -> Fields:
    """Return the parameters of a command. Raises: Malformed."""
    return _fields(_command(opcode), parameters, 0, name_of)


def return_fields(opcode: int, parameters: bytes, name_of: NameOf) -> Fields:
    """Return what a command returns, its status first. Raises: Malformed."""
    kind = getattr(_command(opcode), "return_parameters_class", None)
    return _fields(kind, parameters, 0, name_of)


def event_fields(code: int, parameters: bytes, name_of: NameOf) -> Fields:
    """Return the parameters of an event. Raises: Malformed."""
    return _fields(_bumble().HCI_Event.event_classes.get(code), parameters, 0, name_of)


def le_event_fields(parameters: bytes, name_of: NameOf) -> Fields:
    """Return the parameters of an LE Meta event, of which the first octet is the code."""
    kind = _bumble().HCI_LE_Meta_Event.subevent_classes.get(parameters[0])
    return _fields(kind, parameters, 1, name_of)


def _fields(kind: Any, parameters: bytes, start: int, name_of: NameOf) -> Fields:
    """Take octets apart by the table of one of bumble's classes."""
    layout = getattr(kind, "fields", None)
    if not layout or kind.__name__.startswith("HCI_Generic"):
        rest = parameters[start:]
        return [("parameters", value_text(rest))] if rest else []
    try:
        end, values = _bumble().HCI_Object.dict_and_offset_from_bytes(parameters, start, layout)
    except Exception:  # of many kinds, for octets of any kind
        raise Malformed from None
    if end > len(parameters):
        raise Malformed
    return [
        (name.replace("_", " "), _shown(name, value, name_of)) for name, value in values.items()
    ]


def _shown(name: str, value: Any, name_of: NameOf) -> str:
    if isinstance(value, list):
        return " and ".join(_shown(name, each, name_of) for each in value) or "none"
    if isinstance(value, bytes | bytearray):
        return (
            value_text(bytes(value).rstrip(b"\0")) if "name" in name else value_text(bytes(value))
        )
    if isinstance(value, int) and (name == "status" or "reason" in name):
        return hci_error(value)
    if isinstance(value, Enum):
        # Sets of flags have a name for each, and none for all.
        return value.name or f"0x{value.value:x}"
    if isinstance(value, int):
        return f"0x{value:04x}" if name.endswith(_AS_HEX) else str(value)
    if isinstance(value, _bumble().Address):
        return name_of(DeviceAddress(bytes(value), not value.is_public))
    return str(value)
