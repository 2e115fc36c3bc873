"""Every test has a state folder of its own: none sees what another one saved, nor the user's. None
hears of radios of tests that run meanwhile, nor of the user's. And Ctrl-C works, however the suite
was started."""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.air_recorder import recorder
from support.hci_recorder import hci_recorder

# Here, so that all folders that record share one file of each kind, and tshark starts twice.
__all__ = ["hci_recorder", "recorder"]

_SETTING = "BLEIO_STATE_DIR"
_numbers = itertools.count()
_RADIOS = "XDG_RUNTIME_DIR"


def pytest_configure(config: pytest.Config) -> None:
    """Have radios apart from other processes', patience, and let Ctrl-C reach what tests start.

    Scripts start what they put in the background with SIGINT ignored, and children inherit that.
    """
    radios = tempfile.TemporaryDirectory(prefix="bleio-", ignore_cleanup_errors=True)
    config.add_cleanup(radios.cleanup)
    own_place = pytest.MonkeyPatch()
    own_place.setenv(_RADIOS, radios.name)  # a short path: sockets are in it
    config.add_cleanup(own_place.undo)
    # No example has a time limit: how long it takes depends on how busy the machine is.
    usual = settings.get_profile(settings.get_current_profile_name())
    settings.register_profile(
        "patient", usual, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("patient")
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


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """No test leaves a handler of Ctrl-C or `kill`: one that needs them would fail, far from it."""
    yield
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    left = {number: signal.getsignal(number) for number in usual}
    if left != usual:
        for number, handler in usual.items():
            signal.signal(number, handler)
        pytest.fail(f"It has left handlers of signals: {left}")
