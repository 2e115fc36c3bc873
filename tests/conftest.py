"""Every test has a state folder of its own: none sees what another one saved, nor the user's."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

_SETTING = "BLEIO_STATE_DIR"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def _state_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(autouse=True)
def state_folder(_state_folders: Path) -> Iterator[Path]:
    """The state folder of this test; it is there once something is saved."""
    folder = _state_folders / str(next(_numbers))
    before = os.environ.get(_SETTING)
    os.environ[_SETTING] = str(folder)
    yield folder
    if before is None:
        del os.environ[_SETTING]
    else:
        os.environ[_SETTING] = before
