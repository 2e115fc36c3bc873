"""The pairing delegate as programs see it, and the delegates for programs without one."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any

import _bleio
import pytest

from bleio import api
from bleio.api import (
    Adapter,
    Address,
    IoCapability,
    OobData,
    PairingDelegate,
    PairingMethod,
    SecuritySettings,
)
from bleio.api._delegates import FixedPasskey, TerminalDelegate, delegate_for
from bleio.api.pairing import Answers
from bleio.core.pairing import PairingQuestion
from bleio.errors import BluetoothError, CallerError
from bleio.runtime.delegate import DelegateAgent
from support.api_bench import PEER, Bench, InThread, raises, until
from support.fake_backend import FakeBackend

INNER = PairingQuestion(PEER, PairingMethod.PASSKEY_ENTRY, True, False)
REQUEST = api.PairingRequest(Address(PEER.octets, 1), PairingMethod.PASSKEY_ENTRY, True, False)
OOB = OobData(confirm=bytes(16), random=bytes(16))


class Full(PairingDelegate):
    """Notes what it is asked; `answer` is what it says to everything."""

    def __init__(self, answer: Any = None) -> None:
        super().__init__(IoCapability.KEYBOARD_DISPLAY)
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []
        self.adapters: list[Any] = []

    def _note(self, *args: Any) -> Any:
        self.asked.append(args)
        self.adapters.append(_bleio.adapter)
        return self.answer

    def accept(self, request: api.PairingRequest) -> bool:
        return self._note("accept", request)

    def display_passkey(self, request: api.PairingRequest, passkey: int) -> None:
        self._note("display_passkey", request, passkey)

    def enter_passkey(self, request: api.PairingRequest) -> int | None:
        return self._note("enter_passkey", request)

    def compare(self, request: api.PairingRequest, number: int) -> bool:
        return self._note("compare", request, number)

    def out_of_band(self, peer: Address) -> OobData | None:
        return self._note("out_of_band", peer)

    def ended(self, request: api.PairingRequest, reason: str | None) -> None:
        self._note("ended", request, reason)


def answers(delegate: PairingDelegate) -> Answers:
    return Answers(delegate, copy_context())


# --- what a delegate is told and may say


def test_a_delegate_is_told_public_values() -> None:
    delegate = Full(True)
    asked = answers(delegate)
    assert asked.accept(INNER) is True
    assert asked.compare(INNER, 5) is True
    asked.display_passkey(INNER, 7)
    asked.ended(INNER, "refused")
    delegate.answer = 999_999
    assert asked.enter_passkey(INNER) == 999_999
    delegate.answer = OOB
    assert asked.peer_oob(PEER) is OOB
    delegate.answer = None
    assert asked.enter_passkey(INNER) is None
    assert asked.peer_oob(PEER) is None
    assert delegate.asked[:5] == [
        ("accept", REQUEST),
        ("compare", REQUEST, 5),
        ("display_passkey", REQUEST, 7),
        ("ended", REQUEST, "refused"),
        ("enter_passkey", REQUEST),
    ]
    assert delegate.asked[5] == ("out_of_band", Address(PEER.octets, 1))


@pytest.mark.parametrize(
    ("call", "answer", "error", "text"),
    [
        ("accept", None, TypeError, "answer of accept must be of type bool, not NoneType"),
        ("compare", "no", TypeError, "answer of compare must be of type bool, not str"),
        ("enter_passkey", "123456", TypeError, "passkey must be of type int, not str"),
        ("enter_passkey", 1_000_000, ValueError, "passkey must be 0-999999"),
        ("enter_passkey", -1, ValueError, "passkey must be 0-999999"),
        ("peer_oob", b"", TypeError, "out-of-band data must be of type OobData or None, not bytes"),
    ],
)
def test_an_answer_of_another_kind_is_an_error(
    call: str, answer: Any, error: type[Exception], text: str
) -> None:
    args = {"compare": (INNER, 5), "peer_oob": (PEER,)}.get(call, (INNER,))
    with raises(error, text):
        getattr(answers(Full(answer)), call)(*args)


def test_defaults() -> None:
    delegate = PairingDelegate()
    assert delegate.io_capability is IoCapability.NO_INPUT_NO_OUTPUT
    assert delegate.accept(REQUEST) is True
    assert delegate.out_of_band(REQUEST.peer) is None
    delegate.ended(REQUEST, None)
    assert not answers(delegate).has_oob
    assert answers(Full()).has_oob
    for name, args in {
        "display_passkey": (REQUEST, 1),
        "enter_passkey": (REQUEST,),
        "compare": (REQUEST, 1),
    }.items():
        showing = PairingDelegate(IoCapability.DISPLAY_ONLY)
        text = f"PairingDelegate has the capability DISPLAY_ONLY but no {name}()"
        with raises(NotImplementedError, text):
            getattr(showing, name)(*args)


def test_the_capability_may_be_a_class_attribute_or_change() -> None:
    class Keyboard(PairingDelegate):
        io_capability = IoCapability.KEYBOARD_ONLY

    delegate = Keyboard()
    asked = answers(delegate)
    assert asked.io_capability is IoCapability.KEYBOARD_ONLY
    delegate.io_capability = IoCapability.DISPLAY_ONLY
    assert asked.io_capability is IoCapability.DISPLAY_ONLY
    with raises(ValueError, "9 is not a valid IoCapability"):
        PairingDelegate(9)  # type: ignore[arg-type]


# --- on the adapter


@pytest.fixture
def backends() -> list[FakeBackend]:
    return []


@pytest.fixture
def adapter(backends: list[FakeBackend], monkeypatch: pytest.MonkeyPatch) -> Iterator[Adapter]:
    for name in ("BLEIO_PAIRING", "BLEIO_SECURITY"):
        monkeypatch.delenv(name, raising=False)
    adapter = Adapter("virtual")

    def make(former: Any) -> FakeBackend:
        backends.append(FakeBackend(former))
        return backends[-1]

    adapter._make_backend = make
    yield adapter
    adapter.enabled = False


def ask(adapter: Adapter, backend: FakeBackend, name: str, *args: Any) -> Any:
    """Ask what the backend would ask."""
    return adapter._session.engine.call(getattr(backend.agent, name), *args)


def test_members_are_settable_before_the_adapter_opens(
    adapter: Adapter, backends: list[FakeBackend]
) -> None:
    assert adapter.pairing_delegate is None
    assert adapter.security == SecuritySettings()
    delegate, settings = Full(True), SecuritySettings(min_key_octets=7)
    adapter.pairing_delegate, adapter.security = delegate, settings
    assert backends == []
    for _ in range(2):
        adapter.enabled = True
        assert adapter.address
        assert adapter.pairing_delegate is delegate
        assert adapter.security is settings
        assert backends[-1].settings is settings
        assert ask(adapter, backends[-1], "accept", INNER) is True
        adapter.enabled = False
    assert delegate.asked == [("accept", REQUEST)] * 2
    adapter.pairing_delegate = None
    assert adapter.pairing_delegate is None


def test_the_adapter_is_the_current_one_in_its_delegate(
    adapter: Adapter, backends: list[FakeBackend]
) -> None:
    adapter.pairing_delegate = delegate = Full(True)
    assert adapter.address
    ask(adapter, backends[0], "accept", INNER)
    other = Adapter("virtual")
    with api.use_adapter(other):
        adapter.pairing_delegate = delegate
        adapter._session.engine.run(lambda: None)
        ask(adapter, backends[0], "accept", INNER)
        assert _bleio.adapter is other
    assert delegate.adapters == [adapter, adapter]


def test_wrong_kinds(adapter: Adapter) -> None:
    with raises(TypeError, "pairing_delegate must be of type PairingDelegate or None, not str"):
        adapter.pairing_delegate = "terminal"  # type: ignore[assignment]
    with raises(TypeError, "security must be of type SecuritySettings, not dict"):
        adapter.security = {}  # type: ignore[assignment]

    class Wrong(PairingDelegate):
        io_capability = 9  # type: ignore[assignment]

    with raises(ValueError, "9 is not a valid IoCapability"):
        adapter.pairing_delegate = Wrong()


def test_the_environment_decides_where_the_program_does_not(
    adapter: Adapter, backends: list[FakeBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLEIO_PAIRING", "passkey:012345")
    monkeypatch.setenv("BLEIO_SECURITY", "method=passkey-entry")
    assert adapter.security == SecuritySettings(method=PairingMethod.PASSKEY_ENTRY)
    assert isinstance(adapter.pairing_delegate, FixedPasskey)
    assert adapter.pairing_delegate is adapter.pairing_delegate
    assert adapter.address
    assert ask(adapter, backends[0], "enter_passkey", INNER) == 12345
    other = Adapter("virtual")
    other.pairing_delegate = None
    assert other.pairing_delegate is None


def test_wrong_words_of_the_environment_are_said(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLEIO_PAIRING", "phone")
    text = (
        "BLEIO_PAIRING: There is no way of pairing 'phone': choose terminal (asks on the terminal"
        " of the program), terminal:display, terminal:keyboard or terminal:yesno (the same, but it"
        " only shows a passkey, only asks for one, or only compares) or passkey:NNNNNN (types these"
        " six digits whenever they are asked for)"
    )
    with raises(BluetoothError, text):
        adapter.address
    with raises(BluetoothError, text):
        adapter.pairing_delegate
    monkeypatch.setenv("BLEIO_SECURITY", "rotation=1,rotation=2")
    with raises(BluetoothError, "BLEIO_SECURITY: The security setting 'rotation=2' is there twice"):
        Adapter("virtual").security


def test_local_oob_is_the_backends(adapter: Adapter, backends: list[FakeBackend]) -> None:
    async def local_oob() -> OobData:
        return OOB

    assert adapter.address
    backends[0].local_oob = local_oob  # type: ignore[method-assign]
    assert adapter.local_oob() is OOB


def test_key_material_is_not_in_the_repr() -> None:
    assert repr(OobData(b"a" * 16, b"b" * 16, b"c" * 16)) == "OobData()"


def test_pair_in_an_answer_is_refused_instead_of_waiting_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: shown.append(str(args.exc_value)))
    connection = bench.connection(bench.connect())

    class Pairs(PairingDelegate):
        def accept(self, request: api.PairingRequest) -> bool:
            connection.pair()
            return True

    agent = DelegateAgent(answers(Pairs()))
    assert bench.session.engine.call(agent.accept, INNER) is False
    assert shown == ["pair() would wait for the pairing that waits for this delegate"]
    connection.pair()
    assert connection.paired


# --- programs without a delegate of their own


@pytest.mark.parametrize(
    "word",
    [
        *("", "phone", "terminal:", "terminal:phone", "passkey", "passkey:12345"),
        *("passkey:1234567", "passkey:12345x"),
    ],
)
def test_words_that_name_no_delegate(word: str) -> None:
    with pytest.raises(CallerError, match=f"There is no way of pairing '{word}': choose terminal"):
        delegate_for(word)


class Terminal:
    """A terminal delegate and its user."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reading, self._writing = os.pipe()
        self._input = os.fdopen(reading)
        self.output = io.StringIO()
        # Only there: pytest puts its own streams in place for each phase of a test.
        streams = SimpleNamespace(stdin=self._input, stderr=self.output)
        monkeypatch.setattr("bleio.api._delegates.sys", streams)
        self.delegate = TerminalDelegate()

    def type(self, text: str) -> None:
        os.write(self._writing, text.encode())

    def hang_up(self) -> None:
        os.close(self._writing)
        self._writing = -1

    def ask(self, question: Callable[[], Any], prompt: str) -> InThread:
        """Put a question; returns when its prompt is there."""
        asked = InThread(question)
        until(lambda: self.output.getvalue().endswith(prompt))
        return asked

    def close(self) -> None:
        if self._writing >= 0:
            self.hang_up()
        until(lambda: not self.delegate._is_reading)
        self._input.close()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    terminal = Terminal(monkeypatch)
    yield terminal
    terminal.close()


