"""Which devices the kernel has told of lately."""

from __future__ import annotations

from bleio.backends.os.scanning.lately import LATELY_S, MOST_ADDRESSES, HeardLately
from bleio.core.address import DeviceAddress


def address(number: int) -> DeviceAddress:
    return DeviceAddress(number.to_bytes(6, "little"))


def test_what_was_heard_is_forgotten_again() -> None:
    now_s = 10.0
    lately = HeardLately(lambda: now_s)
    assert address(1) not in lately
    lately.add(address(1))
    now_s += LATELY_S
    assert address(1) in lately
    now_s += 0.1
    assert address(1) not in lately


def test_the_longest_unheard_gives_way() -> None:
    lately = HeardLately(lambda: 0.0)
    for number in range(MOST_ADDRESSES):
        lately.add(address(number))
    lately.add(address(0))
    lately.add(address(MOST_ADDRESSES))
    assert address(0) in lately
    assert address(1) not in lately
