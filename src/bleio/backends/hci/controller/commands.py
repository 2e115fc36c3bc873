"""HCI commands: one at a time, each answered within a bound (Vol 4, Part E, 4.4).

The specification lets a controller take several commands at once and answer them in any order.
One at a time is slower by nothing that matters, and then an answer needs no more than its opcode to
be known for what it is; with two commands of one opcode under way it could be of either.

A caller that is cancelled leaves its command to the controller: the answer is still awaited before
the next one is sent, so no answer is ever taken for another command's. The time limit is for the
controller, not for the caller: it runs on, and its end means that the controller is lost.

Some commands are wishes: what they ask for can be done without. Controllers exist that never answer
such a command although they list it, and work otherwise. So the end of a wish's time fails the wish
alone, and the next command is sent; if the controller is silent to that too, it is lost.

Each wait has its own time: a command's begins when it is sent, that for leave to send when there is
something to send. A controller that goes on talking of other things, by answers to commands that
were never sent or by events that give no leave, gains no time by it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from bleio.backends.hci.counters import HciCounters
from bleio.core.hci import COMMAND_PACKET

_OPCODE_OFFSET = 1  # in an H4 command packet

WISH_TIMEOUT_S = 2.0  # other commands, perhaps of a pairing, wait behind it


class Unanswered(Exception):
    """The controller did not answer a wish in time."""


class _Command:
    __slots__ = ("answer", "is_wish", "opcode", "packet")

    def __init__(self, packet: bytes, answer: asyncio.Future[bytes], is_wish: bool) -> None:
        self.packet = packet
        self.is_wish = is_wish
        self.opcode = int.from_bytes(packet[_OPCODE_OFFSET : _OPCODE_OFFSET + 2], "little")
        self.answer = answer


class CommandQueue:
    """Commands under way and in line.

    Args: `send` takes H4 packets; `silent()` is called when an answer is overdue by `timeout_s`.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        silent: Callable[[], None],
        counters: HciCounters,
        timeout_s: float,
    ) -> None:
        self._counters = counters
        self._send = send
        self._silent = silent
        self._timeout_s = timeout_s
        self._waiting: deque[_Command] = deque()
        self._current: _Command | None = None
        # The controller takes one more command. It may say that it takes none for now, also in an
        # answer; then it says later, in an event of no command (opcode 0), that it takes some.
        self._allowed = True
        self._timer: asyncio.TimerHandle | None = None
        self._timed: _Command | None = None  # what the timer is for; None: the leave to send
        self._closed_by: Exception | None = None

    async def exchange(self, packet: bytes, is_wish: bool = False) -> bytes:
        """Send an H4 command packet. Returns: the H4 event packet that answers it.

        Raises: Unanswered, for a wish only; what the queue was closed with.
        """
        if self._closed_by is not None:
            raise self._closed_by
        command = _Command(packet, asyncio.get_running_loop().create_future(), is_wish)
        self._waiting.append(command)
        self._pump()
        return await command.answer

    def answered(self, opcode: int, allowed: int, event: bytes) -> None:
        """Take a Command Complete or Command Status. `allowed`: its Num_HCI_Command_Packets."""
        self._allowed = allowed > 0
        command = self._current
        if command is not None and command.opcode == opcode:
            self._current = None
            if not command.answer.done():
                command.answer.set_result(event)
        elif opcode != 0:  # 0 only tells how many commands may be sent
            self._counters.unexpected_answers += 1
        self._pump()

    def close(self, error: Exception) -> None:
        """Fail all commands, also future ones, with `error`."""
        self._closed_by = self._closed_by or error
        commands = [*([self._current] if self._current else []), *self._waiting]
        self._current = None
        self._waiting.clear()
        self._stop_timer()
        for command in commands:
            if not command.answer.done():
                command.answer.set_exception(self._closed_by)

    def _pump(self) -> None:
        while self._current is None and self._allowed and self._waiting:
            command = self._waiting.popleft()
            if command.answer.cancelled():
                continue
            self._current = command
            self._allowed = False
            self._send(command.packet)
        self._keep_time()

    def _keep_time(self) -> None:
        """Time what is waited for: the present command, or the leave to send the next one.

        If that is the same as before, its time runs on, whatever came meanwhile.
        """
        command = self._current
        if command is None and not self._waiting:
            self._stop_timer()
        elif self._timer is None or self._timed is not command:
            self._stop_timer()
            limit_s = self._timeout_s
            if command is not None and command.is_wish:
                limit_s = min(limit_s, WISH_TIMEOUT_S)
            self._timer = asyncio.get_running_loop().call_later(limit_s, self._overdue)
            self._timed = command

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _overdue(self) -> None:
        """The answer did not come, or the leave to send; go on without it if it was a wish's."""
        self._timer = None
        command = self._current
        if command is None or not command.is_wish:
            self._silent()
            return
        self._current = None
        self._allowed = True
        if not command.answer.done():
            command.answer.set_exception(Unanswered())
        self._pump()


def command_packet(opcode: int, parameters: bytes = b"") -> bytes:
    """Build an H4 command packet."""
    return (
        bytes((COMMAND_PACKET,))
        + opcode.to_bytes(2, "little")
        + bytes((len(parameters),))
        + parameters
    )
