"""The checks and texts of CircuitPython's argument handling."""

from __future__ import annotations

import array
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from bleio.api import _arguments as arguments
from support.api_bench import raises


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (b"ab", b"ab"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abcd")[::2], b"ac"),
        (array.array("H", [1, 2]), array.array("H", [1, 2]).tobytes()),
        ("grüße", "grüße".encode()),
        ("", b""),
    ],
)
def test_readable(value: Any, octets: bytes) -> None:
    assert arguments.readable(value) == octets


@pytest.mark.parametrize("value", [None, 5, 1.5, [1, 2], (b"a",), object()])
def test_not_readable(value: Any) -> None:
    with raises(TypeError, "object with buffer protocol required"):
        arguments.readable(value)


def test_readable_is_a_copy() -> None:
    source = bytearray(b"abc")
    copy = arguments.readable(source)
    source[0] = 0
    assert copy == b"abc"


@pytest.mark.parametrize(
    "value", [bytearray(4), memoryview(bytearray(4)), array.array("H", [0, 0])]
)
def test_writable_counts_octets(value: Any) -> None:
    view = arguments.writable(value)
    view[:] = b"abcd"
    assert bytes(memoryview(value)) == b"abcd"


@pytest.mark.parametrize(
    "value", [b"abcd", "abcd", memoryview(b"abcd"), None, 4, memoryview(bytearray(4))[::2]]
)
def test_not_writable(value: Any) -> None:
    with raises(TypeError, "object with buffer protocol required"):
        arguments.writable(value)


@pytest.mark.parametrize(
    ("check", "error", "text"),
    [
        (
            lambda: arguments.instance("uuid", 1, str),
            TypeError,
            "uuid must be of type str, not int",
        ),
        (lambda: arguments.integer("n", 1.0), TypeError, "n must be of type int, not float"),
        (lambda: arguments.integer("n", None), TypeError, "n must be of type int, not NoneType"),
        (lambda: arguments.at_least("n", 0, 1), ValueError, "n must be >= 1"),
        (lambda: arguments.at_least("n", 1.0, 1), TypeError, "n must be of type int, not float"),
        (lambda: arguments.in_range("n", 4, 0, 3), ValueError, "n must be 0-3"),
        (lambda: arguments.in_range("n", -1, 0, 3), ValueError, "n must be 0-3"),
        (lambda: arguments.real("t", "1"), TypeError, "t must be of type float, not str"),
        (lambda: arguments.duration("t", -0.1), ValueError, "t must be >= 0"),
        (lambda: arguments.duration("t", float("nan")), ValueError, "t must be >= 0"),
        (lambda: arguments.duration("t", None), TypeError, "t must be of type float, not NoneType"),
    ],
)
def test_texts(check: Any, error: type[Exception], text: str) -> None:
    with raises(error, text):
        check()


def test_what_passes() -> None:
    assert arguments.integer("n", True) == 1
    assert arguments.at_least("n", 1, 1) == 1
    assert [arguments.in_range("n", n, 0, 3) for n in (0, 3)] == [0, 3]
    assert arguments.duration("t", 0) == 0.0
    assert type(arguments.real("t", 2)) is float


class Index:
    """An integer of another kind, as numpy's are."""

    def __index__(self) -> int:
        return 3

    def __int__(self) -> int:
        return 3

    def __float__(self) -> float:
        return 3.0


class OnlyInt:
    def __int__(self) -> int:
        return 3


class OnlyFloat:
    def __float__(self) -> float:
        return 2.5


class Several:
    """As an array of several numbers: it has the methods, and they raise."""

    def __index__(self) -> int:
        raise TypeError("only integer scalar arrays can be converted to a scalar index")

    __int__ = __float__ = __index__


@pytest.mark.parametrize(("value", "number"), [(Index(), 3), (OnlyInt(), 3), (True, 1)])
def test_integers_of_other_kinds(value: Any, number: int) -> None:
    taken = arguments.integer("n", value)
    assert (taken, type(taken)) == (number, int)
    assert arguments.at_least("n", value, 0) == arguments.in_range("n", value, 0, 9) == number


@pytest.mark.parametrize(
    "value", [1.0, Fraction(3), Decimal(3), 3j, "3", b"3", OnlyFloat(), Several(), [3]]
)
def test_what_is_no_integer(value: Any) -> None:
    with raises(TypeError, f"n must be of type int, not {type(value).__name__}"):
        arguments.integer("n", value)


@pytest.mark.parametrize(
    ("value", "number"),
    [(Index(), 3.0), (OnlyFloat(), 2.5), (Fraction(5, 2), 2.5), (Decimal("2.5"), 2.5), (True, 1.0)],
)
def test_reals_of_other_kinds(value: Any, number: float) -> None:
    taken = arguments.real("t", value)
    assert (taken, type(taken)) == (number, float)
    assert arguments.duration("t", value) == number


@pytest.mark.parametrize("value", ["2.5", b"2.5", 2j, Several(), [2.5], None])
def test_what_is_no_real(value: Any) -> None:
    with raises(TypeError, f"t must be of type float, not {type(value).__name__}"):
        arguments.real("t", value)