PASSKEY = "Pairing with c1:a5:a4:a3:a2:a1 by passkey entry (LE Secure Connections)"


@pytest.mark.parametrize(
    ("typed", "passkey"),
    [("012345\n", 12345), ("12 34 56\n", 123456), ("\n", None), ("12345\nabc\n999999\n", 999999)],
)
def test_the_terminal_asks_for_a_passkey(
    terminal: Terminal, typed: str, passkey: int | None
) -> None:
    asked = terminal.ask(
        lambda: terminal.delegate.enter_passkey(REQUEST),
        f"{PASSKEY}. Type the six digits that it shows: ",
    )
    terminal.type(typed)
    assert asked.join() == passkey


def test_the_terminal_shows_a_passkey_and_the_end(terminal: Terminal) -> None:
    terminal.delegate.display_passkey(REQUEST, 77)
    terminal.delegate.ended(REQUEST, None)
    terminal.delegate.ended(REQUEST, "confirm value failed")
    assert terminal.output.getvalue().splitlines() == [
        f"{PASSKEY}: type 000077 on it.",
        f"{PASSKEY}: done.",
        f"{PASSKEY}: confirm value failed.",
    ]


def test_the_end_of_a_pairing_is_told_on_a_line_of_its_own(terminal: Terminal) -> None:
    prompt = f"{PASSKEY}. Type the six digits that it shows: "
    asked = terminal.ask(lambda: terminal.delegate.enter_passkey(REQUEST), prompt)
    terminal.delegate.ended(REQUEST, "the link was lost")
    assert asked.join() is None
    assert terminal.output.getvalue() == f"{prompt}\n{PASSKEY}: the link was lost.\n"


