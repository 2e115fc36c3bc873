"""Runs one target for a time: guided by what it reaches, where atheris is installed, or by chance.

A finding does not end the run, or one fault would hide all others: each is written down once, by
the place where it was raised. What atheris itself ends a run for, an input that takes very long or
very much memory, is found in its folder by `runs`.
"""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

SLOW_S = 60  # for one input, on a busy machine
MOST_MIB = 2048

_COMMAND = "cd tests && python -m fuzz --again {} {}"


class Findings:
    """The inputs at which a target failed, one file each, the first for each place."""

    def __init__(self, target: str, run: Callable[[bytes], None], folder: Path) -> None:
        self._target = target
        self._run = run
        self._folder = folder
        self._places: list[tuple[type[Exception], list[tuple[str, int]], str]] = []
        self.inputs = 0

    def run(self, octets: bytes) -> None:
        """Run the target and write down if it fails."""
        self.inputs += 1
        try:
            self._run(octets)
        except Exception as error:
            self._failed(octets, error)

    def _failed(self, octets: bytes, error: Exception) -> None:
        # The text too, without its numbers: faults in callbacks are all raised at one place.
        place = (type(error), _frames(error)[-2:], re.sub(r"[0-9]+", "", str(error))[:300])
        if place in self._places:
            return
        self._places.append(place)
        text = f"{again(self._target, octets)}\n\n{''.join(traceback.format_exception(error))}"
        (self._folder / f"finding-{len(self._places)}.txt").write_text(text, "utf-8")
        print(text, flush=True)


def _frames(error: Exception) -> list[tuple[str, int]]:
    return [(f.f_code.co_filename, line) for f, line in traceback.walk_tb(error.__traceback__)]


def again(target: str, octets: bytes) -> str:
    """Return what can be typed to run an input again."""
    return _COMMAND.format(target, octets.hex() or '""')


def guided(target: str, seconds: int, folder: Path) -> None:
    """Run with atheris; does not return. The inputs that reached something new are in `corpus`."""
    import atheris

    # What is loaded in here has its branches counted; so nothing else loads it before.
    with atheris.instrument_imports(include=["bleio"]):
        from fuzz.targets import TARGETS
    run = TARGETS[target].run
    findings = Findings(target, run, folder)
    atheris.Setup(
        [
            *(sys.argv[0], str(folder / "corpus"), f"-max_total_time={seconds}"),
            *(f"-max_len={TARGETS[target].most}", f"-timeout={SLOW_S}"),
            *(f"-rss_limit_mb={MOST_MIB}", f"-artifact_prefix={folder}/", "-print_final_stats=1"),
            "-len_control=0",  # long inputs from the start: short ones end before anything happens
        ],
        findings.run,
    )
    atheris.Fuzz()


def unguided(target: str, seconds: int, folder: Path) -> None:
    """Run with what hypothesis makes of octets and of the inputs that are kept."""
    from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st

    from fuzz import corpus
    from fuzz.targets import TARGETS

    run, _, _, most = TARGETS[target]
    findings = Findings(target, run, folder)
    parts = st.sampled_from([b"", *corpus.read(target)]) | st.binary(max_size=most)
    inputs = st.lists(parts, min_size=1, max_size=4).map(lambda it: b"".join(it)[:most])
    end_s, number = time.monotonic() + seconds, 0
    while time.monotonic() < end_s:
        number += 1

        @seed(number)
        @settings(
            max_examples=50,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(inputs)
        def some(octets: bytes) -> None:
            findings.run(octets)

        some()
    print(f"stat::number_of_executed_units: {findings.inputs}")


def varied(kept: list[bytes], random: Random, most: int) -> bytes:
    """Return any octets, or two kept inputs joined, with some of their octets changed."""
    if not kept or random.random() < 0.4:
        return random.randbytes(random.randrange(most))
    one, other = random.choice(kept), random.choice(kept)
    one, other = one[: random.randrange(len(one) + 1)], other[random.randrange(len(other) + 1) :]
    octets = bytearray(one + other)
    for _ in range(random.randrange(6)):
        if octets:
            octets[random.randrange(len(octets))] = random.getrandbits(8)
    return bytes(octets[:most])
