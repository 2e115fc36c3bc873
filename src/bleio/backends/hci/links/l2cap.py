"""LE signaling: connection parameter updates, and a refusal for all the rest (Vol 3, Part A, 4).

We offer no credit-based channels. Sans-I/O: sending and timers are the link's.

A central answers a request before it changes anything, as the specification has it. It refuses what
comes faster than it can follow, and what does not fit together: parameters whose supervision
time-out is shorter than two events with latency would end the link at the first lost packet. A
response to nothing, or with an identifier that is not that of our last request, is dropped: it may
be the late answer to one before.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Protocol

from bleio.backends.hci.counters import HciCounters

ATT_CHANNEL = 0x0004
SIGNALING_CHANNEL = 0x0005
SMP_CHANNEL = 0x0006

_HEAD = Struct("<BBH")  # code, identifier, length
_PARAMETERS = Struct("<HHHH")  # interval min, interval max, latency, supervision time-out
_U16 = Struct("<H")

_COMMAND_REJECT_RSP = 0x01
_PARAMETER_UPDATE_REQ = 0x12
_PARAMETER_UPDATE_RSP = 0x13
_CREDIT_BASED_CONNECTION_REQ = 0x14

# Odd codes, and these, are responses; those are never rejected.
_RESPONSES = frozenset({0x01, 0x03, 0x05, 0x07, 0x09, 0x0B, 0x13, 0x15, 0x18, 0x1A})

_ACCEPTED, _REJECTED = 0, 1
_PSM_NOT_SUPPORTED = 0x0002

# Interval min and max of 1.25 ms each, latency in events, supervision time-out of 10 ms
ConnectionParameters = tuple[int, int, int, int]


def plausible(parameters: ConnectionParameters) -> bool:
    """Whether parameters are in range and fit each other. Spec: Vol 3, Part A, 4.20."""
    minimum, maximum, latency, supervision = parameters
    return (
        6 <= minimum <= maximum <= 3200
        and latency <= 499
        and 10 <= supervision <= 3200
        and supervision * 4 > (1 + latency) * maximum  # 10 ms against 2 times 1.25 ms
    )


class SignalingOwner(Protocol):
    """What is told of connection parameter updates."""

    def may_accept_update(self) -> bool:
        """Whether a request may be accepted; not while one that was accepted waits."""

    def update_accepted(self, parameters: ConnectionParameters) -> None:
        """A central has accepted a request, and is to change the parameters."""

    def update_answered(self, accepted: bool) -> None:
        """The central has decided on a peripheral's request."""


class Signaling:
    """The signaling channel of one link. Args: `send` takes one PDU."""

    def __init__(
        self,
        is_central: bool,
        send: Callable[[bytes], None],
        owner: SignalingOwner,
        counters: HciCounters,
    ) -> None:
        self._counters = counters
        self._is_central = is_central
        self._send = send
        self._owner = owner
        self._identifier = 0  # of our last request
        self._waiting = False

    def request_update(self, parameters: ConnectionParameters) -> None:
        """Ask the central for connection parameters."""
        self._identifier = self._identifier % 255 + 1  # 0 is not allowed
        self._waiting = True
        self._reply(_PARAMETER_UPDATE_REQ, self._identifier, _PARAMETERS.pack(*parameters))

    def received(self, pdu: bytes) -> None:
        """Take one PDU, whatever is in it: on LE one command each."""
        if len(pdu) < _HEAD.size:
            self._counters.l2cap_malformed += 1
            return
        code, identifier, octets = _HEAD.unpack_from(pdu)
        data = pdu[_HEAD.size :]
        if len(data) != octets or identifier == 0:
            self._counters.l2cap_malformed += 1
        elif code == _PARAMETER_UPDATE_REQ and self._is_central:
            self._parameter_update_requested(identifier, data)
        elif code in (_PARAMETER_UPDATE_RSP, _COMMAND_REJECT_RSP):
            self._parameter_update_answered(code, identifier, data)
        elif code == _CREDIT_BASED_CONNECTION_REQ:
            refusal = bytes(8) + _U16.pack(_PSM_NOT_SUPPORTED)
            self._reply(_CREDIT_BASED_CONNECTION_REQ + 1, identifier, refusal)
        elif code not in _RESPONSES:
            # A response to a response would go back and forth for ever.
            self._reply(_COMMAND_REJECT_RSP, identifier, _U16.pack(0))  # not understood

    def _parameter_update_requested(self, identifier: int, data: bytes) -> None:
        parameters = _PARAMETERS.unpack(data) if len(data) == _PARAMETERS.size else None
        accepted = (
            parameters is not None and plausible(parameters) and self._owner.may_accept_update()
        )
        result = _ACCEPTED if accepted else _REJECTED
        self._reply(_PARAMETER_UPDATE_RSP, identifier, _U16.pack(result))
        if accepted and parameters is not None:
            self._owner.update_accepted(parameters)

    def _parameter_update_answered(self, code: int, identifier: int, data: bytes) -> None:
        if not self._waiting or identifier != self._identifier:
            return
        self._waiting = False
        self._owner.update_answered(code == _PARAMETER_UPDATE_RSP and data == _U16.pack(_ACCEPTED))

    def _reply(self, code: int, identifier: int, data: bytes) -> None:
        self._send(_HEAD.pack(code, identifier, len(data)) + data)
