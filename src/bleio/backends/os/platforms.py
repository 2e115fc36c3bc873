"""Which System there is on this computer (skeleton)."""

from __future__ import annotations

import sys

from bleio.backends.os.system import System


def this_system(adapter: str | None) -> System:
    """Return this platform's Bluetooth.

    Args: adapter: which one, such as `hci0`; None: its own choice.

    Raises: NotImplementedError on a platform that bleak does not know.
    """
    if sys.platform == "linux":
        from bleio.backends.os.bluez.system import BlueZ

        return BlueZ(adapter)
    raise NotImplementedError
