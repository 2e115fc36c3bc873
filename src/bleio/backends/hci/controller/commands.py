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

Peers make us send commands, too, by what they ask for, and as often as they like. So their commands
wait in a line of their own. They are not in the way of the program's: one of those lets pass at
most one that was there before it. And their line is bounded: what answers a peer's question
(`reply`) is at most there once for each link, as a later question takes the place of the one
before; whatever else a peer causes has one task for each link, which waits for its command.

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
    """`answer`: None if nobody waits for it. `number`: of all commands, in the order of asking."""

    __slots__ = ("answer", "is_wish", "key", "number", "opcode", "packet", "was_passed")

    def __init__(
        self, number: int, packet: bytes, answer: asyncio.Future[bytes] | None, is_wish: bool
    ) -> None:
        self.number = number
        self.packet = packet
        self.is_wish = is_wish
        self.opcode = int.from_bytes(packet[_OPCODE_OFFSET : _OPCODE_OFFSET + 2], "little")
        self.answer = answer
        self.was_passed = False  # by a peer's command
        self.key: tuple[int, int] | None = None  # of a reply: opcode and link

    def end(self, error: Exception) -> None:
        """Fail what waits for the answer."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)


class _Lines:
    """The commands that wait: the program's, and those that peers have caused."""

    def __init__(self) -> None:
        self._program: deque[_Command] = deque()
        self._peers: deque[_Command] = deque()
        self._replies: dict[tuple[int, int], _Command] = {}  # of those: by opcode and link

    def __len__(self) -> int:
        return len(self._program) + len(self._peers)

    def add(self, command: _Command, for_peer: bool) -> None:
        (self._peers if for_peer else self._program).append(command)

    def add_reply(self, conn_handle: int, command: _Command) -> None:
        """Add an answer to a peer's question; it takes the place of one that still waits."""
        command.key = command.opcode, conn_handle
        former = self._replies.setdefault(command.key, command)
        if former is command:
            self._peers.append(command)
        former.packet = command.packet

    def take(self) -> _Command | None:
        """Take the oldest, but none of a peer's that would be the second to pass the program."""
        while self:
            command = self._next()
            if command.answer is None or not command.answer.cancelled():
                return command
        return None

    def _next(self) -> _Command:
        program, peers = self._program, self._peers
        first = program[0] if program else None
        if first is not None and (not peers or first.was_passed or first.number < peers[0].number):
            return program.popleft()
        if first is not None:
            first.was_passed = True
        command = peers.popleft()
        if command.key is not None:
            del self._replies[command.key]
        return command

    def clear(self) -> list[_Command]:
        """Take all out."""
        commands = [*self._program, *self._peers]
        self._program.clear()
        self._peers.clear()
        self._replies.clear()
        return commands


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
        self.unanswered: set[int] = set()  # opcodes of wishes, which are not worth asking again
        self._waiting = _Lines()
        self._number = 0
        self._current: _Command | None = None
        # The controller takes one more command. It may say that it takes none for now, also in an
        # answer; then it says later, in an event of no command (opcode 0), that it takes some.
        self._allowed = True
        self._timer: asyncio.TimerHandle | None = None
        self._timed: _Command | None = None  # what the timer is for; None: the leave to send
        self._closed_by: Exception | None = None

    async def exchange(
        self, packet: bytes, *, is_wish: bool = False, for_peer: bool = False
    ) -> bytes:
        """Send an H4 command packet. Returns: the H4 event packet that answers it.

        Args: `for_peer`: a peer is why it is sent, not the program.
        Raises: Unanswered, for a wish only; what the queue was closed with.
        """
        if self._closed_by is not None:
            raise self._closed_by
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.add(self._new(packet, answer, is_wish), for_peer)
        self._pump()
        return await answer

    def reply(self, packet: bytes, conn_handle: int, *, is_wish: bool = False) -> None:
        """Send a command that answers a question of a link's peer; nobody waits for the outcome.

        One that is still waiting, with the same opcode and for the same link, is not sent: its
        question is not open any more.
        """
        command = self._new(packet, None, is_wish)
        if self._closed_by is None and command.opcode not in self.unanswered:
            self._waiting.add_reply(conn_handle, command)
            self._pump()

    def _new(self, packet: bytes, answer: asyncio.Future[bytes] | None, is_wish: bool) -> _Command:
        self._number += 1
        return _Command(self._number, packet, answer, is_wish)

    def answered(self, opcode: int, allowed: int, event: bytes) -> None:
        """Take a Command Complete or Command Status. `allowed`: its Num_HCI_Command_Packets."""
        self._allowed = allowed > 0
        command = self._current
        if command is not None and command.opcode == opcode:
            self._current = None
            if command.answer is not None and not command.answer.done():
                command.answer.set_result(event)
        elif opcode != 0:  # 0 only tells how many commands may be sent
            self._counters.unexpected_answers += 1
        self._pump()

    def close(self, error: Exception) -> None:
        """Fail all commands, also future ones, with `error`."""
        self._closed_by = self._closed_by or error
        commands = [*([self._current] if self._current else []), *self._waiting.clear()]
        self._current = None
        self._stop_timer()
        for command in commands:
            command.end(self._closed_by)

    def _pump(self) -> None:
        while self._current is None and self._allowed:
            command = self._waiting.take()
            if command is None:
                break
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
        self.unanswered.add(command.opcode)
        command.end(Unanswered())
        self._pump()


def command_packet(opcode: int, parameters: bytes = b"") -> bytes:
    """Build an H4 command packet."""
    return (
        bytes((COMMAND_PACKET,))
        + opcode.to_bytes(2, "little")
        + bytes((len(parameters),))
        + parameters
    )
