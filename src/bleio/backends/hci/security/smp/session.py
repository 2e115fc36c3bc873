"""Drives one pairing: gives it PDUs, answers and encryption in the order it waits for them.

A pairing says what it waits for; all else that happens is judged here. A PDU that is not waited
for, or of a wrong length, ends the pairing, with three exceptions: Pairing Failed, which ends it
without an answer; a Keypress Notification and a peripheral's Security Request, which say nothing
new; and what comes while a user is asked, which is kept, as the peer's user may have been faster.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Generator
from typing import Any, Protocol

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.basis import Ask, Encrypt, Failure, Receive, Step
from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.hci.security.smp.pdu import LENGTHS, Reason
from bleio.core.words import pairing_reason

_log = logging.getLogger(__name__)

# While a user is asked, a peer whose user was faster may be this many PDUs ahead.
MAX_AHEAD = 2


class SessionHost(Protocol):
    """What the session works for, and what is told of its end."""

    def send(self, pdu: bytes) -> None: ...

    def encrypt(self, key: bytes) -> None:
        """Start encryption as central; as peripheral wait for it."""

    def paired(self, bond: Bond | None) -> None:
        """All keys are distributed."""

    def pairing_failed(self, reason: int, weaker: bool) -> None:
        """It is over, and both sides know. `weaker`: than the bond it would have replaced."""


class PairingSession:
    """One pairing that is under way, until `host` is told how it ended or `close`."""

    def __init__(self, pairing: Pairing, host: SessionHost) -> None:
        self.pairing = pairing
        self._host = host
        self._steps: Generator[Step, Any, Bond | None] | None = None
        self._waits_for: Step | None = None
        self._ahead: deque[bytes] = deque()
        self._questions: set[asyncio.Task[Any]] = set()

    @property
    def key(self) -> bytes | None:
        """The key that encryption must start with now, if that is what is waited for."""
        return self._waits_for.key if isinstance(self._waits_for, Encrypt) else None

    @property
    def lacks_keys(self) -> bool:
        """Whether all is done but for keys of the peer's."""
        step = self._waits_for
        return isinstance(step, Receive) and step.opcode in pdu.KEYS

    def start(self, request: bytes = b"") -> None:
        """Begin. Args: `request`: as peripheral, the Pairing Request without its opcode."""
        self._steps = self.pairing.run(request)
        self._advance(None)

    def received(self, octets: bytes) -> None:
        """Take one PDU, whatever it is."""
        opcode = octets[0] if octets else 0
        if LENGTHS.get(opcode) != len(octets):
            known = opcode in LENGTHS
            self._fail(Reason.INVALID_PARAMETERS if known else Reason.COMMAND_NOT_SUPPORTED)
        elif opcode == pdu.PAIRING_FAILED:
            self._end(octets[1])
        elif opcode == pdu.KEYPRESS_NOTIFICATION or (
            opcode == pdu.SECURITY_REQUEST and self.pairing.ends.is_central
        ):
            return  # neither says anything that this pairing does not know
        elif isinstance(self._waits_for, Ask):
            self._ahead.append(octets)
            if len(self._ahead) > MAX_AHEAD:
                self._fail(Reason.UNSPECIFIED_REASON)
        elif isinstance(self._waits_for, Receive) and self._waits_for.opcode == opcode:
            self._advance(octets[1:])
        else:
            self._fail(Reason.UNSPECIFIED_REASON)

    def encrypted(self) -> None:
        """The link is encrypted with `key`."""
        if isinstance(self._waits_for, Encrypt):
            self._advance(None)

    def encryption_failed(self) -> None:
        """The controller or the peer refused to encrypt with `key`."""
        self._end(None)

    def give_up(self) -> None:
        """It is not wanted any more."""
        self._fail(Reason.UNSPECIFIED_REASON)

    def close(self) -> None:
        """The link is gone or the peer silent: nobody is told but the agent."""
        self._tidy("the link was lost or the peer fell silent")

    def _advance(self, value: Any) -> None:
        """Go on with what was waited for, until something else must be waited for.

        A fault of ours ends the pairing too, and is shown: it must not leave a link half paired.
        """
        steps = self._steps
        try:
            while steps is not None:
                step = self._waits_for = steps.send(value)
                value = None
                if isinstance(step, Ask):
                    self._ask(step)
                    if step.waits:
                        return
                elif isinstance(step, Encrypt):
                    if self._ahead:  # keys, before they could be secret
                        raise Failure(Reason.UNSPECIFIED_REASON)
                    self._host.encrypt(step.key)
                    return
                elif not self._ahead:
                    return
                else:
                    value = self._next(step)
        except StopIteration as end:
            self._tidy(None)
            self._host.paired(end.value)
        except Failure as failure:
            self._fail(failure.reason, failure.weaker)
        except Exception:
            _log.exception("Fault in pairing")
            self._fail(Reason.UNSPECIFIED_REASON)

    def _next(self, step: Receive) -> bytes:
        octets = self._ahead.popleft()
        if octets[0] != step.opcode:
            raise Failure(Reason.UNSPECIFIED_REASON)
        return octets[1:]

    def _ask(self, step: Ask) -> None:
        """Ask in a task of its own: the agent may take long, and the pairing end meanwhile."""
        task = asyncio.get_running_loop().create_task(self._put(step))
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)

    async def _put(self, step: Ask) -> None:
        try:
            answer = await step.question()
        except Exception:  # the agent's fault, which it has shown
            _log.debug("The pairing agent failed", exc_info=True)
            self._fail(Reason.UNSPECIFIED_REASON)
            return
        if step.waits and self._waits_for is step:  # an answer too late is nobody's
            self._advance(answer)

    def _fail(self, reason: int, weaker: bool = False) -> None:
        """End it from our side and tell the peer."""
        if self._steps is not None:
            self._host.send(pdu.pairing_failed(reason))
            self._end(reason, weaker)

    def _end(self, reason: int | None, weaker: bool = False) -> None:
        if self._steps is not None:
            self._tidy(_words(reason))
            self._host.pairing_failed(
                Reason.UNSPECIFIED_REASON if reason is None else reason, weaker
            )

    def _tidy(self, why: str | None) -> None:
        """Leave nothing behind. The agent is told why, unless it was never told of the pairing."""
        steps, self._steps = self._steps, None
        self._waits_for = None
        self._ahead.clear()
        if steps is None:
            return
        current = asyncio.current_task()
        for task in tuple(self._questions):
            if task is not current:  # which is an answer that ended the pairing
                task.cancel()
        agent = self.pairing.agent
        if agent is not None and self.pairing.agreed:
            agent.ended(self.pairing.described, why)


def _words(reason: int | None) -> str:
    return "encryption failed" if reason is None else pairing_reason(reason).lower()
