"""Asking a delegate: on threads of its own, bounded, and never waited for when it is too late."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from bleio.backends.base import OobData
from bleio.core.pairing import IoCapability, PairingMethod, PairingQuestion
from bleio.errors import PairingFailed
from bleio.runtime.delegate import MOST_QUESTIONS, MOST_THREADS, DelegateAgent, refuse_in_answer
from support.fake_backend import PEER
from support.patience import PATIENCE_S
from unit.runtime.conftest import Played

REQUEST = PairingQuestion(PEER, PairingMethod.PASSKEY_ENTRY, True, False)
OOB = OobData(temporary_key=bytes(16))
variable = ContextVar("variable", default="outside")


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def in_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(test(), PATIENCE_S)

    asyncio.run(main())


class Blocking:
    """Calls that wait until the test lets them go."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = 0
        self.returned = 0

    def __call__(self, *args: Any) -> bool:
        self.begun += 1
        assert self.open.wait(PATIENCE_S)
        self.returned += 1
        return True


@pytest.fixture
def blocking() -> Iterator[Blocking]:
    blocking = Blocking()
    yield blocking
    blocking.open.set()
    until(lambda: not workers())


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The exceptions that were shown."""
    shown: list[str] = []
    monkeypatch.setattr(
        threading, "excepthook", lambda args: shown.append(f"{args.thread.name}: {args.exc_value}")
    )
    return shown


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "bleio-pairing"]


QUESTIONS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "accept": ((REQUEST,), True),
    "display_passkey": ((REQUEST, 123), None),
    "enter_passkey": ((REQUEST,), 42),
    "compare": ((REQUEST, 123), True),
    "peer_oob": ((PEER,), OOB),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_on_a_thread_of_its_own(name: str) -> None:
    args, answer = QUESTIONS[name]
    calls: list[tuple[Any, ...]] = []

    def does(*args: Any) -> Any:
        assert threading.current_thread().daemon
        assert threading.current_thread() is not threading.main_thread()
        calls.append(args)
        return answer

    async def test() -> None:
        assert await getattr(DelegateAgent(Played(does)), name)(*args) == answer

    in_loop(test)
    assert calls == [args]


def test_it_says_what_the_delegate_can() -> None:
    agent = DelegateAgent(Played(print))
    assert (agent.io_capability, agent.has_oob) == (IoCapability.KEYBOARD_DISPLAY, True)


@pytest.mark.parametrize(
    ("name", "refusal"), [("accept", False), ("enter_passkey", None), ("compare", False)]
)
def test_an_exception_is_shown_and_refuses(name: str, refusal: Any, shown: list[str]) -> None:
    def fail(*args: Any) -> None:
        raise ValueError("no idea")

    async def test() -> None:
        answer = await getattr(DelegateAgent(Played(fail)), name)(*QUESTIONS[name][0])
        assert answer is refusal
        assert shown == ["bleio-pairing: no idea"]  # before the pairing could fail

    in_loop(test)


@pytest.mark.parametrize("name", ["display_passkey", "peer_oob"])
def test_where_no_answer_refuses_an_exception_fails_the_pairing(
    name: str, shown: list[str]
) -> None:
    def fail(*args: Any) -> None:
        raise ValueError("no idea")

    async def test() -> None:
        with pytest.raises(PairingFailed):
            await getattr(DelegateAgent(Played(fail)), name)(*QUESTIONS[name][0])
        assert shown == ["bleio-pairing: no idea"]

    in_loop(test)


def test_an_exception_at_the_end_is_shown(shown: list[str]) -> None:
    def fail(*args: Any) -> None:
        raise ValueError("no idea")

    DelegateAgent(Played(fail)).ended(REQUEST, None)
    until(lambda: shown)
    assert shown == ["bleio-pairing: no idea"]


def test_an_answer_that_comes_too_late_is_dropped(blocking: Blocking) -> None:
    async def test() -> None:
        asking = asyncio.ensure_future(DelegateAgent(Played(blocking)).accept(REQUEST))
        await asyncio.to_thread(until, lambda: blocking.begun)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        blocking.open.set()
        await asyncio.to_thread(until, lambda: not workers())
        await asyncio.sleep(0)

    in_loop(test)
    assert blocking.returned == 1


def test_an_answer_after_the_engine_has_stopped_is_dropped(
    blocking: Blocking, shown: list[str]
) -> None:
    async def test() -> None:
        asyncio.ensure_future(DelegateAgent(Played(blocking)).accept(REQUEST))  # noqa: RUF006
        await asyncio.to_thread(until, lambda: blocking.begun)

    in_loop(test)
    blocking.open.set()
    until(lambda: not workers())
    assert (blocking.returned, shown) == (1, [])


def test_too_many_questions_are_refused_and_ends_still_heard(
    blocking: Blocking, caplog: pytest.LogCaptureFixture
) -> None:
    agent = DelegateAgent(Played(blocking))

    async def test() -> None:
        asked = [asyncio.ensure_future(agent.accept(REQUEST)) for _ in range(MOST_QUESTIONS)]
        await asyncio.to_thread(until, lambda: blocking.begun == MOST_QUESTIONS)
        assert await agent.accept(REQUEST) is False
        assert await agent.enter_passkey(REQUEST) is None
        with pytest.raises(PairingFailed):
            await agent.display_passkey(REQUEST, 1)
        assert agent.counted["pairing.refused_calls"] == 3
        for _ in range(MOST_THREADS):
            agent.ended(REQUEST, "refused")
        await asyncio.to_thread(until, lambda: blocking.begun == MOST_THREADS)
        assert agent.counted["pairing.refused_calls"] == 3 + MOST_QUESTIONS
        assert len(workers()) == MOST_THREADS
        blocking.open.set()
        assert await asyncio.gather(*asked) == [True] * MOST_QUESTIONS
        await asyncio.to_thread(until, lambda: not workers())
        assert await agent.accept(REQUEST) is True

    with caplog.at_level(logging.WARNING):
        in_loop(test)
    assert len(caplog.messages) == 1  # peers make as many as they like
    assert (
        caplog.messages[0] == "The pairing delegate has 8 calls to finish; another one is refused"
    )


def test_the_context_holds_in_every_call_and_none_changes_it() -> None:
    seen: list[str] = []

    def does(*args: Any) -> bool:
        seen.append(variable.get())
        variable.set("changed")
        return True

    context = copy_context()
    context.run(variable.set, "inside")
    agent = DelegateAgent(Played(does, context))

    async def test() -> None:
        await asyncio.gather(agent.accept(REQUEST), agent.compare(REQUEST, 1))
        agent.ended(REQUEST, None)

    in_loop(test)
    until(lambda: len(seen) == 3)
    assert seen == ["inside"] * 3
    assert variable.get() == "outside"


def test_what_waits_for_the_pairing_is_refused_in_an_answer_only(shown: list[str]) -> None:
    ended = threading.Event()

    class Waiting(Played):
        def __init__(self) -> None:
            super().__init__(lambda *args: refuse_in_answer("pair()"))
            self.ended = lambda *args: (refuse_in_answer("pair()"), ended.set())

    async def test() -> None:
        assert await DelegateAgent(Waiting()).accept(REQUEST) is False

    refuse_in_answer("pair()")
    in_loop(test)
    why = "pair() would wait for the pairing that waits for this delegate"
    assert shown == [f"bleio-pairing: {why}"]
    DelegateAgent(Waiting()).ended(REQUEST, None)
    assert ended.wait(PATIENCE_S)
