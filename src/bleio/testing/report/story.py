"""What happened in a world, as a section of a failed test's report.

It goes from what is most likely the reason to what is least: refusals and failures among the
packets, the last packets, what was dropped or found wrong, and all that devices printed. Packets
are told by names; their octets are in the file that is kept, and with pytest's `-v` here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bleio.decoding.lines import OCTETS, line, lines
from bleio.testing.air.captures import as_file_name
from bleio.testing.errors import DeviceFailed

if TYPE_CHECKING:
    import pytest

    from bleio.decoding.records import Decoded
    from bleio.testing.world import World

TROUBLES_SHOWN = 4
LINES_SHOWN, LINES_SHOWN_VERBOSE = 12, 40


def section(
    item: pytest.Item, world: World, error: object, decoded: list[Decoded], failure: str
) -> tuple[str, str]:
    """Return the section's title and its text.

    The packets are kept in pytest's cache, and the page in the folder of `--ble-report`.

    Args: error: what the test has raised. The traceback of a device that it tells of is shown with
        it, and not once more. failure: what pytest says of it.
    """
    verbose = item.config.get_verbosity() > 0
    failed = error.device if isinstance(error, DeviceFailed) else None
    kept = _save(item, world) + _save_page(item, world, failure)
    return f"ble_world, {world.describe()}", _story(world, decoded, kept, failed, verbose)


def _story(
    world: World, decoded: list[Decoded], kept: str, failed: str | None, verbose: bool
) -> str:
    """Tell of packets, of what devices dropped or refused, and what they printed."""
    parts = []
    if troubles := [line(each) for each in decoded if each.trouble][-TROUBLES_SHOWN:]:
        parts += ["Refusals and failures on the air:", *troubles]
    parts.append(f"The last of {world.packet_count} packets on the air.{kept}")
    parts += _last(decoded, verbose)
    if counted := world.counted():
        parts.append(f"What was dropped, refused or found wrong:\n{counted}".rstrip())
    if printed := world.devices.output(without_failure_of=failed):
        parts.append(f"What devices printed:\n{printed}".rstrip())
    return "".join(f"{part}\n" for part in parts)


def _last(decoded: list[Decoded], verbose: bool) -> list[str]:
    """Return the last lines; with octets below each if `verbose`."""
    entries: list[str] = []
    for text in lines(decoded, verbose=verbose):
        if text.startswith(OCTETS) and entries:
            entries[-1] += f"\n{text}"
        else:
            entries.append(text)
    return entries[-(LINES_SHOWN_VERBOSE if verbose else LINES_SHOWN) :]


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


def _save_page(item: pytest.Item, world: World, failure: str) -> str:
    """Write the page of the world, if it is wanted. Returns: a sentence on it."""
    folder = item.config.getoption("--ble-report")
    if folder is None:
        return ""
    from bleio.testing.report.page import save_page

    path = Path(folder, f"{as_file_name(item.nodeid)}.html")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_page(world, path, item.nodeid, failure)
    except OSError as error:
        return f" The page could not be written: {error}."
    return f" The page is {path}."
