"""How long a peer has to wait after failed pairings."""

from __future__ import annotations

from bleio.backends.hci.security.shared import (
    FREE_ATTEMPTS,
    LONGEST_WAIT_S,
    MAX_PEERS,
    Attempts,
)
from bleio.core.address import DeviceAddress


def peer(number: int) -> DeviceAddress:
    return DeviceAddress(number.to_bytes(5, "little") + b"\xc0", random=True)


def wait_after(failures: int) -> int:
    attempts, seconds = Attempts(), 0
    for _ in range(failures):
        attempts.failed(peer(1), 0.0)
    while not attempts.may_try(peer(1), seconds):
        seconds += 1
    return seconds


def test_the_wait_grows_and_is_bounded() -> None:
    assert [wait_after(count) for count in range(FREE_ATTEMPTS + 5)] == [0, 0, 0, 1, 2, 4, 8, 16]
    assert wait_after(100) == LONGEST_WAIT_S


def test_success_and_other_peers() -> None:
    attempts = Attempts()
    for _ in range(FREE_ATTEMPTS):
        attempts.failed(peer(1), 0.0)
    assert not attempts.may_try(peer(1), 0.5)
    assert attempts.may_try(peer(2), 0.5)
    attempts.succeeded(peer(1))
    assert attempts.may_try(peer(1), 0.5)


def test_the_table_is_bounded() -> None:
    attempts = Attempts()
    for number in range(MAX_PEERS + 1):
        for _ in range(FREE_ATTEMPTS):
            attempts.failed(peer(number), 0.0)
    waiting = [number for number in range(MAX_PEERS + 1) if not attempts.may_try(peer(number), 0.1)]
    assert waiting == list(range(1, MAX_PEERS + 1))
