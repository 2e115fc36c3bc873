"""The adapter that a command uses: what --adapter says, else BLEIO_ADAPTER, else `auto`."""

from __future__ import annotations

import os

from bleio.api import Adapter
from bleio.api._delegates import delegate_for
from bleio.api.adapter import current_adapter, set_adapter
from bleio.runtime import hints, selection


def chosen_adapter(adapter: str | None, pairing: str | None = None) -> Adapter:
    """Return the adapter, which nothing has opened yet, and make it the process's current one.

    Programs that the command starts see the same choice in their environment.

    Args: adapter, pairing: what the options of these names say.
    """
    hints.leave_out()  # commands have their own
    if adapter is not None:
        os.environ[selection.SETTING] = adapter
        set_adapter(Adapter(adapter))
    chosen = current_adapter()
    assert chosen is not None  # the process has one from the start
    if pairing is not None:
        chosen.pairing_delegate = delegate_for(pairing)
    return chosen


def adapter_string(adapter: str | None) -> str:
    """Return what somebody would type for it, such as `virtual:desk`."""
    return adapter or selection.setting()
