"""Signed writes of one program to the other, in both roles, before and after both restart."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.backends.hci.security.signing import signature

from .conftest import Side, until

pytestmark = pytest.mark.interop

PASSKEY = {"BLEIO_PAIRING": "passkey:012345"}


class Signing:
    """One program that signs, and the other one, which checks."""

    def __init__(self, peripheral: Side, central: Side, signer: str) -> None:
        sides = peripheral, central
        self._peripheral, self._central = sides
        self.client, self.server = sides if signer == "peripheral" else reversed(sides)

    def start(self, **environment: str) -> None:
        """Start both and connect; as the central is `plain`, a bond alone does not encrypt."""
        self._peripheral.start(**environment)
        self._peripheral.do("advertise")
        self._central.start("plain", **environment)
        self._central.do("connect")

    def restart(self, kill: bool = False, **environment: str) -> None:
        for side in (self._central, self._peripheral):
            side.end(kill)
        self.start(**environment)

    def bond(self, **environment: str) -> None:
        """Pair, part, and meet again on a link without encryption."""
        self.start(**environment)
        self._central.do("pair")
        until(lambda: self._peripheral.bonds and self._central.bonds)
        self.restart(**environment)
        assert self.client.do("paired") == self.server.do("paired") == "False"

    def write(self, *names_and_texts: str) -> None:
        """Write, and wait until the other one has it."""
        for each in names_and_texts:
            self.client.do(f"write {each}")
            self.server.do(f"got {each}")

    def replay(self, text: str, counter: int) -> None:
        """Send again what wrote this with that counter, and wait for what is sent after it."""
        handle = int(self.server.do("handle signed"))
        message = b"\xd2" + handle.to_bytes(2, "little") + text.encode()
        csrk = bytes.fromhex(self.key(self.client, "own")["csrk"])
        octets = message + signature(csrk, message, counter)
        self.client.do(f"inject {octets.hex()}")
        assert self.client.do("read").startswith("SecurityError")

    @staticmethod
    def key(side: Side, whose: str) -> Any:
        return side.bonds[0][f"{whose}_signing"]

    def counters(self) -> tuple[int, int]:
        """Give the signer's, the next to use, and the least that the other one takes, as the next
        run of each would have them."""
        keys = self.key(self.client, "own"), self.key(self.server, "peer")
        own, peers = (max(key["counter"], key.get("ahead", 0)) for key in keys)
        return own, peers


@pytest.fixture(params=["central", "peripheral"])
def signing(peripheral: Side, central: Side, request: pytest.FixtureRequest) -> Signing:
    return Signing(peripheral, central, request.param)


@pytest.mark.parametrize("kill", [False, True], ids=["ended", "killed"])
def test_signed_writes_go_on_after_a_restart_and_old_ones_do_not_count(
    signing: Signing, kill: bool
) -> None:
    signing.bond()
    signing.write("signed one", "signed two")
    signing.restart(kill)
    used, taken = signing.counters()
    assert used == taken and (used > 2 if kill else used == 2)
    signing.replay("one", 0)
    assert signing.server.do("has signed") == "b''"
    signing.write("signed three")
    signing.replay("two", 1)
    signing.client.do("write mitm vain")
    signing.client.do("read")
    assert signing.server.do("has signed") == "b'three'"
    assert signing.server.do("has mitm") == "b''"  # that needs an authenticated key
    signing.restart()
    assert signing.counters() == (used + 2, used + 2)  # one for what was written in vain


def test_an_authenticated_key_signs_for_signed_with_mitm(signing: Signing) -> None:
    signing.bond(**PASSKEY)
    assert signing.key(signing.client, "own")["authenticated"]
    assert signing.key(signing.server, "peer")["authenticated"]
    signing.write("mitm one", "signed two")
    signing.restart(**PASSKEY)
    signing.write("mitm three")
    signing.restart(**PASSKEY)
    assert signing.counters() == (3, 3)


def test_an_encrypted_link_needs_no_signature(signing: Signing) -> None:
    signing.bond()
    signing.client.do("pair")
    signing.write("signed plain")
    assert signing.counters() == (0, 0)
