"""A simulated radio behind a socket, served by a thread of its own: for adapters `hci:...`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from support.hci.world import ListenWorld
from support.patience import PATIENCE_S


@contextmanager
def listening_radio() -> Iterator[str]:
    """Return the adapter string of a radio on which each adapter gets a controller."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="radio")
    thread.start()
    world = ListenWorld()
    try:
        asyncio.run_coroutine_threadsafe(world.__aenter__(), loop).result(PATIENCE_S)
        yield f"hci:{world.foreign_transport}"
        asyncio.run_coroutine_threadsafe(world.__aexit__(), loop).result(PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
