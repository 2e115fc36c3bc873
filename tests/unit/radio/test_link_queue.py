"""What an end of a link sends next, and that the queue knows it at any moment."""

from __future__ import annotations

from random import Random

import pytest

from bleio.radio.connection.cipher import MIC_OCTETS, LinkCipher
from bleio.radio.connection.pdu import LLID_CONTINUATION, LLID_CONTROL, LLID_START
from bleio.radio.connection.queue import CONTROL, DATA, NOTHING, SendQueue

LIMIT = 27


def head_by_definition(queue: SendQueue) -> tuple[int, int]:
    """What is next, found out from what is queued alone."""
    control, data, until = queue._control, queue._data, queue._data_until
    if control and queue._sent >= control[0][1]:
        return CONTROL, len(control[0][0])
    if data and (until is None or queue._sent < until):
        return DATA, len(data[0][1])
    return NOTHING, 0


def do_something(queue: SendQueue, random: Random) -> None:
    """One of all that can happen to a queue."""
    what = random.randrange(8)
    if what < 2:
        queue.put_data(bytes(random.randrange(80)), random.random() < 0.5)
    elif what == 2:
        queue.put_control(bytes(random.randrange(1, 20)), after_data=random.random() < 0.5)
    elif what == 3:
        queue.hold_data(after_queued=random.random() < 0.5)
    elif what == 4:
        queue.release_data()
    elif queue.head != NOTHING:
        queue.take(random.randrange(27, 60), None)


@pytest.mark.parametrize("seed", range(20))
def test_the_head_is_known_whatever_happens(seed: int) -> None:
    queue, random = SendQueue(), Random(seed)
    for _ in range(500):
        do_something(queue, random)
        assert (queue.head, queue.head_octets) == head_by_definition(queue)


def test_control_goes_before_data_unless_it_is_to_come_after_it() -> None:
    queue = SendQueue()
    queue.put_data(b"first", True)
    queue.put_control(b"last", after_data=True)
    queue.put_control(b"at once", after_data=False)
    queue.put_data(b"too late", True)
    # Control PDUs keep their order, so one that has to wait makes those behind it wait as well.
    taken = [queue.take(LIMIT, None).payload for _ in range(4)]
    assert taken == [b"first", b"last", b"at once", b"too late"]
    assert queue.head == NOTHING


def test_data_is_cut_when_it_is_taken() -> None:
    queue = SendQueue()
    queue.put_data(bytes(60), True)
    first, second = queue.take(27, None), queue.take(200, None)
    assert (first.llid, first.octets, first.last) == (LLID_START, 27, False)
    assert (second.llid, second.octets, second.last) == (LLID_CONTINUATION, 33, True)


def test_held_data_waits_and_control_does_not() -> None:
    queue = SendQueue()
    queue.put_data(b"queued", True)
    queue.hold_data(after_queued=True)
    queue.put_data(b"later", True)
    assert queue.take(LIMIT, None).payload == b"queued"
    assert queue.head == NOTHING
    queue.put_control(b"control", after_data=True)
    assert queue.take(LIMIT, None).llid == LLID_CONTROL
    queue.release_data()
    assert queue.take(LIMIT, None).payload == b"later"


def test_a_pdu_is_enciphered_once_however_often_it_is_sent() -> None:
    queue, cipher = SendQueue(), LinkCipher(bytes(16), bytes(8), from_central=True)
    queue.put_data(b"secret", True)
    queue.put_data(b"", True)
    secret, empty = queue.take(LIMIT, cipher), queue.take(LIMIT, cipher)
    assert secret.octets == 6 + MIC_OCTETS
    assert secret.sealing is not None
    assert secret.sealing.seal(0x02, b"secret") == secret.sealing.seal(0x02, b"secret")
    assert (empty.sealing, empty.octets) == (None, 0)
    queue.put_data(b"secret", True)
    again = queue.take(LIMIT, cipher).sealing
    assert again is not None and again.nonce != secret.sealing.nonce
