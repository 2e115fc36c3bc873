"""Someone who pairs: says what is shown and asked, and does what standard input says."""

import sys

from bleio.api import IoCapability, PairingDelegate, PairingRequest


class Desk(PairingDelegate):
    def __init__(self, capability: str) -> None:
        super().__init__(IoCapability[capability])

    def accept(self, request: PairingRequest) -> bool:
        generation = "LE Secure Connections" if request.secure_connections else "LE legacy"
        print(f"pairs by {request.method.value}, {generation}")
        return True

    def display_passkey(self, request: PairingRequest, passkey: int) -> None:
        print(f"shows {passkey:06}")

    def enter_passkey(self, request: PairingRequest) -> int:
        print("asks for the passkey")
        return int(sys.stdin.readline())

    def compare(self, request: PairingRequest, number: int) -> bool:
        print(f"asks about {number:06}")
        return sys.stdin.readline() == "yes\n"

    def ended(self, request: PairingRequest, reason: str | None) -> None:
        print(f"pairing ended {reason or 'well'}")
