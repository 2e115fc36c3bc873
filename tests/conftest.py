"""Every test has a state folder of its own: none sees what another one saved, nor the user's. And
Ctrl-C works, however the suite was started."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.air_recorder import recorder
from support.hci_recorder import hci_recorder

# Here, so that all folders that record share one file of each kind, and tshark starts twice.
__all__ = ["hci_recorder", "recorder"]

_SETTING = "BLEIO_STATE_DIR"
_numbers = itertools.count()


def pytest_configure() -> None:
    """Let Ctrl-C reach tests and the programs that they start.

    Scripts start what they put in the background with SIGINT ignored, and children inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
