"""Where this user's bleio keeps what outlives a program."""

from __future__ import annotations

import os
from pathlib import Path

SETTING = "BLEIO_STATE_DIR"


def state_folder() -> Path:
    """Give the folder that the environment sets, or else the operating system's for such things.

    It need not exist. The path is absolute, as the program may change its folder.
    """
    chosen = os.environ.get(SETTING)
    if chosen:
        return Path(os.path.abspath(chosen))
    import platformdirs  # a program that sets the folder does not need it

    return platformdirs.user_state_path("bleio", appauthor=False)


def bond_folder() -> Path:
    """Give the folder for bonds, which is for this user alone."""
    return state_folder() / "bonds"
