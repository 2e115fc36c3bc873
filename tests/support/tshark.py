"""tshark as the judge of captures; tests that need it are skipped where it is missing."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest

from support.patience import PATIENCE_S

needs_tshark: pytest.MarkDecorator = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed (Debian: apt install tshark)"
)
_WARNING = 0x600000  # of tshark's severities; an error is above it
_BAD = f"_ws.malformed || _ws.expert.severity >= {_WARNING}"
WRONG_CRC = "Incorrect CRC"
MALFORMED = "Malformed Packet (Exception occurred)"
EXCEEDS = "Packet size exceed current ATT_MTU"
COLLISION = (
    "Initiating a new incompatible control procedure after having sent a response to "
    "an incompatible control procedure"
)
_OTHER_END = {"2": "3", "3": "2"}  # as the pseudo header has it: from the central, to it
_ATT_RESPONSES, _ATT_REQUESTS = range(0x01, 0x1A, 2), range(0x02, 0x1A, 2)
_WITH_INSTANT = (0x00, 0x01, 0x0F, 0x16)  # what begins a change of parameters, channels, PHY


def fields(path: Path, *names: str, only: str = "") -> list[list[str]]:
    """The values of some fields of all frames, or of those that a display filter lets through.

    The last of them may hold anything, the others no semicolon.
    """
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=;"]
    for name in names:
        command += ["-e", name]
    if only:
        command += ["-Y", only]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split(";", len(names) - 1) for line in done.stdout.split("\n")[:-1]]


class _Frame(NamedTuple):
    """What tshark says of one frame; empty where there is none of it."""

    number: str
    protocol: str
    severities: str
    messages: str
    access_address: str
    acl_handle: str
    pdu_type: str
    control_opcode: str
    interface: str
    direction: str
    att_opcode: str
    att_octets: str
    client_mtu: str
    server_mtu: str
    info: str


_FRAME_FIELDS = (
    "frame.number",
    "_ws.col.Protocol",
    "_ws.expert.severity",
    "_ws.expert.message",
    "btle.access_address",
    "bthci_acl.chandle",
    "btle_rf.pdu_type",
    "btle.control_opcode",
    "frame.interface_id",
    "hci_h4.direction",
    "btatt.opcode",
    "btl2cap.length",
    "btatt.client_rx_mtu",
    "btatt.server_rx_mtu",
    "_ws.col.Info",
)


class Complaint(NamedTuple):
    """A warning or an error of tshark's expert info about one frame."""

    frame: int
    protocol: str
    info: str
    message: str


def complaints(path: Path) -> list[Complaint]:
    """All warnings and errors of tshark's expert info but those in which tshark is wrong."""
    looked_at = f"{_BAD} || btle.control_opcode || btatt.opcode"
    # In one go: tshark takes every frame apart each time. The last column may hold anything.
    frames = [_Frame(*each) for each in fields(path, *_FRAME_FIELDS, only=looked_at)]
    found = []
    for frame in frames:
        severities, messages = frame.severities.split(","), frame.messages.split(",")
        for severity, message in zip(severities, messages, strict=True):
            if severity and int(severity) >= _WARNING:
                found.append(Complaint(int(frame.number), frame.protocol, frame.info, message))
    suspects = {each.frame for each in found if each.message == COLLISION}
    mistaken = _crossings(frames, suspects) if suspects else set()
    suspects = {each.frame for each in found if each.protocol == "ATT"}
    too_long = {each.frame for each in found if each.message == EXCEEDS}
    mistaken |= _mixed_up(frames, suspects, too_long) if suspects else set()
    return [each for each in found if each.frame not in mistaken]


def _mixed_up(frames: list[_Frame], suspects: set[int], too_long: set[int]) -> set[int]:
    """Of ATT PDUs those for which tshark has taken what belongs to another end or another link.

    Spec: Vol 3, Part F, 3.3.2: each end of each bearer has its own request and response. tshark
    takes a response for that to the last request of whatever link and end, and reads it as
    something else. 3.2.2: each server has handles of its own. tshark has one table for a link, and
    reads a value as that which the other end has at this handle; so where both ends ask, it cannot
    tell. 3.2.8 and 3.4.2.2: each bearer has its own ATT_MTU. tshark takes the last that was
    exchanged by any. Args: too_long: suspects that are said to exceed it.
    """
    last: dict[str, tuple[str, ...]] = {}  # link and end of requests, by interface
    clients: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)  # ends that ask, by link
    mtus: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    mixed_up = set()
    for frame in frames:
        if not frame.att_opcode:
            continue
        number, opcode = int(frame.number), int(frame.att_opcode, 0)
        end, link = frame.direction + frame.pdu_type, (frame.access_address, frame.acl_handle)
        bearer = (*link, frame.interface)
        if opcode in _ATT_RESPONSES:
            request = last.get(frame.interface, ())
            is_wrong = request[:2] != link or request[2] == end
        else:
            last[frame.interface] = (*link, end)
            is_wrong = len(clients[bearer] | {end}) > 1
            if opcode in _ATT_REQUESTS:
                clients[bearer].add(end)
        if mtu := frame.client_mtu or frame.server_mtu:
            mtus[bearer] = [*mtus[bearer], int(mtu)][-2:]
        if number in too_long:
            is_wrong = int(frame.att_octets) <= min(mtus[bearer], default=0)
        if is_wrong and number in suspects:
            mixed_up.add(number)
    return mixed_up


def _crossings(frames: list[_Frame], suspects: set[int]) -> set[int]:
    """Of frames that begin a procedure those whose sender has not answered its peer's before.

    Spec: Vol 6, Part B, 5.3: an end must not begin a procedure with an instant after it has
    responded to its peer's. tshark 4.0 says that also of requests that cross, which are allowed and
    for which the section has its rules; later versions look whether there is a response.
    """
    spoken: dict[tuple[str, str], int] = {}  # the last control PDU of each end of each link
    begun: dict[tuple[str, str], int] = {}  # its last one that begins a procedure with an instant
    crossings = set()
    for each in frames:
        if not each.control_opcode:
            continue
        frame, link, end = int(each.number), each.access_address, each.pdu_type
        other = _OTHER_END[end]
        if frame in suspects and spoken.get((link, end), 0) < begun.get((link, other), 0):
            crossings.add(frame)
        spoken[link, end] = frame
        if int(each.control_opcode, 0) in _WITH_INSTANT:
            begun[link, end] = frame
    return crossings
