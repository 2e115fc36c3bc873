"""Prints how the source is built, in figures to compare with other versions and other projects.

    python tools/structure.py [PART...]

The parts, by default all of them:

circles   Groups of modules whose imports lead to each other, and the folders that they are in. All
          imports are taken, also those for types only and those inside functions; a package on
          the way to a module is not.
lambdas   In all, and per 1,000 lines.
lines     Which part of the lines explains: lines of docstrings and lines that hold only a comment,
          in per cent of the lines that are not blank; for each folder, too.
classes   The largest by methods and by attributes. A property and its setter are one method;
          attributes are what is set on `self` anywhere, fields of dataclasses and named tuples,
          and slots.
modules   How many have fewer than 60 lines, of those that have more than one; the longest.
names     Classes and files whose name stands more than once.
calls     What a notification takes in a world; see `calls.py`, which lists the functions.
loaded    The modules of `bleio.radio` in a program whose adapter is a controller behind TCP.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from support.source import (  # noqa: E402
    ClassSize,
    Lines,
    Module,
    circles,
    class_sizes,
    doubled,
    import_graph,
    lambdas_of,
    lines_of,
    read_modules,
)

Modules = dict[str, Module]
SHORT_LINES = 60
SHOWN = 12


def print_circles(modules: Modules) -> None:
    for names in circles(import_graph(modules)):
        folders = sorted({modules[name].folder for name in names})
        across = "ACROSS FOLDERS " if len(folders) > 1 else ""
        print(f"  {len(names)} files, {across}{', '.join(folders)}")
        for name in names:
            print(f"      {modules[name].path}")


def print_lambdas(modules: Modules) -> None:
    by_folder: dict[str, int] = defaultdict(int)
    for module in modules.values():
        by_folder[module.folder] += lambdas_of(module.tree)
    count, lines = sum(by_folder.values()), _lines(modules).all
    print(f"  {count}, {1000 * count / lines:.1f} per 1,000 of {lines} lines")
    for folder, each in sorted(by_folder.items()):
        if each:
            print(f"      {each:3}  {folder}")


def print_lines(modules: Modules) -> None:
    by_folder: dict[str, Modules] = defaultdict(dict)
    for name, module in modules.items():
        by_folder[module.folder][name] = module
    print(f"  {_said(_lines(modules))}  of all")
    for folder, each in sorted(by_folder.items()):
        print(f"  {_said(_lines(each))}  {folder or '.'}")


def _lines(modules: Modules) -> Lines:
    counts = [lines_of(module.text) for module in modules.values()]
    return Lines(*(sum(each) for each in zip(*counts, strict=True)))


def _said(lines: Lines) -> str:
    comments_percent = 100 * lines.comments / max(1, lines.filled)
    return (
        f"{lines.explaining_percent:4.1f} % explain, {comments_percent:4.1f} % comments,"
        f" {lines.all:6} lines"
    )


def print_classes(modules: Modules) -> None:
    sizes = [
        (size, module.path) for module in modules.values() for size in class_sizes(module.tree)
    ]
    orders: dict[str, Callable[[ClassSize], int]] = {
        "methods": lambda size: size.methods,
        "attributes": lambda size: size.attributes,
    }
    for what, order in orders.items():
        print(f"  by {what}")
        for size, path in sorted(sizes, key=lambda each: -order(each[0]))[:SHOWN]:
            print(
                f"    {size.methods:3} methods {size.attributes:3} attributes  {size.name}  {path}"
            )


def print_modules(modules: Modules) -> None:
    lengths = {module.path: module.text.count("\n") for module in modules.values()}
    written = {path: lines for path, lines in lengths.items() if lines > 1}
    short = sum(lines < SHORT_LINES for lines in written.values())
    print(
        f"  {short} of {len(written)} under {SHORT_LINES} lines, {100 * short / len(written):.0f} %"
    )
    longest = sorted(lengths, key=lambda path: -lengths[path])[:5]
    print("  longest: " + ", ".join(f"{path} {lengths[path]}" for path in longest))


def print_names(modules: Modules) -> None:
    classes = [
        node.name
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    ]
    files = [Path(module.path).name for module in modules.values() if not module.is_package]
    for what, names in (("class", doubled(classes)), ("file", doubled(files))):
        print(f"  {len(names)} {what} names stand more than once: {', '.join(names)}")


def print_calls(_: Modules) -> None:
    import calls

    print(f"  {calls.summary(calls.measure())}")


# A port where nothing listens: the adapter opens its transport, and with it all that it needs.
PROGRAM = """
import sys
import _bleio
adapter = _bleio.Adapter("hci:tcp-client:127.0.0.1:1")
try:
    adapter.address
except _bleio.BluetoothError:
    pass
print("\\n".join(name for name in sys.modules if name.startswith("bleio.")))
"""


def print_loaded(modules: Modules) -> None:
    import os

    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    loaded = [modules[name] for name in done.stdout.split() if name.startswith("bleio.radio")]
    lines = sum(module.text.count("\n") for module in loaded)
    print(f"  {len(loaded)} modules of bleio.radio, {lines} lines")
    for module in loaded:
        print(f"      {module.path}")


PARTS: dict[str, Callable[[Modules], None]] = {
    "circles": print_circles,
    "lambdas": print_lambdas,
    "lines": print_lines,
    "classes": print_classes,
    "modules": print_modules,
    "names": print_names,
    "calls": print_calls,
    "loaded": print_loaded,
}


def main(*names: str) -> None:
    """Print those parts, by default all."""
    if unknown := [name for name in names if name not in PARTS]:
        raise SystemExit(f"No such part: {', '.join(unknown)}. There are: {', '.join(PARTS)}")
    modules = read_modules(ROOT / "src" / "bleio")
    for name in names or PARTS:
        print(name)
        PARTS[name](modules)


if __name__ == "__main__":
    main(*sys.argv[1:])
