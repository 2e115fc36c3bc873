"""A strap, an echo and an app of bleak in one world, as docs/bleak.md promises of them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from bleio.testing import World

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 12


def app_of(world: World, seconds: int) -> list[str]:
    """Run all three until the app ends. Returns: what the app printed."""
    world.add(EXAMPLES / "heart_rate_peripheral.py")
    world.add(EXAMPLES / "uart_echo_asyncio.py")
    app = world.add(EXAMPLES / "bleak_app.py", argv=[str(seconds)])
    world.run(until=lambda: not app.running, within_s=seconds + 60)
    lines: list[str] = app.text.splitlines()
    return lines


def run(seed: int, folder: Path, seconds: int = SECONDS) -> tuple[list[str], str]:
    """Run them in a world. Returns: what the app printed, and the digest of the capture."""
    capture = folder / f"{seed}.pcapng"
    with World(seed=seed, capture=capture) as world:
        lines = app_of(world, seconds)
    return lines, hashlib.sha256(capture.read_bytes()).hexdigest()


def test_the_same_seed_gives_the_same_capture(tmp_path: Path) -> None:
    first = run(3, tmp_path)
    assert first == run(3, tmp_path)
    assert first[1] != run(4, tmp_path)[1]
    lines, _ = first
    assert len([line for line in lines if line.startswith("Heart rate")]) >= SECONDS - 3


@pytest.mark.slow
def test_an_hour(tmp_path: Path) -> None:
    lines, digest = run(1, tmp_path, 3600)
    beats = [line for line in lines if re.fullmatch(r"Heart rate \d+ beats per minute", line)]
    echoes = [line for line in lines if line.startswith("Echo")]
    assert echoes == [f"Echo b'LINE {number + 1}\\n'" for number in range(len(echoes))]
    assert min(len(beats), len(echoes)) > 3400
    assert len(beats) + len(echoes) == len(lines)
    assert (lines, digest) == run(1, tmp_path, 3600)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", [0, 100, 200])
def test_300_seeds_with_a_fifth_of_all_packets_lost(hundred: int) -> None:
    """Lost packets are sent again: all that is promised comes, once and in order, but later."""
    for seed in range(hundred, hundred + 100):
        with World(seed=seed, loss=0.2) as world:
            lines = app_of(world, SECONDS)
        echoes = [line for line in lines if line.startswith("Echo")]
        # After a link that was not established the app connects anew, and counts from 1.
        links = "".join(lines).count("Once more") + 1
        starts = [number for number, line in enumerate(echoes) if line == "Echo b'LINE 1\\n'"]
        assert 1 <= len(starts) <= links, seed
        for begin, end in zip(starts, [*starts[1:], len(echoes)], strict=True):
            numbers = range(1, end - begin + 1)
            assert echoes[begin:end] == [f"Echo b'LINE {each}\\n'" for each in numbers], seed
        beats = [line for line in lines if line.startswith("Heart rate")]
        assert len(beats) + len(echoes) + links - 1 == len(lines), seed
        assert min(len(beats), len(echoes)) >= 2, seed  # discovery alone may take seconds
