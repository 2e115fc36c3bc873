"""The checks and texts of CircuitPython's argument handling."""

from __future__ import annotations

import array
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
