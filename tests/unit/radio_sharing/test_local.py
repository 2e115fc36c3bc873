"""The private radio of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bleio.core.vendor import claim_static_address
from bleio.radio.controller import Controller
from bleio.radio.sharing import local
from support.patience import PATIENCE_S

RESET = bytes.fromhex("01 03 0c 00")
RESET_COMPLETE = bytes.fromhex("04 0e 04 01 03 0c 00")
ADDRESS = bytes.fromhex("01 02 03 04 05 c6")


def in_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(test(), PATIENCE_S)
        assert not local._radios

    asyncio.run(main())


def never() -> None:
    raise AssertionError("lost")


def test_the_host_is_answered_later_and_in_order() -> None:
    async def test() -> None:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        port = await local.attach(heard.put_nowait, never)
        port.send(RESET)
        port.send(bytes.fromhex("01 ff ff 00"))
        assert heard.empty()
        assert await heard.get() == RESET_COMPLETE
        assert await heard.get() == bytes.fromhex("04 0e 04 01 ff ff 01")
        port.close()

    in_loop(test)


def test_ports_of_one_loop_are_on_one_radio_which_ends_with_the_last() -> None:
    async def test() -> None:
        for _ in range(2):
            ports = []
            for status in (0x00, 0x0B):
                heard: asyncio.Queue[bytes] = asyncio.Queue()
                ports.append(await local.attach(heard.put_nowait, never))
                ports[-1].send(claim_static_address(ADDRESS))
                assert (await heard.get())[6] == status
            for port in ports:
                port.close()
                port.close()
            assert not local._radios

    in_loop(test)


def test_nothing_is_heard_after_closing() -> None:
    async def test() -> None:
        heard: list[bytes] = []
        port = await local.attach(heard.append, never)
        port.send(RESET)
        port.close()
        port.send(RESET)
        await asyncio.sleep(0)
        assert heard == []

    in_loop(test)


def test_a_broken_controller_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        lost = asyncio.Event()
        port = await local.attach(lambda packet: None, lost.set)
        monkeypatch.setattr(Controller, "receive", lambda self, packet: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            port.send(RESET)
        await lost.wait()

    in_loop(test)