def test_the_end_of_input_ends_the_line_of_the_question(terminal: Terminal) -> None:
    terminal.hang_up()
    assert terminal.delegate.enter_passkey(REQUEST) is None
    assert terminal.output.getvalue() == f"{PASSKEY}. Type the six digits that it shows: \n"


@pytest.mark.parametrize(
    ("typed", "same"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("ja\n", False)],
)
def test_the_terminal_compares_numbers(terminal: Terminal, typed: str, same: bool) -> None:
    request = api.PairingRequest(REQUEST.peer, PairingMethod.NUMERIC_COMPARISON, True, True)
    asked = terminal.ask(
        lambda: terminal.delegate.compare(request, 42),
        "by numeric comparison (LE Secure Connections). Does it show 000042? [y/N] ",
    )
    terminal.type(typed)
    assert asked.join() is same


def test_the_terminal_asks_whether_to_pair_where_nothing_else_is_asked(terminal: Terminal) -> None:
    assert terminal.delegate.accept(REQUEST) is True
    assert terminal.output.getvalue() == ""
    request = api.PairingRequest(REQUEST.peer, PairingMethod.JUST_WORKS, False, True)
    asked = terminal.ask(
        lambda: terminal.delegate.accept(request),
        "by Just Works (LE legacy). Nobody can tell who it is. Pair? [y/N] ",
    )
    terminal.type("y\n")
    assert asked.join() is True


