"""Dependencies point one way, and the protocol knows no clock, thread or socket."""

from __future__ import annotations

from pathlib import Path

import pytest

import bleio
from support.dependencies import LONGEST_MODULE, violations

ROOT = Path(bleio.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = ("bleio", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_module_keeps_the_rules(path: Path) -> None:
    is_package = path.name == "__init__.py"
    assert violations(module_name(path), path.read_text("utf-8"), is_package=is_package) == []


def test_the_rules_see_the_package() -> None:
    assert {"bleio", "bleio.errors", "bleio.att.server"} <= {module_name(path) for path in MODULES}


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("bleio.core.uuid", "from bleio.att import codec", "core must not import att.codec"),
        ("bleio.core.uuid", "from ..gatt.model import X", "core must not import gatt.model.X"),
        ("bleio.att.server", "import bleio.gatt.model", "att must not import gatt.model"),
        ("bleio.att.server", "from bleio import gatt", "att must not import gatt"),
        ("bleio.radio.air.radio", "from bleio.gatt import X", "radio must not import gatt.X"),
        ("bleio.gatt.model", "import bleio.runtime.portal", "gatt must not import runtime.portal"),
        ("bleio.runtime.portal", "from bleio.api import X", "runtime must not import api.X"),
        ("bleio.backends.base", "import bleio.radio.air", "backends must not import radio.air"),
        ("bleio.backends.os.x", "import bleio.radio", "backends.os must not import radio"),
        ("bleio.api.service", "import bleio.cli.main", "api must not import cli.main"),
        ("bleio.api.service", "from bleio.testing import X", "api must not import testing.X"),
        ("bleio.dropin", "import bleio.runtime", "dropin must not import runtime"),
        ("bleio.att.server", "import asyncio", "asyncio is not for protocol code"),
        ("bleio.att.server", "from threading import Lock", "threading is not for protocol code"),
        ("bleio.gatt.model", "import socket as s", "socket is not for protocol code"),
        ("bleio.gatt.model", "import random", "random is not for protocol code"),
        ("bleio.gatt.model", "from random import Random", "random is not for protocol code"),
        ("bleio.radio.air.radio", "import random", "random is not for protocol code"),
        ("bleio.radio.air.radio", "from random import randint", "random is not for protocol code"),
        ("bleio.radio.air.radio", "def f():\n    import time", "time is not for protocol code"),
        ("bleio.core.x", "if TYPE_CHECKING:\n  import time", "time is not for protocol code"),
        ("bleio.core.x", "__import__('time')", "time is not for protocol code"),
        ("bleio.core.x", "importlib.import_module('time')", "time is not for protocol code"),
        ("bleio.gatt.model", "from bumble import hci", "bumble is not for this part"),
        ("bleio.runtime.portal", "import bumble.host", "bumble is not for this part"),
        ("bleio.backends.hci.host", "import bleak", "bleak is not for this part"),
        ("bleio.api.service", "import click", "click is not for this part"),
        ("bleio.api.service", "import numpy", "numpy is no dependency of the project"),
    ],
)
def test_a_violation_is_found(module: str, source: str, reason: str) -> None:
    (found,) = violations(module, source)
    line = source.count("\n") + 1
    assert found == f"{module}:{line}: {reason}"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bleio.backends.hci.host", "import asyncio, bumble.host, bleio.radio.sharing.local"),
        ("bleio.radio.sharing.driver", "import asyncio, time"),
        ("bleio.radio.air.radio", "from random import Random"),
        ("bleio.cli.main", "from bleio import __version__, api"),
        ("bleio.gatt.model", "from .server import X; from ..att import codec; from . import y"),
        ("bleio.gatt.attributes_of_time", "import bisect"),
    ],
)
def test_what_is_allowed_is_not_reported(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_a_relative_import_of_a_package_starts_at_itself() -> None:
    assert violations("bleio.att", "from . import server", is_package=True) == []
    (found,) = violations("bleio.att", "from .. import gatt", is_package=True)
    assert found == "bleio.att:1: att must not import gatt"


def test_a_module_that_is_too_long_is_found() -> None:
    (found,) = violations("bleio.core.x", "x = 1\n" * (LONGEST_MODULE + 1))
    assert found == f"bleio.core.x: {LONGEST_MODULE + 1} lines, more than {LONGEST_MODULE}"
