"""The first words on a shared radio's own socket; HCI packets follow, or a capture.

The user says which radio it means and, where files do not protect the socket, the secret; behind
that may stand which program it is, for people who ask who is on the radio. The first words are
other ones if it wants no controller, but to watch what is on the air. The radio's answer tells that
it has really taken the user in: one that is just ending accepts connections which it never serves.
A client that says `STATUS` in place of a program does not join: the answer is one line of JSON, see
`status`, and the end.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple
from urllib.parse import quote, unquote

MAX_OCTETS = 190
WELCOME = b"bleio radio 1 welcome\n"
REFUSED = b"bleio radio 1 refused\n"  # it is watched by as many as it can bear
STATUS = b"?"
# What a user wants: a controller; what is on the air, as a capture; the same in clear text.
JOIN, WATCH, DECIPHER = b"radio", b"watch", b"decipher"
LONGEST_PROGRAM = 100
_MOST_DIGITS = 10


class Member(NamedTuple):
    """Which program a user says that it is. `pid`: of its process, 0 if it does not say."""

    pid: int = 0
    program: str = ""

    @property
    def device(self) -> str:
        """What captures may call it, such as `beacon` for `beacon.py --fast`."""
        return self.program.split(" ", 1)[0].removesuffix(".py")


def hello(name: str, secret: bytes, member: Member | None = None, wish: bytes = JOIN) -> bytes:
    """What a user of the radio `name` says."""
    words = b"bleio %s 1 %s %s" % (wish, name.encode(), secret)
    if member is None:
        return words + b"\n"
    program = member.program[:LONGEST_PROGRAM]
    while True:  # until there is room for it
        line = b"%s %d %s\n" % (words, member.pid, quote(program, errors="replace").encode())
        if len(line) <= MAX_OCTETS or not program:
            return line
        program = program[:-1]


def question(name: str, secret: bytes) -> bytes:
    """What somebody says who wants to know how the radio is, and not to join."""
    return b"%s %s\n" % (hello(name, secret)[:-1], STATUS)


def is_hello(line: bytes, name: str, secret: bytes, wish: bytes = JOIN) -> bool:
    """Whether a line is from a program that may join; takes the same time for all that are not."""
    expected = hello(name, secret, wish=wish)[:-1]
    rest = line[len(expected) :]
    fits = hmac.compare_digest(line[: len(expected)], expected)
    return fits and line.endswith(b"\n") and (rest == b"\n" or rest.startswith(b" "))


def wish_of(line: bytes, name: str, secret: bytes) -> bytes | None:
    """What a program that may join wants; takes the same time for all that may not."""
    wishes = [wish for wish in (JOIN, WATCH, DECIPHER) if is_hello(line, name, secret, wish)]
    return wishes[0] if wishes else None


def is_question(line: bytes, name: str, secret: bytes) -> bool:
    """Whether a line is a question; see `question`."""
    return hmac.compare_digest(line, question(name, secret))


def member_of(line: bytes, name: str, secret: bytes) -> Member:
    """Return what a hello says of its program, which may be anything."""
    words = line[len(hello(name, secret)) - 1 :].split()
    pid = words[0] if words and len(words[0]) <= _MOST_DIGITS and words[0].isdigit() else b"0"
    program = unquote(words[1].decode("ascii", "replace")) if len(words) > 1 else ""
    return Member(int(pid), program[:LONGEST_PROGRAM])
