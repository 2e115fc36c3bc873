"""The command queue: one at a time, in order, bounded, whatever caller and controller do."""

from __future__ import annotations

import asyncio

import pytest

from bleio.backends.hci.controller.commands import CommandQueue, Unanswered, command_packet
from bleio.backends.hci.counters import HciCounters
from bleio.errors import ControllerLost
from support.hci.engine import asynchronous
from support.hci.simulated import simulated

ONE, TWO, THREE = 0x2001, 0x2002, 0x2003


class Queue(CommandQueue):
    def __init__(self, timeout_s: float = 5.0) -> None:
        self.sent: list[int] = []
        self.overdue = 0
        self.counters = HciCounters()
        super().__init__(self._take, self._was_silent, self.counters, timeout_s)

    def _take(self, packet: bytes) -> None:
        self.sent.append(int.from_bytes(packet[1:3], "little"))

    def _was_silent(self) -> None:
        self.overdue += 1

    def start(self, opcode: int) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(self.exchange(command_packet(opcode)))


@asynchronous
async def test_one_at_a_time_and_in_order() -> None:
    queue = Queue()
    calls = [queue.start(opcode) for opcode in (ONE, TWO, THREE)]
    await asyncio.sleep(0)
    assert queue.sent == [ONE]
    for opcode in (ONE, TWO, THREE):
        queue.answered(opcode, 1, bytes((opcode & 0xFF,)))
    assert await asyncio.gather(*calls) == [b"\x01", b"\x02", b"\x03"]
    assert queue.sent == [ONE, TWO, THREE]


@asynchronous
async def test_the_answer_of_a_cancelled_caller_is_nobody_elses() -> None:
    queue = Queue()
    gone, never_sent, other = queue.start(ONE), queue.start(TWO), queue.start(ONE)
    await asyncio.sleep(0)
    gone.cancel()
    never_sent.cancel()
    await asyncio.sleep(0)
    queue.answered(ONE, 1, b"late")
    assert queue.sent == [ONE, ONE]
    queue.answered(ONE, 1, b"right")
    assert await other == b"right"


@asynchronous
async def test_the_controller_says_when_it_takes_more() -> None:
    queue = Queue()
    first, second = queue.start(ONE), queue.start(TWO)
    await asyncio.sleep(0)
    queue.answered(ONE, 0, b"")
    await first
    assert queue.sent == [ONE]
    queue.answered(0, 1, b"")
    assert queue.sent == [ONE, TWO]
    queue.answered(TWO, 1, b"")
    await second
    assert queue.counters.unexpected_answers == 0


@asynchronous
async def test_answers_that_nobody_asked_for() -> None:
    queue = Queue()
    queue.answered(ONE, 1, b"")
    call = queue.start(ONE)
    await asyncio.sleep(0)
    queue.answered(TWO, 1, b"wrong")
    assert not call.done()
    queue.answered(ONE, 1, b"right")
    assert await call == b"right"
    assert queue.counters.unexpected_answers == 2


@pytest.mark.parametrize("leave", [True, False])
@asynchronous
async def test_silence_is_noticed(leave: bool) -> None:
    """Whether the answer is missing, or the leave to send the next command."""
    queue = Queue(timeout_s=0.02)
    call = queue.start(ONE)
    await asyncio.sleep(0)
    if not leave:
        queue.answered(ONE, 0, b"")
        await call
        call = queue.start(TWO)
    while not queue.overdue:
        await asyncio.sleep(0.001)
    queue.close(ControllerLost("gone"))
    with pytest.raises(ControllerLost, match="gone"):
        await call
    with pytest.raises(ControllerLost, match="gone"):
        await queue.exchange(command_packet(ONE))


@asynchronous
async def test_silence_to_a_wish_fails_the_wish_alone() -> None:
    queue = Queue(timeout_s=0.02)
    wish = asyncio.ensure_future(queue.exchange(command_packet(ONE), is_wish=True))
    await asyncio.sleep(0)
    needed = queue.start(TWO)
    with pytest.raises(Unanswered):
        await wish
    assert queue.sent == [ONE, TWO] and queue.overdue == 0
    queue.answered(ONE, 1, b"late")  # for nobody
    assert not needed.done()
    queue.answered(TWO, 1, b"two")
    assert await needed == b"two"
    assert queue.counters.unexpected_answers == 1
    needed = queue.start(THREE)
    while not queue.overdue:  # what is needed still fails
        await asyncio.sleep(0.001)
    queue.close(ControllerLost("gone"))
    with pytest.raises(ControllerLost, match="gone"):
        await needed


NO_LEAVE, OTHER = (0, 0), (THREE, 1)


