"""Other people's Bluetooth stacks on the simulated radio: where they come from, how they run.

`python -m support.stacks` fetches them, once, into the user's cache folder; tests use what is
there and skip with a reason where it is not.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

CACHE = Path(platformdirs.user_cache_dir("bleio")) / "stacks"
HOW = "`make stacks` fetches it"
SERVICE = "73746163-6b73-0000-0000-000000000001"  # what each peripheral offers
PROGRAMS = Path(__file__).parents[2] / "interop" / "stacks"


class CannotFetch(Exception):
    """This machine cannot have it; the text says why."""
