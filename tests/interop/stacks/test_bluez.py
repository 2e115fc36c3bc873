"""Debian's kernel and bluetoothd as central and as peripheral of our programs.

They run in an emulated machine whose controller is one of the radio's; bluetoothctl does there
what a user does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from support.processes import DEADLINE_S, Program
from support.stacks import SERVICE, bluez_image
from support.stacks.bench import Bench
from support.stacks.bluez import do

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(bluez_image.missing()), reason=bluez_image.missing()),
]

# bluetoothd asks the kernel to secure each new link of a bonded peer, and gives the link up if the
# kernel says that it is secure already. So a central that encrypts at once, as it should, is
# dropped now and then. It has to come back; any other loss of a link fails the test.
LOST = "lost while connecting: Not connected"
ALREADY_SECURE = "setsockopt(BT_SECURITY): Invalid argument"

# It refuses now and then, at once, to connect to a device that it has just disconnected from.
NOT_GONE_YET = r"org\.bluez\.Error\.Failed Input/output error"

SECRET, WRITTEN, ECHO = (f"{SERVICE[:-1]}{number}" for number in (2, 3, 4))


@dataclass(frozen=True)
class Case:
    """How two devices pair: what each can show and ask, and what comes of it."""

    ours: str
    agent: str  # in BlueZ's words
    method: str
    legacy: bool = False

    @property
    def authenticated(self) -> bool:
        return self.method != "Just Works"

    def take_place(self, ours: Program, bluez: Program) -> None:
        """Do what the users of both devices do."""
        generation = "LE legacy" if self.legacy else "LE Secure Connections"
        ours.says(f"^pairs by {self.method}, {generation}$")
        if self.method == "numeric comparison":
            number = ours.wait_for(r"^asks about (\d{6})$")[1]
            bluez.says("Request confirmation")
            bluez.type("yes\n")
            ours.type("yes\n")
            bluez.says(f"Confirm passkey {number} ")  # a line only once something follows it
        elif self.ours == "KEYBOARD_ONLY":
            passkey = bluez.wait_for(r"Passkey: .*?(\d{6})\b")[1]
            ours.says("^asks for the passkey$")
            ours.type(f"{passkey}\n")
        elif self.agent == "KeyboardOnly":
            passkey = ours.wait_for(r"^shows (\d{6})$")[1]
            bluez.says("Request passkey")
            bluez.type(f"{passkey}\n")


CASES = {
    "just works": Case("NO_INPUT_NO_OUTPUT", "NoInputNoOutput", "Just Works"),
    "compare": Case("DISPLAY_YES_NO", "DisplayYesNo", "numeric comparison"),
    "we type": Case("KEYBOARD_ONLY", "DisplayOnly", "passkey entry"),
    "they type": Case("DISPLAY_ONLY", "KeyboardOnly", "passkey entry"),
    "legacy just works": Case("NO_INPUT_NO_OUTPUT", "NoInputNoOutput", "Just Works", True),
    "legacy, they type": Case("DISPLAY_ONLY", "KeyboardOnly", "passkey entry", True),
}


@pytest.mark.parametrize("name", CASES)
def test_bluez_as_central(bench: Bench, name: str) -> None:
    case = CASES[name]
    bluez = bench.bluez(case.agent, legacy=case.legacy)
    permission = "ENCRYPT_WITH_MITM" if case.authenticated else "ENCRYPT_NO_MITM"
    ours = bench.ours("peripheral", case.ours, permission)
    address = ours.wait_for("^advertising from (.+)$")[1]
    do(bluez, "scan on", f"Device {address} ours$")
    do(bluez, "scan off", "Discovery stopped")
    bluez.type(f"pair {address}\n")
    case.take_place(ours, bluez)
    ours.says("^pairing ended well$")
    bluez.says("Pairing successful")
    for visit in ("first", "second"):
        do(bluez, f"gatt.select-attribute {SECRET}\ngatt.read", "our secret")
        do(bluez, f"gatt.select-attribute {ECHO}\ngatt.acquire-notify", "AcquireNotify success")
        write = f'gatt.select-attribute {WRITTEN}\ngatt.write "{octets(visit)}"'
        do(bluez, write, f"echo of {visit}")
        ours.says(f"^written {visit}$")
        do(bluez, f"disconnect {address}", "Successful disconnected")
        ours.says("^disconnected$", "^advertising")
        if visit == "first":
            do(bluez, f"connect {address}", "Connection successful")


@pytest.mark.parametrize("name", CASES)
def test_bluez_as_peripheral(bench: Bench, name: str) -> None:
    case = CASES[name]
    bluez = bench.bluez(case.agent, legacy=case.legacy)
    serve(bluez, "encrypt-authenticated-read" if case.authenticated else "encrypt-read")
    ours = bench.ours("central", case.ours)
    ours.says("^found ", "^first visit$", "^SecurityError: Insufficient ")
    if not case.authenticated:
        bluez.says("Request authorization")
        bluez.type("yes\n")
    case.take_place(ours, bluez)
    for visit in ("first", "second"):
        ours.says("^paired True$", "^read Blue$")
        bluez.says(f"{visit} words")
        ours.says(f"^notified of {visit} words$", "^disconnected$")
    bluez.says("Connected: no")  # not told after the first visit if the next link was as quick
    ours.ends_well()
    assert ours.lines.count(LOST) == bench.machine_log().count(ALREADY_SECURE)


def reconnect(bluez: Program, address: str) -> None:
    """Connect again; as often as it takes, while the former link is not quite gone over there."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        connected = f"(Connection successful)|Failed to connect: {NOT_GONE_YET}"
        if do(bluez, f"connect {address}", connected)[1]:
            return
    raise AssertionError("bluetoothd does not get rid of its former link")


def serve(bluez: Program, secret: str) -> None:
    """Offer the service and advertise it."""
    do(bluez, f"gatt.register-service {SERVICE}", SERVICE)
    bluez.type("yes\n")
    characteristics = (
        (SECRET, secret, "Blue"),
        (ECHO, "write,notify", 40 * "-"),  # notifies of what is written, which is not longer
    )
    for uuid, flags, value in characteristics:
        do(bluez, f"gatt.register-characteristic {uuid} {flags}", uuid)
        bluez.type(f"{octets(value)}\n")
    do(bluez, "gatt.register-application", "Application registered")
    advertise = f"advertise.uuids {SERVICE}\nadvertise.discoverable on\nadvertise on"
    do(bluez, advertise, "Advertising object registered")


def octets(text: str) -> str:
    """Write a text as bluetoothctl wants it."""
    return " ".join(f"{octet:#04x}" for octet in text.encode())