@pytest.mark.parametrize("noise", [NO_LEAVE, (0, 1), OTHER, (THREE, 0)])
@pytest.mark.parametrize("wait", ["answer", "wish"])
@simulated
async def test_what_is_said_meanwhile_gains_no_time(noise: tuple[int, int], wait: str) -> None:
    """Neither does leave to send more, nor an answer to a command that was never sent."""
    queue = Queue(timeout_s=5.0)
    loop = asyncio.get_running_loop()
    call = asyncio.ensure_future(queue.exchange(command_packet(ONE), is_wish=wait == "wish"))
    for _ in range(100):
        await asyncio.sleep(0.1)
        if queue.overdue or call.done():
            break
        queue.answered(*noise, b"")
    assert loop.time() == pytest.approx(2.0 if wait == "wish" else 5.0, abs=0.11)
    assert queue.overdue == (wait == "answer")
    queue.close(ControllerLost("gone"))
    await asyncio.wait({call})
    assert isinstance(call.exception(), (ControllerLost, Unanswered))


@pytest.mark.parametrize("noise", [NO_LEAVE, (THREE, 0)])
@simulated
async def test_the_wait_for_leave_to_send_gains_none_either(noise: tuple[int, int]) -> None:
    queue = Queue(timeout_s=5.0)
    first = queue.start(ONE)
    await asyncio.sleep(4.0)
    queue.answered(ONE, 0, b"")  # and nothing more may be sent
    await first
    await asyncio.sleep(60.0)  # which nobody wants either
    assert queue.overdue == 0
    began_s = asyncio.get_running_loop().time()
    call = queue.start(TWO)
    for _ in range(100):
        await asyncio.sleep(0.1)
        if queue.overdue:
            break
        queue.answered(*noise, b"")
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(5.0, abs=0.11)
    queue.close(ControllerLost("gone"))
    with pytest.raises(ControllerLost):
        await call


@simulated
async def test_each_command_has_the_whole_time() -> None:
    queue = Queue(timeout_s=5.0)
    calls = [queue.start(opcode) for opcode in (ONE, TWO, THREE)]
    for opcode in (ONE, TWO, THREE):
        await asyncio.sleep(4.9)
        queue.answered(opcode, 0, b"")
        await asyncio.sleep(4.9)
        queue.answered(0, 1, b"")
    await asyncio.gather(*calls)
    assert queue.overdue == 0


@asynchronous
async def test_the_program_waits_for_one_command_of_a_peers_at_most() -> None:
    queue = Queue()
    calls = [
        asyncio.ensure_future(queue.exchange(command_packet(THREE), for_peer=True))
        for _ in range(10)
    ]
    await asyncio.sleep(0)
    assert queue.sent == [THREE]
    calls += [queue.start(ONE), queue.start(TWO)]
    await asyncio.sleep(0)
    for _ in calls:
        queue.answered(queue.sent[-1], 1, b"")
    await asyncio.gather(*calls)
    assert queue.sent == [THREE, THREE, ONE, THREE, TWO, *[THREE] * 7]


@asynchronous
async def test_nor_do_peers_wait_for_more_than_was_there_before() -> None:
    queue = Queue()
    calls = [queue.start(ONE), queue.start(ONE)]
    await asyncio.sleep(0)
    queue.reply(command_packet(THREE), 0x40)
    calls += [queue.start(TWO)]
    await asyncio.sleep(0)
    for _ in range(4):
        queue.answered(queue.sent[-1], 1, b"")
    await asyncio.gather(*calls)
    assert queue.sent == [ONE, ONE, THREE, TWO]


@asynchronous
async def test_a_reply_takes_the_place_of_one_that_waits() -> None:
    """For the same link and of the same kind; and the last of them is what is sent."""
    queue = Queue()
    packets: list[bytes] = []
    queue._send = packets.append
    first = queue.start(ONE)
    await asyncio.sleep(0)
    for number in range(100):
        queue.reply(command_packet(TWO, bytes((number,))), 0x40 + number % 2)
        queue.reply(command_packet(THREE, bytes((number,))), 0x40)
    for opcode in (ONE, TWO, THREE, TWO):
        queue.answered(opcode, 1, b"")
    await first
    parameters = [packet[4:] for packet in packets]
    assert parameters == [b"", b"\x62", b"\x63", b"\x63"]
    queue.reply(command_packet(TWO), 0x40)  # those were sent, so this one is new
    assert len(packets) == 5
    queue.answered(TWO, 1, b"")
    queue.close(ControllerLost())
    queue.reply(command_packet(TWO), 0x40)
    assert len(packets) == 5


@simulated
async def test_a_reply_that_is_never_answered_is_not_sent_again() -> None:
    queue = Queue()
    queue.reply(command_packet(ONE), 0x40, is_wish=True)
    call = queue.start(TWO)
    await asyncio.sleep(3)
    queue.answered(TWO, 1, b"")
    await call
    queue.reply(command_packet(ONE), 0x40, is_wish=True)
    assert queue.sent == [ONE, TWO]
    assert not queue.overdue