def test_the_end_of_input_refuses(terminal: Terminal) -> None:
    terminal.hang_up()
    assert terminal.delegate.enter_passkey(REQUEST) is None
    assert terminal.delegate.compare(REQUEST, 1) is False


def test_a_program_that_closed_its_input_refuses(terminal: Terminal) -> None:
    terminal._input.close()
    assert terminal.delegate.enter_passkey(REQUEST) is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("raised", [RuntimeError("no"), SystemExit(3), KeyboardInterrupt()])
def test_an_input_that_raises_refuses(
    terminal: Terminal, raised: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Input:
        def readline(self) -> str:
            raise raised

    streams = SimpleNamespace(stdin=Input(), stderr=terminal.output)
    monkeypatch.setattr("bleio.api._delegates.sys", streams)
    asked = InThread(lambda: terminal.delegate.enter_passkey(REQUEST))
    assert asked.join() is None
    # What it raised is shown by then, and not in the next test.
    until(lambda: "bleio-terminal" not in {thread.name for thread in threading.enumerate()})


def test_a_question_of_an_ended_pairing_waits_no_longer_and_takes_no_more_than_a_line(
    terminal: Terminal,
) -> None:
    prompt = "shows: "
    first = terminal.ask(lambda: terminal.delegate.enter_passkey(REQUEST), prompt)
    terminal.delegate.ended(REQUEST, "timed out")
    assert first.join() is None
    second = terminal.ask(lambda: terminal.delegate.enter_passkey(REQUEST), prompt)
    terminal.type("000001\n000002\n")
    assert second.join() == 1
    assert terminal.delegate.enter_passkey(REQUEST) == 2


def test_an_answer_to_an_ended_pairing_is_none_to_the_next_one(terminal: Terminal) -> None:
    works = api.PairingRequest(REQUEST.peer, PairingMethod.JUST_WORKS, True, True)
    first = terminal.ask(lambda: terminal.delegate.accept(works), "[y/N] ")
    terminal.delegate.ended(works, "timed out")
    assert first.join() is False
    terminal.type("y\n")
    until(lambda: not terminal.delegate._is_reading)
    second = terminal.ask(lambda: terminal.delegate.accept(works), "[y/N] ")
    terminal.type("n\n")
    assert second.join() is False


def test_questions_come_one_after_the_other(terminal: Terminal) -> None:
    other = api.PairingRequest(Address(b"\x01" * 6), PairingMethod.PASSKEY_ENTRY, True, False)
    first = terminal.ask(lambda: terminal.delegate.enter_passkey(REQUEST), "shows: ")
    second = InThread(lambda: terminal.delegate.enter_passkey(other))
    until(lambda: len(terminal.delegate._wanted) == 2)
    assert terminal.output.getvalue().count("shows") == 1
    terminal.type("000001\n")
    assert first.join() == 1
    until(lambda: terminal.output.getvalue().count("shows") == 2)
    third = InThread(lambda: terminal.delegate.enter_passkey(REQUEST))
    until(lambda: len(terminal.delegate._wanted) == 2)
    terminal.delegate.ended(REQUEST, "gone")  # before its turn
    terminal.type("000002\n")
    assert (second.join(), third.join()) == (2, None)


def test_agent_and_terminal_together(terminal: Terminal) -> None:
    agent = DelegateAgent(answers(terminal.delegate))
    terminal.type("123456\n")
    assert asyncio.run(agent.enter_passkey(INNER)) == 123456
