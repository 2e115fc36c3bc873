"""Delegates for programs that have none of their own: the terminal, and a fixed passkey.

BLEIO_PAIRING, or `bleio run --pairing`, chooses one by a word. So an unchanged CircuitPython
program, which knows of Just Works alone, can pair with a device that shows or asks for a passkey.

Reading a line cannot be interrupted. So one thread reads for all questions: a question that is no
longer wanted leaves, and what the user types then belongs to the next one, if its prompt came
first.
"""

from __future__ import annotations

import os
import sys
import threading

from bleio.api.address import Address
from bleio.api.pairing import IoCapability, PairingDelegate, PairingMethod, PairingRequest
from bleio.errors import CallerError

SETTING = "BLEIO_PAIRING"

_CHOICES = (
    "terminal (asks on the terminal of the program), terminal:display, terminal:keyboard or"
    " terminal:yesno (the same, but it only shows a passkey, only asks for one, or only compares)"
    " or passkey:NNNNNN (types these six digits whenever they are asked for)"
)
# What a terminal claims to be. Two that can do all would always compare numbers.
_TERMINALS = {
    "": IoCapability.KEYBOARD_DISPLAY,
    "display": IoCapability.DISPLAY_ONLY,
    "keyboard": IoCapability.KEYBOARD_ONLY,
    "yesno": IoCapability.DISPLAY_YES_NO,
}


def delegate_for(choice: str) -> PairingDelegate:
    """Make the delegate that a word names. Raises: CallerError with a sentence."""
    kind, colon, detail = choice.partition(":")
    if kind == "terminal" and bool(colon) == bool(detail) and detail in _TERMINALS:
        return TerminalDelegate(_TERMINALS[detail])
    if kind == "passkey" and len(detail) == 6 and detail.isascii() and detail.isdigit():
        return FixedPasskey(int(detail))
    raise CallerError(f"There is no way of pairing {choice!r}: choose {_CHOICES}")


def delegate_by_setting() -> PairingDelegate | None:
    """Make the delegate that the environment names; None if it names none."""
    choice = os.environ.get(SETTING)
    try:
        return delegate_for(choice) if choice else None
    except CallerError as error:
        raise CallerError(f"{SETTING}: {error}") from None


_MOST_PEERS = 64  # that are told of once


class _OfSetting(PairingDelegate):
    """What delegates have in common that the user has chosen by a word.

    Who asks for a way of pairing may wait for it in vain where there is a bond. So that is said,
    once for each peer, but not of those that were paired just now.
    """

    def __init__(self, io_capability: IoCapability) -> None:
        super().__init__(io_capability)
        self._told: dict[bytes, None] = {}

    def bond_used(self, peer: Address, authenticated: bool) -> None:
        if self._is_news(peer):
            address = peer.address_bytes[::-1].hex(":")
            how = "authenticated" if authenticated else "Just Works"
            _say(
                f"{address} is bonded already ({how}), so nobody was asked. To pair anew:"
                f"  bleio bonds forget {address}\n"
            )

    def ended(self, request: PairingRequest, reason: str | None) -> None:
        if reason is None:
            self._is_news(request.peer)

    def _is_news(self, peer: Address) -> bool:
        is_news = peer.address_bytes not in self._told
        self._told[peer.address_bytes] = None
        while len(self._told) > _MOST_PEERS:
            del self._told[next(iter(self._told))]
        return is_news


class FixedPasskey(_OfSetting):
    """Types one passkey, for scripts: both ends of a link may have the same.

    It has a keyboard only. One that showed its passkey would have to tell it to the pairing, which
    takes a random one each time, since a passkey that is used again can be learnt. With a peer that
    has neither it does not pair: who names a passkey wants it asked for.
    """

    def __init__(self, passkey: int) -> None:
        super().__init__(IoCapability.KEYBOARD_ONLY)
        self._passkey = passkey

    def accept(self, request: PairingRequest) -> bool:
        """Passkey entry, and nothing weaker."""
        if request.method is PairingMethod.PASSKEY_ENTRY:
            return True
        _say(
            f"{_describe(request)}: refused, as --pairing (BLEIO_PAIRING) names a passkey, and it"
            " has neither keys nor a display.\n"
        )
        return False

    def enter_passkey(self, request: PairingRequest) -> int:
        return self._passkey


