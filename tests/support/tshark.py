"""tshark as the judge of captures; tests that need it are skipped where it is missing."""

from __future__ import annotations

import shutil
import subprocess
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
COLLISION = (
    "Initiating a new incompatible control procedure after having sent a response to "
    "an incompatible control procedure"
)
_OTHER_END = {"2": "3", "3": "2"}  # as the pseudo header has it: from the central, to it
_ATT_RESPONSES = range(0x01, 0x1A, 2)
_WITH_INSTANT = (0x00, 0x01, 0x0F, 0x16)  # what begins a change of parameters, channels, PHY


def fields(path: Path, *names: str, only: str = "") -> list[list[str]]:
    """The values of some fields of all frames, or of those that a display filter lets through."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=;"]
    for name in names:
        command += ["-e", name]
    if only:
        command += ["-Y", only]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split(";") for line in done.stdout.splitlines()]


class Complaint(NamedTuple):
    """A warning or an error of tshark's expert info about one frame."""

    frame: int
    protocol: str
    info: str
    message: str


def complaints(path: Path) -> list[Complaint]:
    """All warnings and errors of tshark's expert info but those in which tshark is wrong."""
    names = ("frame.number", "_ws.col.Protocol", "_ws.col.Info")
    found = []
    for number, protocol, info, severities, messages in fields(
        path, *names, "_ws.expert.severity", "_ws.expert.message", only=_BAD
    ):
        for severity, message in zip(severities.split(","), messages.split(","), strict=True):
            if int(severity) >= _WARNING:
                found.append(Complaint(int(number), protocol, info, message))
    suspects = {each.frame for each in found if each.message == COLLISION}
    mistaken = _crossings(path, suspects) if suspects else set()
    suspects = {each.frame for each in found if each.protocol == "ATT"}
    mistaken |= _mixed_up(path, suspects) if suspects else set()
    return [each for each in found if each.frame not in mistaken]


def _mixed_up(path: Path, suspects: set[int]) -> set[int]:
    """Of ATT responses those before which another link had a request after theirs.

    Spec: Vol 3, Part F, 3.3.2: each bearer has its own request and response. tshark takes a
    response for that to the last request of whatever link, and reads it as something else.
    """
    names = ("frame.number", "btle.access_address", "bthci_acl.chandle", "btatt.opcode")
    last_request: tuple[str, str] = ("", "")  # the link
    mixed_up = set()
    for number, *link, opcode in fields(path, *names, only="btatt.opcode"):
        is_response = int(opcode, 0) in _ATT_RESPONSES
        if is_response and int(number) in suspects and tuple(link) != last_request:
            mixed_up.add(int(number))
        if not is_response:
            last_request = (link[0], link[1])
    return mixed_up


def _crossings(path: Path, suspects: set[int]) -> set[int]:
    """Of frames that begin a procedure those whose sender has not answered its peer's before.

    Spec: Vol 6, Part B, 5.3: an end must not begin a procedure with an instant after it has
    responded to its peer's. tshark 4.0 says that also of requests that cross, which are allowed and
    for which the section has its rules; later versions look whether there is a response.
    """
    names = ("frame.number", "btle.access_address", "btle_rf.pdu_type", "btle.control_opcode")
    spoken: dict[tuple[str, str], int] = {}  # the last control PDU of each end of each link
    begun: dict[tuple[str, str], int] = {}  # its last one that begins a procedure with an instant
    crossings = set()
    for number, link, end, opcode in fields(path, *names, only="btle.control_opcode"):
        frame, other = int(number), _OTHER_END[end]
        if frame in suspects and spoken.get((link, end), 0) < begun.get((link, other), 0):
            crossings.add(frame)
        spoken[link, end] = frame
        if int(opcode, 0) in _WITH_INSTANT:
            begun[link, end] = frame
    return crossings
