"""The HCI layer: each event has one handler."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bleio.backends.hci.controller.layer import HciLayer
from bleio.core.hci import Event, LeEvent


class Owner:
    def lost(self, error: Any) -> None: ...


async def made() -> HciLayer:
    return HciLayer(Owner(), "test")


@pytest.mark.parametrize(
    "code",
    [Event.DISCONNECTION_COMPLETE, LeEvent.CONNECTION_COMPLETE, LeEvent.LONG_TERM_KEY_REQUEST],
)
def test_an_event_has_one_handler(code: Event | LeEvent) -> None:
    layer = asyncio.run(made())
    heard: list[bytes] = []
    layer.on_event(code, heard.append)
    with pytest.raises(ValueError, match="has a handler already"):
        layer.on_event(code, print)
    head = bytes((4, code, 1)) if isinstance(code, Event) else bytes((4, 0x3E, 2, code))
    layer.received(head + b"\x07")
    assert heard == [b"\x07"]


def test_an_event_of_the_layer_itself_is_taken() -> None:
    with pytest.raises(ValueError, match="has a handler already"):
        asyncio.run(made()).on_event(Event.COMMAND_COMPLETE, print)


def test_codes_of_events_and_subevents_do_not_clash() -> None:
    layer = asyncio.run(made())
    layer.on_event(Event.DISCONNECTION_COMPLETE, print)
    layer.on_event(LeEvent.LONG_TERM_KEY_REQUEST, print)  # both are 0x05
    layer.on_acl(print)
    with pytest.raises(ValueError, match="ACL data has a handler already"):
        layer.on_acl(print)


def test_faults_of_ours_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A peer that has found one may cause it again and again."""
    layer = asyncio.run(made())
    layer.on_event(Event.DISCONNECTION_COMPLETE, lambda parameters: 1 // 0)
    for _ in range(1000):
        layer.received(b"\x04\x05\x00")
    assert layer.counters.faults == 1000
    assert 1 <= len(caplog.records) <= 10
