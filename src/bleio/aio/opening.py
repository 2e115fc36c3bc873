"""Opening an adapter before it is used, for those that ask first what it can do."""

from __future__ import annotations

import contextlib

from bleio.aio.adapters import address
from bleio.api import Adapter
from bleio.backends.capabilities import Capability


async def open_now(adapter: Adapter) -> None:
    """Open an adapter, so that what it can do is known. Raises: as a scan."""
    with contextlib.suppress(NotImplementedError):  # of a system that does not tell its address
        await address(adapter)


def hears_extended(adapter: Adapter) -> bool:
    """Whether an open adapter can hear extended advertising; asked in vain, it would warn."""
    backend = adapter._session.life.backend
    return backend is not None and Capability.EXTENDED_ADVERTISING in backend.capabilities
