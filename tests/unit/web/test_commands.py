"""What a page asks for, checked."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, strategies

from bleio.web.commands import (
    BreakLinks,
    JamAir,
    Lose,
    Move,
    Pause,
    Power,
    Speed,
    Step,
    TakeBack,
    read_command,
)


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        ({"do": "move", "device": 3, "x": 1, "y": -2.5}, Move(3, 1, -2.5)),
        ({"do": "lose", "device": 0, "packets": 5}, Lose(0, 5)),
        ({"do": "links", "device": 0}, BreakLinks(0)),
        ({"do": "power", "device": 1, "on": False}, Power(1, False)),
        ({"do": "jam", "seconds": 0.5, "channels": [38, 37, 38]}, JamAir(0.5, (37, 38))),
        ({"do": "undo", "entry": 7}, TakeBack(7)),
        ({"do": "pause", "paused": True}, Pause(True)),
        ({"do": "speed", "times": 10}, Speed(10)),
        ({"do": "speed", "times": None}, Speed(None)),
        ({"do": "step", "to": "packet"}, Step("packet")),
        ({"do": "step", "to": "ms", "ms": 100}, Step("ms", 100)),
    ],
)
def test_commands(asked: object, command: object) -> None:
    assert read_command(json.dumps(asked)) == command
    assert read_command(json.dumps(asked).encode()) == command


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "[]",
            "1",
            "null",
            '{"do": 1}',
            '{"do": []}',
            '{"do": "format"}',
            b"\xff",
            "[" * 9000,
        ),
        *('{"do": "move"}', '{"do": "move", "device": 0, "x": NaN, "y": 0}'),
        *('{"do": "move", "device": 0, "x": 1e999, "y": 0}', '{"do": "links", "device": -1}'),
        *('{"do": "move", "device": 0, "x": "1", "y": 0}', '{"do": "links", "device": 1.5}'),
        *('{"do": "links", "device": true}', '{"do": "links", "device": 1' + "0" * 400 + "}"),
        *('{"do": "lose", "device": 0, "packets": 0}', '{"do": "power", "device": 0, "on": 1}'),
        *('{"do": "lose", "device": 0, "packets": 10001}', '{"do": "jam", "seconds": 1}'),
        *('{"do": "jam", "seconds": 1, "channels": []}', '{"do": "speed", "times": 3}'),
        *('{"do": "jam", "seconds": 1, "channels": [40]}', '{"do": "speed", "times": [1]}'),
        *('{"do": "jam", "seconds": 9999, "channels": [1]}', '{"do": "step", "to": "end"}'),
        *('{"do": "step", "to": "ms", "ms": 0}', '{"do": "step", "to": ["ms"]}'),
    ],
)
def test_what_is_no_command(text: str | bytes) -> None:
    with pytest.raises(ValueError) as caught:
        read_command(text)
    assert len(str(caught.value)) < 120
    assert "\n" not in str(caught.value)


@given(
    strategies.recursive(
        strategies.none() | strategies.booleans() | strategies.floats() | strategies.text(),
        lambda inner: (
            strategies.lists(inner, max_size=3)
            | strategies.dictionaries(
                strategies.sampled_from(["do", "device", "x", "y", "on", "to", "ms", "channels"]),
                inner | strategies.sampled_from(["move", "jam", "step", "power"]),
            )
        ),
    )
)
def test_anything_is_a_command_or_an_error(asked: object) -> None:
    with contextlib.suppress(ValueError):
        read_command(json.dumps(asked))
