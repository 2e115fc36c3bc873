"""The same seed gives the same packets, whatever the machine does meanwhile."""

from __future__ import annotations

import hashlib
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from bleio.testing import World
from support.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
WORLDS = runpy.run_path(str(ROOT / "bench" / "worlds.py"))


def many(seed: int) -> str:
    """Ten devices with different programs that start and stop, for a minute."""
    with World(seed, distance_m=3, loss=0.1) as world:
        for number in range(3):
            world.add(source=WORLDS["BEACON"], name=f"beacon {number}", stop_s=20 + number)
            world.add(source=WORLDS["SCANNER"], name=f"scanner {number}", start_s=number)
        world.add(source=WORLDS["UART_SERVER"], name="server")
        client = world.add(source=WORLDS["UART_CLIENT"], name="client", start_s=1)
        world.run(until=15)
        assert client.running
        return world.output() + world.trace()


def test_many_devices_on_a_bad_air_are_repeatable() -> None:
    assert many(1) == many(1)
    assert many(1) != many(2)


def test_other_processes_get_the_same_trace() -> None:
    code = (
        "import hashlib, runpy\n"
        "worlds = runpy.run_path('bench/worlds.py')\n"
        "with worlds['uart_pair']() as world:\n"
        "    print(world.output(), hashlib.sha256(world.trace().encode()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert "1200 messages" in digests.pop()


def test_a_uart_pair_for_a_minute_and_a_beacon_for_an_hour() -> None:
    with WORLDS["uart_pair"]() as world:
        assert 60 < world.now_s < 62
        assert "1200 messages" in world.output()
    with WORLDS["beacon"]() as world:
        assert world.now_s == pytest.approx(3600, abs=1)
        (heard,) = re.findall(r"(\d+) packets heard", world.output())
        assert 3500 < int(heard) <= 3600


def test_an_hour_is_the_same_hour() -> None:
    digests = set()
    for _ in range(2):
        with WORLDS["beacon"]() as world:
            digests.add(hashlib.sha256(world.trace().encode()).hexdigest())
    assert len(digests) == 1


def test_captures_are_the_same_octet_for_octet(tmp_path: Path) -> None:
    def capture(name: str, seed: int) -> bytes:
        with World(seed, capture=tmp_path / name) as world:
            world.add(source=WORLDS["BEACON"], name="beacon")
            world.add(source=WORLDS["SCANNER"], name="scanner")
            world.run_for(30)
            world.save_packets(tmp_path / "kept")
            assert world.packet_count > 80
        assert (tmp_path / "kept").stat().st_size > 80 * 40
        return (tmp_path / name).read_bytes()

    once = capture("a", 1)
    assert once == capture("b", 1)
    assert once != capture("c", 2)


def test_what_the_tests_thread_opens_is_repeatable(tmp_path: Path) -> None:
    """Its keys and addresses come from the world's seed, whichever thread asks for them."""

    def happened(folder: str) -> str:
        with World(seed=3, state_folder=tmp_path / folder) as world:
            advertiser = world.add(source=ADVERTISES, name="advertiser")
            central = world.add(source="import time\ntime.sleep(9)", name="central")
            assert advertiser.adapter.address != central.adapter.address
            world.run_for(0.1)
            connection = central.adapter.connect(advertiser.adapter.address, timeout=5)
            connection.pair()
            world.run_for(1)
            assert connection.paired
            return world.trace()

    assert happened("one") == happened("other")


ADVERTISES = """
import time
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
time.sleep(9)
"""
