"""Fetch other people's stacks: `python -m support.stacks`, from the folder `tests`.

A stack that a machine cannot have, such as Debian's on another system, is named and left out; its
tests skip. Exits with 1 if one that it can have did not come.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from urllib.error import URLError

from support.stacks import CannotFetch, bleak_examples, bluez_image, node, python_tree


def _fetch(name: str, fetch: Callable[[], object]) -> bool:
    begin = time.monotonic()
    try:
        where = fetch()
    except CannotFetch as reason:
        print(f"{name}: left out: {reason}")
        return True
    except (subprocess.CalledProcessError, URLError) as error:
        print(f"{name}: FAILED: {error}")
        return False
    print(f"{name}: {where} ({time.monotonic() - begin:.1f} s)")
    return True


came = [
    _fetch("ble-host", node.fetch),
    _fetch("BlueZ", bluez_image.fetch),
    _fetch("Debian's Python", python_tree.fetch),
    _fetch("bleak's examples", bleak_examples.fetch),
]
sys.exit(0 if all(came) else 1)
