"""What an adapter checks before it opens anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bleio.api import Adapter, Address
from bleio.api._advertising import checked_parameters
from support.api_bench import raises

SERIAL = SimpleNamespace(read=lambda: b"", write=lambda data: 0, in_waiting=0)
PIN = SimpleNamespace(value=False)


class ClosedPort:
    """As pyserial's: a property of a closed port raises."""

    read = write = None

    @property
    def in_waiting(self) -> int:
        raise OSError("Attempting to use a port that is not open")


@pytest.mark.parametrize("options", [{"uart": SERIAL}, {"uart": SERIAL, "rts": PIN, "cts": PIN}])
def test_a_serial_object(options: dict[str, Any]) -> None:
    assert Adapter(**options).enabled
    assert Adapter(uart=ClosedPort()).enabled


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"uart": 5}, "uart must have read, write, in_waiting; int has no read"),
        ({"uart": "/dev/ttyACM0"}, "uart must have read, write, in_waiting; str has no read"),
        (
            {"uart": SimpleNamespace(read=1, write=2)},
            "uart must have read, write, in_waiting; SimpleNamespace has no in_waiting",
        ),
        ({"uart": SERIAL, "rts": 5}, "rts must have value; int has no value"),
        ({"uart": SERIAL, "cts": True}, "cts must have value; bool has no value"),
        (
            {"adapter": "virtual", "uart": SERIAL},
            "Adapter takes either a name or uart, rts and cts",
        ),
    ],
)
def test_what_is_no_serial_object(options: dict[str, Any], text: str) -> None:
    with raises(TypeError, text):
        Adapter(**options)


@pytest.mark.parametrize(
    ("interval", "timeout", "high_duty_cycle"),
    [
        (0.02, 0, True),
        (3.5, 0, True),
        (3.5, 1, True),
        (3.51, 0, False),
        (3.5, 2, False),
        (10.24, 180, False),
    ],
)
def test_when_directed_advertising_has_a_high_duty_cycle(
    interval: float, timeout: int, high_duty_cycle: bool
) -> None:
    target = Address(b"123456")

    def check(directed_to: Address | None) -> bool:
        parameters, _ = checked_parameters(
            b"", None, True, False, timeout, interval, 0, directed_to
        )
        return parameters.high_duty_cycle

    assert check(target) is high_duty_cycle
    assert check(None) is False


@pytest.mark.parametrize(
    ("anonymous", "timeout", "limit_s"),
    [(True, 0, 180), (True, 5, 5), (True, 180, 180), (False, 0, 0), (False, 5, 5)],
)
def test_anonymous_advertising_has_a_time_limit(
    anonymous: bool, timeout: int, limit_s: int
) -> None:
    _, timeout_s = checked_parameters(b"", None, True, anonymous, timeout, 0.1, 0, None)
    assert timeout_s == limit_s