class TerminalDelegate(_OfSetting):
    """Asks on standard input; what it says goes to standard error, beside the program's output.

    One question at a time. A question that is no longer wanted does not wait on. The line that it
    has begun to read answers the next one if it comes after that one's prompt; else it is dropped.
    """

    def __init__(self, io_capability: IoCapability = IoCapability.KEYBOARD_DISPLAY) -> None:
        super().__init__(io_capability)
        self._turn = threading.Lock()
        self._news = threading.Condition()
        self._wanted: list[PairingRequest] = []
        self._lines: list[str] = []
        self._shown: PairingRequest | None = None  # whose question is the last on its line
        self._is_reading = False

    def accept(self, request: PairingRequest) -> bool:
        """The other methods ask enough."""
        if request.method is not PairingMethod.JUST_WORKS:
            return True
        return self._confirm(request, "Nobody can tell who it is. Pair?")

    def display_passkey(self, request: PairingRequest, passkey: int) -> None:
        _say(f"{_describe(request)}: type {passkey:06} on it.\n")

    def enter_passkey(self, request: PairingRequest) -> int | None:
        question = "Type the six digits that it shows:"
        while (line := self._ask(request, question)) is not None:
            digits = line.replace(" ", "")
            if len(digits) == 6 and digits.isascii() and digits.isdigit():
                return int(digits)
            if not digits:
                return None
            question = "Six digits, or nothing to refuse:"
        return None

    def compare(self, request: PairingRequest, number: int) -> bool:
        return self._confirm(request, f"Does it show {number:06}?")

    def ended(self, request: PairingRequest, reason: str | None) -> None:
        with self._news:
            self._wanted = [wanted for wanted in self._wanted if wanted != request]
            if self._shown == request:
                self._end_line()
            self._news.notify_all()
        super().ended(request, reason)
        _say(f"{_describe(request)}: {reason or 'done'}.\n")

    def _confirm(self, request: PairingRequest, question: str) -> bool:
        answer = self._ask(request, f"{question} [y/N]")
        return answer is not None and answer.lower() in ("y", "yes")

    def _ask(self, request: PairingRequest, question: str) -> str | None:
        """Put a question. Returns: the line, None at the end of input or of the pairing."""
        with self._news:
            self._wanted.append(request)
        try:
            with self._turn:
                return self._line(request, f"{_describe(request)}. {question} ")
        finally:
            with self._news:
                if request in self._wanted:
                    self._wanted.remove(request)

    def _line(self, request: PairingRequest, prompt: str) -> str | None:
        with self._news:
            if request not in self._wanted:
                return None
            self._lines.clear()  # a yes to another question is none to this one
            _say(prompt)
            self._shown = request
            if not self._is_reading:
                self._is_reading = True
                threading.Thread(target=self._read, name="bleio-terminal", daemon=True).start()
            while not self._lines and request in self._wanted:
                self._news.wait()
            line = self._lines.pop() if self._lines else ""
            if line.endswith("\n"):
                self._shown = None  # the terminal has shown the end of the line
            else:
                self._end_line()
        return line.strip() if line else None

    def _end_line(self) -> None:
        """Begin a new line after a question that nobody has answered. Lock: `_news`."""
        if self._shown is not None:
            self._shown = None
            _say("\n")

    def _read(self) -> None:
        """Read one line, "" at the end of input."""
        line = ""
        try:
            line = sys.stdin.readline() if sys.stdin is not None else ""
        except (OSError, ValueError):
            pass  # closed by the program
        finally:  # also after what an object of the program's in its place raises
            with self._news:
                self._lines, self._is_reading = [line], False
                self._news.notify_all()


def _describe(request: PairingRequest) -> str:
    peer = request.peer.address_bytes[::-1].hex(":")
    generation = "LE Secure Connections" if request.secure_connections else "LE legacy"
    return f"Pairing with {peer} by {request.method.value} ({generation})"


def _say(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()
