"""A study, and what comes of it when nothing dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.studies import WORLDS, Study


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    made = Study(tmp_path)
    yield made
    made.end()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    made = Study(tmp_path_factory.mktemp("undisturbed"))
    made.run("--workers", "1")
    rows = made.rows()
    assert len(rows) == len(made.ran()) == WORLDS
    return rows
