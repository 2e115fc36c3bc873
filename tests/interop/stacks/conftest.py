"""Every test here has a radio, our programs on it, and other people's hosts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.stacks.bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A radio of this test's own, and what it starts on it."""
    bench = Bench()
    try:
        yield bench
    finally:
        bench.close()
