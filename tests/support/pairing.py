"""People with two devices that pair: what they see on one display they type on the other one."""

from __future__ import annotations

import threading
from typing import Any

import _bleio
import pytest

from bleio.api import (
    Address,
    IoCapability,
    OobData,
    PairingDelegate,
    PairingMethod,
    PairingRequest,
)
from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.hci.security.smp.pdu import AuthReq, Features
from bleio.runtime.engine import portal
from support.pair import DEADLINE_S, make, until

GENERATIONS = ("SC", "legacy")  # of pairing
CENTRAL, PERIPHERAL = "central", "peripheral"
SERVICE = 0xA000
MODES = {
    0xA001: "ENCRYPT_NO_MITM",
    0xA002: "ENCRYPT_WITH_MITM",
    0xA003: "LESC_ENCRYPT_WITH_MITM",
}


class Desk:
    """Where the two devices lie: everybody sees both displays."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._shown: dict[str, int] = {}
        self._is_over = False

    def show(self, side: str, number: int) -> None:
        with self._news:
            self._shown[side] = number
            self._news.notify_all()

    def other(self, side: str) -> int | None:
        """Wait for the number on the other side's display; None if it is over before."""
        other = CENTRAL if side == PERIPHERAL else PERIPHERAL
        with self._news:
            wait_for = portal().clock.wait_for
            assert wait_for(self._news, lambda: other in self._shown or self._is_over, DEADLINE_S)
            return self._shown.get(other)

    def leave(self) -> None:
        """The pairing is over; nobody looks any more."""
        with self._news:
            self._is_over = True
            self._news.notify_all()


def mistyped(number: int | None, errs: bool) -> int | None:
    """Return what somebody types who sees this number."""
    return None if number is None else (number + errs) % 1_000_000


class Person(PairingDelegate):
    """A delegate that does as a person at the desk would.

    Args: passkey: what to type, if it is not what the other display shows. errs: types another
        number, or denies that two numbers are the same.
    """

    def __init__(
        self,
        desk: Desk,
        side: str,
        io_capability: IoCapability,
        *,
        accepts: bool = True,
        passkey: int | None = None,
        errs: bool = False,
    ) -> None:
        super().__init__(io_capability)
        self.desk, self.side = desk, side
        self.accepts, self.passkey, self.errs = accepts, passkey, errs
        self.asked: list[tuple[str, PairingRequest]] = []
        self.endings: list[str | None] = []

    def accept(self, request: PairingRequest) -> bool:
        self.asked.append(("accept", request))
        return self.accepts

    def display_passkey(self, request: PairingRequest, passkey: int) -> None:
        self.asked.append(("display", request))
        self.desk.show(self.side, passkey)

    def enter_passkey(self, request: PairingRequest) -> int | None:
        self.asked.append(("enter", request))
        if self.passkey is not None:
            return self.passkey
        return mistyped(self.desk.other(self.side), self.errs)

    def compare(self, request: PairingRequest, number: int) -> bool:
        self.asked.append(("compare", request))
        self.desk.show(self.side, number)
        return self.desk.other(self.side) == number and not self.errs

    def ended(self, request: PairingRequest, reason: str | None) -> None:
        self.asked.append(("ended", request))
        self.endings.append(reason)
        self.desk.leave()

    def method(self) -> PairingMethod:
        """What all calls have named."""
        (method,) = {request.method for _, request in self.asked}
        return method

    def calls(self) -> list[str]:
        return [name for name, _ in self.asked]

    def wait_for_end(self) -> str | None:
        until(lambda: self.endings, f"the end at the {self.side}")
        (reason,) = self.endings
        return reason


class Courier(Person):
    """One who also has got the peer's data out of band."""

    def __init__(self, *args: Any, data: OobData, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.data = data
        self.peers: list[Address] = []

    def out_of_band(self, peer: Address) -> OobData | None:
        self.peers.append(peer)
        return self.data


def serve_all_modes() -> None:
    """Publish one value for each mode on the current adapter."""
    service = _bleio.Service(_bleio.UUID(SERVICE))
    for uuid, mode in MODES.items():
        security = getattr(_bleio.Attribute, mode)
        make(
            service,
            uuid,
            properties=_bleio.Characteristic.READ,
            read_perm=security,
            max_length=len(mode),
            initial_value=mode.encode(),
        )


def readable_modes(connection: _bleio.Connection) -> set[str]:
    """Return the modes whose values the peer lets us read."""
    (service,) = connection.discover_remote_services((_bleio.UUID(SERVICE),))
    found = set()
    for characteristic in service.characteristics:
        try:
            found.add(bytes(characteristic.value).decode())
        except _bleio.SecurityError:
            continue
    return found


def modes_of(method: PairingMethod, secure_connections: bool) -> set[str]:
    """Return what a link satisfies that was paired like this."""
    if method is PairingMethod.JUST_WORKS:
        return {"ENCRYPT_NO_MITM"}
    modes = {"ENCRYPT_NO_MITM", "ENCRYPT_WITH_MITM"}
    return modes | {"LESC_ENCRYPT_WITH_MITM"} if secure_connections else modes


def only_legacy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every adapter of this process one that does not know LE Secure Connections."""
    original = Pairing._offer

    def offer(pairing: Pairing, *peer: IoCapability | None) -> Features:
        features = original(pairing, *peer)
        return features._replace(auth_req=features.auth_req & ~AuthReq.SECURE_CONNECTIONS)

    monkeypatch.setattr(Pairing, "_offer", offer)
