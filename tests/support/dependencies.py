"""The rules of who may import what, checked on the source by its syntax tree."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

# What each part of the package may import of the others, besides itself.
ALLOWED: dict[str, set[str]] = {
    "__init__": {"dropin"},
    "__main__": {"cli"},
    "core": set(),
    "errors": {"core"},
    "att": {"core", "errors"},
    "gatt": {"core", "errors", "att"},
    "radio": {"core", "errors"},
    "backends": {"core", "errors", "att", "gatt"},
    "backends.hci": {"core", "errors", "att", "gatt", "backends", "radio"},
    "backends.os": {"core", "errors", "att", "gatt", "backends"},
    "runtime": {"core", "errors", "att", "gatt", "backends"},
    "api": {"core", "errors", "att", "gatt", "backends", "runtime"},
    "dropin": {"api", "errors"},
    "testing": {"core", "errors", "att", "gatt", "radio", "backends", "runtime", "api"},
    # "" is the package itself, which has the finder.
    "cli": {
        *("core", "errors", "att", "gatt", "radio", "backends", "runtime", "api"),
        "testing",
        "",
    },
}

# Where each distribution that bleio depends on may be used.
THIRD_PARTY: dict[str, tuple[str, ...]] = {
    "bleak": ("backends.os",),
    "bumble": ("backends.hci", "radio.controller"),
    "click": ("__main__", "cli"),
    "cryptography": ("gatt.hash", "radio", "backends"),
    "dbus_fast": ("backends.os",),
    "platformdirs": ("radio", "backends", "runtime"),
    "pytest": ("testing.plugin",),
}

# The protocol: time, randomness, storage and sending are passed in.
PURE = ("core", "att", "gatt", "radio")
# The parts of the radio that tie its model to clocks, sockets and processes.
NOT_PURE = ("radio.sharing",)
IMPURE_MODULES = {
    *("asyncio", "concurrent", "multiprocessing", "os", "queue", "random", "secrets", "select"),
    *("selectors", "signal", "socket", "socketserver", "subprocess", "threading", "time"),
}
LONGEST_MODULE = 400


@dataclass(frozen=True)
class Import:
    """One name that a module imports, absolute; `line` is where."""

    line: int
    name: str


def violations(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """List what `module` (such as "bleio.att.server") does against the rules, one text each."""
    tree = ast.parse(source)
    own = module.removeprefix("bleio").removeprefix(".") or "__init__"
    found = [
        f"{module}:{each.line}: {reason}"
        for each in _imports(tree, module, is_package)
        if (reason := _objection(own, each.name))
    ]
    lines = source.count("\n")
    if lines > LONGEST_MODULE:
        found.append(f"{module}: {lines} lines, more than {LONGEST_MODULE}")
    return found


def _imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[Import]:
    """Yield every import, also those inside functions and for type checkers only."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield Import(node.lineno, alias.name)
            case ast.ImportFrom(module=base, names=names, level=level):
                above = package[: len(package) - level + 1] if level else []
                start = ".".join([*above, *([base] if base else [])])
                for alias in names:
                    yield Import(node.lineno, f"{start}.{alias.name}")
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]) if ast.unparse(
                function
            ).split(".")[-1] in ("__import__", "import_module", "find_spec"):
                yield Import(node.lineno, name)


def _objection(own: str, imported: str) -> str | None:
    top, _, rest = imported.partition(".")
    if top == "bleio":
        return _layer_objection(own, rest)
    if top in THIRD_PARTY:
        fits = _is_within(own, THIRD_PARTY[top])
        return None if fits else f"{top} is not for this part"
    if top not in sys.stdlib_module_names:
        return f"{top} is no dependency of the project"
    if top == "random" and rest == "Random" and _is_within(own, ("radio",)):
        return None  # a generator with a seed
    if top in IMPURE_MODULES and _is_within(own, PURE) and not _is_within(own, NOT_PURE):
        return f"{top} is not for protocol code"
    return None


def _layer_objection(own: str, imported: str) -> str | None:
    if imported == "__version__":
        return None
    layer = _layer(own)
    allowed = {layer, *ALLOWED[layer]}
    return None if _is_within(imported, tuple(allowed)) else f"{layer} must not import {imported}"


def _layer(own: str) -> str:
    """Find the longest entry of the table that the module belongs to."""
    return max((layer for layer in ALLOWED if _is_within(own, (layer,))), key=len)


def _is_within(module: str, parts: tuple[str, ...]) -> bool:
    return any(module == part or module.startswith(part + ".") for part in parts)
