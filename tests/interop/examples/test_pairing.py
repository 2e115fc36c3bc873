"""The lock and the key pair by each method, and by no other one than they were told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import Program, SharedRadio

pytestmark = pytest.mark.interop

EXAMPLES = Path(__file__).parents[3] / "examples"
Pair = Callable[..., tuple[Program, Program]]


@pytest.fixture
def pair(shared_radio: SharedRadio) -> Pair:
    """Start the lock and then the key with their words."""

    def start(lock: str, key: str | None = None) -> tuple[Program, Program]:
        first = shared_radio.start(EXAMPLES / "pairing_lock.py", lock)
        first.says("^Locked; waiting for a key to pair by ")
        second = shared_radio.start(EXAMPLES / "pairing_key.py", key or lock)
        second.says("^Looking for a lock$")
        return first, second

    return start


def opens(lock: Program, key: Program) -> None:
    key.says("^The lock is open$")
    lock.says("^Open$", "^Locked; waiting")
    key.ends_well()
    assert any(line.startswith("Before pairing: ") for line in key.lines)


def stays_locked(lock: Program, key: Program) -> None:
    assert key.wait() == 1
    assert "The lock is open" not in key.lines
    assert any("SecurityError" in line for line in key.lines)
    lock.says("^Locked; waiting")
    assert "Open" not in lock.lines


def shown(program: Program) -> str:
    return program.wait_for(r"^Type this on the other device: (\d{6})$")[1]


def compared(program: Program) -> str:
    return program.wait_for(r"Does the other device show (\d{6})\?")[1]


@pytest.mark.parametrize("method", ["just-works", "out-of-band"])
def test_nobody_is_asked(pair: Pair, method: str) -> None:
    opens(*pair(method))


def test_the_locks_passkey_is_typed_at_the_key(pair: Pair) -> None:
    lock, key = pair("passkey-display")
    key.type(f"{shown(lock)}\n")
    opens(lock, key)


def test_the_keys_passkey_is_typed_at_the_lock(pair: Pair) -> None:
    lock, key = pair("passkey-keyboard")
    lock.type(f"{shown(key)}\n")
    opens(lock, key)


def test_both_see_the_same_number(pair: Pair) -> None:
    lock, key = pair("comparison")
    lock.type("yes\n")
    key.type("yes\n")
    assert compared(lock) == compared(key)
    opens(lock, key)


def test_nobody_is_asked_again(pair: Pair, shared_radio: SharedRadio) -> None:
    lock, key = pair("passkey-display")
    key.type(f"{shown(lock)}\n")
    opens(lock, key)
    again = shared_radio.start(EXAMPLES / "pairing_key.py", "passkey-display")
    again.says("^The bond of an earlier pairing is enough$", "^The lock is open$")
    again.ends_well()
    lock.says("^Open$")


def test_a_wrong_passkey(pair: Pair) -> None:
    lock, key = pair("passkey-display")
    key.type(f"{(int(shown(lock)) + 1) % 1_000_000}\n")
    stays_locked(lock, key)


def test_numbers_that_are_not_the_same(pair: Pair) -> None:
    lock, key = pair("comparison")
    lock.type("yes\n")
    key.type("no\n")
    stays_locked(lock, key)


@pytest.mark.parametrize("key", ["just-works", "comparison"])
def test_a_key_that_pairs_in_another_way(pair: Pair, key: str) -> None:
    stays_locked(*pair("passkey-display", key))


def test_a_word_that_is_no_method(shared_radio: SharedRadio) -> None:
    lock = shared_radio.start(EXAMPLES / "pairing_lock.py", "magic")
    lock.wait_for(r"^Say how to pair: .*pairing_lock.py just-works\|passkey-display\|")
    assert lock.wait() == 1
