"""The person beside a device: shows and types passkeys, compares numbers, or carries data.

For pairing_lock.py and pairing_key.py, which take the method of pairing as their argument:

    just-works       nobody is asked; against eavesdroppers, not against somebody in between
    passkey-display  the lock shows six digits, which are typed at the key
    passkey-keyboard the key shows six digits, which are typed at the lock
    comparison       both show six digits, and both are asked whether they are the same
    out-of-band      files in the current folder play what is carried by another way, such as NFC
"""

import json
import sys
from pathlib import Path

from bleio.api import IoCapability, OobData, PairingDelegate, PairingMethod, SecuritySettings

# What the lock and the key can do, and which method that makes.
METHODS = {
    "just-works": (
        IoCapability.NO_INPUT_NO_OUTPUT,
        IoCapability.NO_INPUT_NO_OUTPUT,
        PairingMethod.JUST_WORKS,
    ),
    "passkey-display": (
        IoCapability.DISPLAY_ONLY,
        IoCapability.KEYBOARD_ONLY,
        PairingMethod.PASSKEY_ENTRY,
    ),
    "passkey-keyboard": (
        IoCapability.KEYBOARD_ONLY,
        IoCapability.DISPLAY_ONLY,
        PairingMethod.PASSKEY_ENTRY,
    ),
    "comparison": (
        IoCapability.DISPLAY_YES_NO,
        IoCapability.DISPLAY_YES_NO,
        PairingMethod.NUMERIC_COMPARISON,
    ),
    "out-of-band": (
        IoCapability.NO_INPUT_NO_OUTPUT,
        IoCapability.NO_INPUT_NO_OUTPUT,
        PairingMethod.OUT_OF_BAND,
    ),
}


class Person(PairingDelegate):
    """Answers at the terminal."""

    def display_passkey(self, request, passkey):
        print(f"Type this on the other device: {passkey:06}")

    def enter_passkey(self, request):
        typed = input("Which six digits does the other device show? ")
        return int(typed) if typed.isdecimal() else None

    def compare(self, request, number):
        return input(f"Does the other device show {number:06}? [yes/no] ") == "yes"

    def ended(self, request, reason):
        print(f"Pairing by {request.method.value}:", reason or "done")


class Courier(Person):
    """Carries data between the devices, here as files."""

    def __init__(self, io_capability, adapter, own, peers):
        super().__init__(io_capability)
        self.peers = Path(peers)
        data = adapter.local_oob()  # good for one pairing
        Path(own).write_text(
            json.dumps({"confirm": data.confirm.hex(), "random": data.random.hex()})
        )

    def out_of_band(self, peer):
        if not self.peers.exists():
            return None
        data = json.loads(self.peers.read_text())
        return OobData(bytes.fromhex(data["confirm"]), bytes.fromhex(data["random"]))


def method_of_command_line():
    """Return the name of the method that the program was started with."""
    if len(sys.argv) != 2 or sys.argv[1] not in METHODS:
        raise SystemExit(f"Say how to pair: {sys.argv[0]} {'|'.join(METHODS)}")
    return sys.argv[1]


def prepare(adapter, name, role):
    """Have a person at `adapter` who pairs by the method of this name and by no other one."""
    lock, key, method = METHODS[name]
    capability = lock if role == "lock" else key
    adapter.security = SecuritySettings(method=method)
    if method is PairingMethod.OUT_OF_BAND:
        other = "key" if role == "lock" else "lock"
        adapter.pairing_delegate = Courier(capability, adapter, f"{role}.oob", f"{other}.oob")
    else:
        adapter.pairing_delegate = Person(capability)
