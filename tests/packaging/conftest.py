"""The distributions built from this tree, and environments with them and adafruit_ble."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.environment import Environment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist, and the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", folder, ROOT]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(built: Path) -> Path:
    (found,) = built.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session", params=["bleio-first", "adafruit-first"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, wheel: Path
) -> Environment:
    """An environment with bleio and adafruit_ble, by two commands; a test leaves it as it was."""
    environment = Environment(tmp_path_factory.mktemp("both"))
    installs: list[str | Path] = [wheel, "adafruit-circuitpython-ble"]
    for each in installs if request.param == "bleio-first" else reversed(installs):
        environment.pip("install", each)
    return environment


@pytest.fixture
def bare(tmp_path: Path) -> Environment:
    """An environment of the test's own."""
    return Environment(tmp_path)
