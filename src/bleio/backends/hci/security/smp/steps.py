"""What a pairing waits for, how it fails, and who takes part in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from bleio.backends.base import PairingAgent
from bleio.backends.hci.security.smp.pdu import Reason
from bleio.core.address import DeviceAddress


class Failure(Exception):
    """This pairing cannot go on; the peer is told why. `reason`: the SMP reason octet."""

    def __init__(self, reason: Reason, weaker: bool = False) -> None:
        super().__init__(reason.name)
        self.reason = reason
        self.weaker = weaker  # than the bond that it would have replaced


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for a PDU; its octets after the opcode are sent in."""

    opcode: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Wait for the agent's answer, which is sent in. `waits` False: None is sent in at once."""

    question: Callable[[PairingAgent], Awaitable[Any]]
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Encrypt:
    """Wait until the link is encrypted with this key, which the central starts."""

    key: bytes = field(repr=False)


Step = Receive | Ask | Encrypt
Steps = Generator[Step, Any, Any]


@dataclass(frozen=True, slots=True)
class Ends:
    """Who pairs: the addresses are those on the air, `peer` the identity as far as it is known."""

    is_central: bool
    own_on_air: DeviceAddress
    peer_on_air: DeviceAddress
    peer: DeviceAddress
    identity: DeviceAddress
    irk: bytes = field(repr=False)
