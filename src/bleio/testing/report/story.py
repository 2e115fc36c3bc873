"""What happened in a world, as a section of a failed test's report.

It goes from what devices printed, which is what their author knows best, to the last packets, which
say it all, to those that can read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.testing.air.captures import as_file_name

if TYPE_CHECKING:
    import pytest

    from bleio.testing.world import World

PACKETS_SHOWN = 30


def section(item: pytest.Item, world: World) -> tuple[str, str]:
    """Return the section's title and its text. The packets are kept in pytest's cache."""
    return f"ble_world, {world.describe()}", _story(world, _save(item, world))


def _story(world: World, kept: str) -> str:
    """Tell what devices printed, what they dropped or refused, and the last packets."""
    parts = [world.output()]
    if counted := world.counted():
        parts.append(f"What was dropped, refused or found wrong:\n{counted}")
    parts.append(f"The last of {world.packet_count} packets on the air.{kept}\n")
    return "".join([*parts, world.trace(PACKETS_SHOWN)])


def _save(item: pytest.Item, world: World) -> str:
    """Keep the packets in pytest's cache, if there is one. Returns: a sentence on it."""
    cache = getattr(item.config, "cache", None)
    if cache is None:
        return ""
    try:
        path = cache.mkdir("ble") / f"{as_file_name(item.nodeid)}.pcapng"
        world.save_packets(path)
    except OSError as error:
        return f" They could not be kept: {error}."
    return f" They are in {path}."
