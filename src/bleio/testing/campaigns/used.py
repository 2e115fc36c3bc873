"""Which lines and files a scenario is made of, found by its syntax.

A campaign that goes on has to be the one that was begun, and a worker on another machine has to
have what a scenario reads. Both ask the same: what does this function use? Its whole file would be
too much, since a longer list of parameters or one more function beside it changes no result; the
function alone too little, since it calls others. So the names that it looks up are followed through
the top level of its file; modules that are imported from its folder belong to it, and so do
programs there that its strings name, with what these import.

What is named only when it runs, as by an f-string, is not found. Files that are no Python are not
looked for: a scenario may write those that it names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from bleio.testing.campaigns.errors import CampaignError

MOST_OCTETS = 16 << 20
_LONGEST_NAME = 255


def used_lines(text: str, names: Iterable[str]) -> tuple[list[ast.stmt], str]:
    """Return the statements at the top level that define these names and all that they use.

    Returns: these, and their lines, in the order of the file.
    """
    tree = ast.parse(text)
    binding: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for name in _bound(statement):
            binding.setdefault(name, []).append(statement)
    wanted, found = list(names), dict[int, ast.stmt]()
    while wanted:
        for statement in binding.pop(wanted.pop(), ()):
            if statement.lineno not in found:
                found[statement.lineno] = statement
                wanted += _names(statement)
    statements = [found[line] for line in sorted(found)]
    lines = text.splitlines()
    return statements, "\n".join("\n".join(lines[_first(s) - 1 : s.end_lineno]) for s in statements)


def used_files(folder: Path, statements: Iterable[ast.AST]) -> dict[str, bytes]:
    """Return the Python files below or beside `folder` that statements import or name, with what
    these import and name in turn: by their names from `folder`.

    Raises: CampaignError if they are too large; OSError.
    """
    found: dict[str, bytes] = {}
    to_look_at: list[tuple[Path, ast.AST]] = [(folder, each) for each in statements]
    while to_look_at:
        beside, tree = to_look_at.pop()
        for path in _named(tree, folder, beside):
            name = _name_from(folder, path)
            if name in found:
                continue
            found[name] = path.read_bytes()
            if sum(map(len, found.values())) > MOST_OCTETS:
                raise CampaignError(
                    f"The programs that the scenario uses are more than {MOST_OCTETS >> 20} MiB,"
                    f" with {name}; have what is large installed where workers are"
                )
            if (inner := _parsed(found[name])) is not None:
                to_look_at.append((path.parent, inner))
    return found


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top level gives a value."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield from _names(node.value)  # it changes what is known by that name


def _names(tree: ast.AST) -> list[str]:
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def _first(statement: ast.stmt) -> int:
    """Return the first line, that of a decorator if there is one."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _parsed(content: bytes) -> ast.AST | None:
    """Return the syntax tree of a program; None of one that is broken, perhaps on purpose."""
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return None


def _named(tree: ast.AST, *folders: Path) -> Iterator[Path]:
    """Yield the files in these folders that are imported, or named by a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names = [base, *(f"{base}.{each.name}".lstrip(".") for each in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _file(node.value, folders)
            continue
        else:
            continue
        for name in names:
            yield from _modules(name.split("."), folders)


def _file(name: str, folders: Iterable[Path]) -> Iterator[Path]:
    if not name.endswith(".py") or len(name) > _LONGEST_NAME or Path(name).is_absolute():
        return
    for folder in folders:
        if "\0" not in name and (folder / name).is_file():
            yield folder / name


def _modules(parts: list[str], folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of a module and of the packages that it is in."""
    for folder in folders:
        for depth in range(1, len(parts) + 1):
            base = folder.joinpath(*parts[:depth])
            for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
                if base.name and path.is_file():
                    yield path


def _name_from(folder: Path, path: Path) -> str:
    """Return the path as it is named from `folder`, perhaps with dots at its beginning."""
    import os

    return Path(os.path.relpath(path, folder)).as_posix()
