"""What the syntax trees of the source say: imports and their circles, classes, lines that explain.

`dependencies` has the rules that are made of it, `tools/structure.py` prints its figures.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

Graph = dict[str, set[str]]


@dataclass(frozen=True)
class Module:
    """One file: `name` is absolute ("bleio.att.server"), `path` below the package's folder."""

    name: str
    path: str
    text: str

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


class Import(NamedTuple):
    """One name that a module imports, absolute; `line` is where."""

    line: int
    name: str


class ClassSize(NamedTuple):
    """How large a class is; where a property has a setter, both are one method."""

    name: str
    methods: int
    attributes: int


class Lines(NamedTuple):
    """How many lines there are: all, those that are not blank, and of those which explain."""

    all: int
    filled: int
    docstrings: int
    comments: int

    @property
    def explaining_percent(self) -> float:
        return 100 * (self.docstrings + self.comments) / self.filled if self.filled else 0.0


def read_modules(root: Path) -> dict[str, Module]:
    """Read all modules of the package whose folder is `root`; returns them by name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = (root.name, *path.relative_to(root).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path.relative_to(root).as_posix(), path.read_text("utf-8"))
    return found


# Imports


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[Import]:
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


def import_graph(modules: dict[str, Module]) -> Graph:
    """Return which modules each module names in its imports; types included, packages that lead
    to a module not."""
    graph: Graph = {name: set() for name in modules}
    for module in modules.values():
        for each in imports(module.tree, module.name, module.is_package):
            target = each.name if each.name in modules else each.name.rpartition(".")[0]
            if target in modules and target != module.name:
                graph[module.name].add(target)
    return graph


def circles(graph: Graph) -> list[list[str]]:
    """Return the groups of modules that lead to each other, the largest first."""
    reached = {name: _reached_from(name, graph) for name in graph}
    found: set[frozenset[str]] = set()
    for name, targets in reached.items():
        if name in targets:
            found.add(frozenset(each for each in targets if name in reached[each]))
    return sorted((sorted(each) for each in found), key=lambda names: (-len(names), names))


def _reached_from(start: str, graph: Graph) -> set[str]:
    reached: set[str] = set()
    to_do = list(graph[start])
    while to_do:
        name = to_do.pop()
        if name not in reached:
            reached.add(name)
            to_do.extend(graph[name])
    return reached


# Classes


def class_sizes(tree: ast.AST) -> Iterator[ClassSize]:
    """Yield every class with the number of its methods and of what it sets on `self` anywhere in
    them, fields of dataclasses and named tuples and slots included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            functions = [each for each in node.body if isinstance(each, _FUNCTIONS)]
            methods = {each.name for each in functions}
            yield ClassSize(node.name, len(methods), len(_attributes(node, functions)))


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _attributes(node: ast.ClassDef, functions: list[ast.FunctionDef]) -> set[str]:
    found = set(_slots(node))
    if _has_fields(node):
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                found.add(each.target.id)
    for function in functions:
        for each in ast.walk(function):
            match each:
                case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                    found.add(name)
    return found


def _has_fields(node: ast.ClassDef) -> bool:
    marks = [*node.decorator_list, *node.bases]
    return any(word in ast.unparse(each) for each in marks for word in ("dataclass", "NamedTuple"))


def _slots(node: ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        match each:
            case ast.Assign(targets=[ast.Name(id="__slots__")], value=value):
                names = ast.literal_eval(value)
                yield from (names,) if isinstance(names, str) else names


# Lines


def lines_of(text: str) -> Lines:
    """Count the lines of one module. Those that explain are in a docstring, or hold only a
    comment; blank ones count nowhere, and a comment behind code is code."""
    lines = text.splitlines()
    docstrings = sum(
        bool(line.strip())
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Module, ast.ClassDef, *_FUNCTIONS))
        and ast.get_docstring(node, clean=False) is not None
        for line in lines[node.body[0].lineno - 1 : node.body[0].end_lineno]
    )
    comments = sum(
        token.type == tokenize.COMMENT and token.line.lstrip().startswith("#")
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
    )
    return Lines(len(lines), sum(bool(line.strip()) for line in lines), docstrings, comments)


def lambdas_of(tree: ast.AST) -> int:
    """Count the lambdas."""
    return sum(isinstance(node, ast.Lambda) for node in ast.walk(tree))


def doubled(names: list[str]) -> list[str]:
    """Return, in order, the names that stand more than once."""
    return sorted(name for name, count in Counter(names).items() if count > 1)
