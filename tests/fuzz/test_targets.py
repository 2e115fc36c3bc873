"""All targets for seconds: what is kept, and octets that are the same in every run."""

from __future__ import annotations

from random import Random

import pytest

from fuzz import corpus
from fuzz.driver import again, varied
from fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_target(name: str) -> None:
    target, kept, random = TARGETS[name], corpus.read(name), Random(name)
    inputs = [b"", *kept, *(varied(kept, random, target.most) for _ in range(target.tests))]
    for octets in inputs:
        try:
            target.run(octets)
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error}\n{again(name, octets)}")


def test_what_is_kept_is_of_targets_and_small() -> None:
    kept = {path.stem: path.stat().st_size for path in corpus.FOLDER.glob("*")}
    assert set(kept) <= set(TARGETS)
    assert sum(kept.values()) < 80_000
