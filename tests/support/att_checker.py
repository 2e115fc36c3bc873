"""An independent reading of the specification's PDU layouts (Vol 3, Part F, 3.4).

It shares no code with the engine. `check_answer` says what is wrong with an answer to a PDU,
`check_request` what is wrong with a PDU that a client sent; both give "" if nothing is.
"""

from __future__ import annotations

from itertools import pairwise

REQUESTS = {0x02, 0x04, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x12, 0x16, 0x18, 0x20}
NEVER_ANSWERED = {0x01, 0x1B, 0x1E, 0x23} | {opcode + 1 for opcode in REQUESTS}
ERROR_CODES = set(range(0x01, 0x14)) | set(range(0x80, 0xA0)) | set(range(0xFC, 0x100))


def by_role(sent: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Split what one device sent into its client's requests and the answers of its other roles.

    Its server's indications are neither.
    """
    requests = [pdu for pdu in sent if pdu[0] in REQUESTS]
    return requests, [pdu for pdu in sent if pdu[0] not in REQUESTS and pdu[0] != 0x1D]


def check_answer(pdu: bytes, answers: list[bytes], mtu: int) -> str:
    """Judge what came back for one PDU; `mtu` is the ATT_MTU when it was answered."""
    opcode = pdu[0] if pdu else 0x40
    if opcode & 0x40 or opcode in NEVER_ANSWERED or not pdu or len(pdu) > 517:
        return "answered what has no answer" if answers else ""
    if len(answers) != 1:
        return f"{len(answers)} answers"
    (answer,) = answers
    if opcode == 0x1D:
        return "" if answer == b"\x1e" else "no confirmation"
    if len(answer) > mtu:
        return f"answer of {len(answer)} octets, MTU {mtu}"
    if answer[0] == 0x01:
        return _check_error(pdu, answer)
    if opcode not in REQUESTS or answer[0] != opcode + 1:
        return "response to another request"
    return _LAYOUTS[answer[0]](pdu, answer)


def _check_error(pdu: bytes, answer: bytes) -> str:
    if len(answer) != 5:
        return "Error Response of wrong length"
    if answer[1] != pdu[0]:
        return "Error Response with another request's opcode"
    if answer[4] not in ERROR_CODES:
        return "reserved error code"
    if pdu[0] not in REQUESTS and answer[2:] != b"\0\0\x06":
        return "not Request Not Supported"
    handle = int.from_bytes(answer[2:4], "little")
    if answer[4] in (0x01, 0x07, 0x0D) and handle == 0 and b"\0\0" not in pdu[1:]:
        return "Error Response without a handle"
    return ""


def _mtu(pdu: bytes, answer: bytes) -> str:
    good = len(answer) == 3 and 23 <= int.from_bytes(answer[1:], "little") <= 517
    return "" if good else "bad MTU"


def _information(pdu: bytes, answer: bytes) -> str:
    size = {1: 4, 2: 18}.get(answer[1], 0)
    if not size or len(answer) == 2 or (len(answer) - 2) % size:
        return "bad format or length"
    return _ascending(pdu, [answer[i : i + 2] for i in range(2, len(answer), size)])


def _found(pdu: bytes, answer: bytes) -> str:
    if len(answer) == 1 or (len(answer) - 1) % 4:
        return "bad length"
    return _groups(pdu, [answer[i : i + 4] for i in range(1, len(answer), 4)])


def _typed_list(pdu: bytes, answer: bytes) -> str:
    size = answer[1]
    if size < 2 or len(answer) == 2 or (len(answer) - 2) % size:
        return "bad entry length"
    return _ascending(pdu, [answer[i : i + 2] for i in range(2, len(answer), size)])


def _group_list(pdu: bytes, answer: bytes) -> str:
    size = answer[1]
    if size < 4 or len(answer) == 2 or (len(answer) - 2) % size:
        return "bad entry length"
    return _groups(pdu, [answer[i : i + 4] for i in range(2, len(answer), size)])


def _groups(pdu: bytes, groups: list[bytes]) -> str:
    if any(_int(group[:2]) > _int(group[2:]) for group in groups):
        return "group that ends before it starts"
    return _ascending(pdu, [group[:2] for group in groups])


def _ascending(pdu: bytes, handles: list[bytes]) -> str:
    numbers = list(map(_int, handles))
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        return "handles do not increase"
    inside = _int(pdu[1:3]) <= numbers[0] and numbers[-1] <= _int(pdu[3:5])
    return "" if inside else "handles outside the range asked for"


def _variable(pdu: bytes, answer: bytes) -> str:
    position, values = 1, 0
    while position < len(answer):
        if position + 2 > len(answer):
            return "length field cut"
        position += 2 + _int(answer[position : position + 2])
        values += 1
    return "" if values <= (len(pdu) - 1) // 2 else "more values than handles"


def _echo(pdu: bytes, answer: bytes) -> str:
    return "" if answer[1:] == pdu[1:] else "not an echo"


def _empty(pdu: bytes, answer: bytes) -> str:
    return "" if len(answer) == 1 else "has octets"


def _any(pdu: bytes, answer: bytes) -> str:
    return ""


def _int(octets: bytes) -> int:
    return int.from_bytes(octets, "little")


_LAYOUTS = {
    0x03: _mtu,
    0x05: _information,
    0x07: _found,
    0x09: _typed_list,
    0x0B: _any,
    0x0D: _any,
    0x0F: _any,
    0x11: _group_list,
    0x13: _empty,
    0x17: _echo,
    0x19: _empty,
    0x21: _variable,
}

_REQUEST_LENGTHS = {
    0x02: {3},
    0x04: {5},
    0x08: {7, 21},
    0x0A: {3},
    0x0C: {5},
    0x10: {7, 21},
    0x18: {2},
}


def check_request(pdu: bytes, mtu: int) -> str:
    """Judge a request that a client sent."""
    if len(pdu) > mtu:
        return "longer than the MTU"
    if len(pdu) not in _REQUEST_LENGTHS.get(pdu[0], {len(pdu)}):
        return "bad length"
    if pdu[0] in (0x04, 0x06, 0x08, 0x10) and not 0 < _int(pdu[1:3]) <= _int(pdu[3:5]):
        return "bad handle range"
    if pdu[0] in (0x0A, 0x0C, 0x12, 0x16) and _int(pdu[1:3]) == 0:
        return "handle 0"
    return ""
