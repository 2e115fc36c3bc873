"""Someone who pairs: says what is shown and asked, and does what standard input says.

Each question comes in a thread of its own, while the program goes on. `print` writes a line in
pieces, between which another thread's may come; `say` writes it in one.
"""

import sys

from bleio.api import IoCapability, PairingDelegate, PairingRequest


def say(*words: object) -> None:
    """Print a line of which nothing else gets in the middle."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


class Desk(PairingDelegate):
    def __init__(self, capability: str) -> None:
        super().__init__(IoCapability[capability])

    def accept(self, request: PairingRequest) -> bool:
        generation = "LE Secure Connections" if request.secure_connections else "LE legacy"
        say(f"pairs by {request.method.value}, {generation}")
        return True

    def display_passkey(self, request: PairingRequest, passkey: int) -> None:
        say(f"shows {passkey:06}")

    def enter_passkey(self, request: PairingRequest) -> int:
        say("asks for the passkey")
        return int(sys.stdin.readline())

    def compare(self, request: PairingRequest, number: int) -> bool:
        say(f"asks about {number:06}")
        return sys.stdin.readline() == "yes\n"

    def ended(self, request: PairingRequest, reason: str | None) -> None:
        say(f"pairing ended {reason or 'well'}")
