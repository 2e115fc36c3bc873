"""Dependencies point one way, and the protocol knows no clock, thread or socket."""

from __future__ import annotations

from pathlib import Path

import pytest

import bleio
from support.dependencies import (
    LARGEST_CIRCLE,
    LONGEST_MODULE,
    MOST_ATTRIBUTES,
    MOST_METHODS,
    circle_violations,
    violations,
)
from support.source import Graph, import_graph, read_modules

MODULES = read_modules(Path(bleio.__file__).parent)


@pytest.mark.parametrize("name", MODULES)
def test_module_keeps_the_rules(name: str) -> None:
    module = MODULES[name]
    assert violations(name, module.text, is_package=module.is_package) == []


def test_the_rules_see_the_package() -> None:
    assert {"bleio", "bleio.errors", "bleio.att.server"} <= set(MODULES)


def test_circles_of_imports_are_small_and_in_one_folder() -> None:
    packages = {name for name, module in MODULES.items() if module.is_package}
    assert circle_violations(import_graph(MODULES), packages) == []


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
        ("bleio.backends.hci.x", "import bleio.radio", "backends.hci must not import radio"),
        ("bleio.backends.os.x", "import bleio.radio", "backends.os must not import radio"),
        ("bleio.api.service", "import bleio.cli.main", "api must not import cli.main"),
        ("bleio.api.service", "from bleio.testing import X", "api must not import testing.X"),
        ("bleio.dropin", "import bleio.runtime", "dropin must not import runtime"),
        (
            "bleio.radio.connection.link",
            "import bleio.radio.controller.core",
            "radio.connection must not import radio.controller.core, which is in a room above it",
        ),
        (
            "bleio.backends.hci.security.smp.pdu",
            "import bleio.backends.hci.security.manager",
            "backends.hci.security.smp must not import backends.hci.security.manager,"
            " which is in a room above it",
        ),
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
        ("bleio.backends.hci.host", "import asyncio, bumble.host"),
        ("bleio.backends.hci.controller.virtual", "import bleio.radio.sharing.local"),
        ("bleio.radio.sharing.driver", "import asyncio, time"),
        ("bleio.radio.air.radio", "from random import Random"),
        ("bleio.cli.main", "from bleio import __version__, api"),
        ("bleio.gatt.model", "from .server import X; from ..att import codec; from . import y"),
        ("bleio.gatt.attributes_of_time", "import bisect"),
        ("bleio.radio.controller.core", "from ..connection import link; from ..air import phy"),
        ("bleio.backends.hci.links.table", "from . import link; from ..security import manager"),
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


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("def f{}(self): ...", f"methods, more than {MOST_METHODS}"),
        ("async def f{}(self): ...", f"methods, more than {MOST_METHODS}"),
        ("def f(self): self.x{} = 1", f"attributes, more than {MOST_ATTRIBUTES}"),
        ("def f(self): self.x{}, y = 1", f"attributes, more than {MOST_ATTRIBUTES}"),
        ("def f(self): self.x{}: int = 1", f"attributes, more than {MOST_ATTRIBUTES}"),
    ],
)
def test_a_class_that_is_too_large_is_found(body: str, reason: str) -> None:
    most = MOST_METHODS if "methods" in reason else MOST_ATTRIBUTES

    def large(count: int) -> list[str]:
        lines = [f"    {body}".replace("{}", str(index)) for index in range(count)]
        return violations("bleio.core.x", "\n".join(["class X:", *lines]))

    assert large(most) == []
    assert large(most + 1) == [f"bleio.core.x: X has {most + 1} {reason}"]


def test_fields_and_slots_are_attributes_and_setters_are_no_methods() -> None:
    fields = "".join(f"    x{index}: int\n" for index in range(MOST_ATTRIBUTES + 1))
    slots = f"    __slots__ = {tuple(f'x{index}' for index in range(MOST_ATTRIBUTES + 1))}\n"
    assert violations("bleio.core.x", f"class X:\n{fields}") == []
    for text in (f"@dataclass(slots=True)\nclass X:\n{fields}", f"class X:\n{slots}"):
        (found,) = violations("bleio.core.x", text)
        assert found.startswith(f"bleio.core.x: X has {MOST_ATTRIBUTES + 1} attributes")
    properties = "".join(
        f"    @property\n    def x{index}(self): ...\n    @x{index}.setter\n"
        f"    def x{index}(self, value): ...\n"
        for index in range(MOST_METHODS)
    )
    assert violations("bleio.core.x", f"class X:\n{properties}") == []


def ring(*names: str) -> Graph:
    return {name: {names[index - 1]} for index, name in enumerate(names)}


def test_a_circle_that_is_too_large_or_crosses_folders_is_found() -> None:
    large = ring(*(f"bleio.att.x{index}" for index in range(LARGEST_CIRCLE + 1)))
    across = ring("bleio.att.a", "bleio.gatt.b")
    package = ring("bleio.att", "bleio.att.a")
    small = ring("bleio.api.a", "bleio.api.b")
    (first, second) = circle_violations({**large, **across, **small}, {"bleio.att"})
    assert first.startswith("10 modules in 1 folders: bleio.att.x0, bleio.att.x1")
    assert second == "2 modules in 2 folders: bleio.att.a, bleio.gatt.b"
    assert circle_violations(package, {"bleio.att"}) == []
