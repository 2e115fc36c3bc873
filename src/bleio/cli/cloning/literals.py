"""Source text of what a stranger has said: literals and comments out of which nothing can get.

A device chooses its name, its values and its descriptions, and all of them go into a program that
somebody runs. So a literal holds printable characters alone, without quotes and backslashes, which
are escaped, and a comment holds no line break of any kind. Text that would be shown in another
order than it is read (Hebrew, controls of direction) is escaped too, for source has to say what it
does.

Lines are laid out as ruff and black have them, at their 88 columns: a literal is on one line where
it fits, else by itself in parentheses, else in pieces that do not fit on one line together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

WIDTH = 88
_PIECE = 60  # of text, in columns
_OCTETS = 16  # in one line of hexadecimal ones
_INSTRUCTION = re.compile(
    r"(fmt|flake8|isort|mypy|pylint|pyright|ruff|type|yapf)\s*:|noqa|nosec|pragma|!|-\*-",
    re.IGNORECASE,
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\n\r\t")


def comment(text: str, indent: str = "") -> list[str]:
    """Return a comment, in as many lines as it takes."""
    lines, line = [], f"{indent}#"
    for word in _said(text).split():
        for part in _parts(word, WIDTH - len(indent) - 2):
            if len(line) + 1 + len(part) > WIDTH and line != f"{indent}#":
                lines.append(line)
                line = f"{indent}#"
            line += f" {part}"
    return [*lines, line]


def _parts(word: str, columns: int) -> Iterable[str]:
    return [word[start : start + columns] for start in range(0, len(word), columns)]


def commented(line: str, text: str) -> list[str]:
    """Return a line of code with a comment: behind it where there is room, else above it."""
    said = _said(text)
    if not said:
        return [line]
    if len(line) + 4 + len(said) <= WIDTH:
        return [f"{line}  # {said}"]
    indent = line[: len(line) - len(line.lstrip())]
    return [*comment(text, indent), line]


def _said(text: str) -> str:
    """Return text for a comment: in one line, and nothing that tools take for an instruction."""
    said = " ".join(printable(text).split())
    return f"({said})" if _INSTRUCTION.match(said) else said


def printable(text: str) -> str:
    """Return text with all escaped that would not be seen for what it is."""
    return "".join(each if _is_plain(each) else _escape(each) for each in text)


def _is_plain(character: str) -> bool:
    if character.isascii():
        return character.isprintable()
    return (
        character.isprintable()
        and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
        and unicodedata.east_asian_width(character) not in ("W", "F")  # has two columns
        and not unicodedata.combining(character)
    )


def _escape(character: str) -> str:
    return _NAMED.get(character) or character.encode("unicode_escape").decode()


def text(value: str) -> str:
    """Return a str literal."""
    return '"' + "".join(_units(value)) + '"'


def _units(value: str) -> Iterable[str]:
    for each in value:
        if each in '"\\':
            yield f"\\x{ord(each):02x}"
        else:
            # What no encoding has, such as a lone surrogate, is escaped like any other.
            yield each if _is_plain(each) else _escape(each)


def octets(value: bytes) -> str:
    """Return a bytes literal in one piece: text as text, all else in hexadecimal."""
    return _whole(pieces(value))


def pieces(value: bytes, hexadecimal: bool = False) -> list[str]:
    """Return bytes literals that follow each other."""
    if is_text(value) and not hexadecimal:
        return _joined([_NAMED.get(chr(each)) or _octet(each) for each in value], _PIECE)
    return _joined([f"\\x{each:02x}" for each in value], 4 * _OCTETS)


def is_text(value: bytes) -> bool:
    """Whether it reads as text: a single octet does not."""
    return len(value) > 1 and all(each in _TEXT for each in value)


def _octet(value: int) -> str:
    return f"\\x{value:02x}" if chr(value) in '"\\' else chr(value)


def _joined(units: list[str], columns: int) -> list[str]:
    found, line = [], ""
    for unit in units:
        if len(line) + len(unit) > columns:
            found.append(line)
            line = ""
        line += unit
    return [f'b"{each}"' for each in (*found, line)]


def _whole(parts: list[str]) -> str:
    return 'b"' + "".join(part[2:-1] for part in parts) + '"'


def fits(line: str) -> bool:
    """Whether a line has room."""
    return len(line) <= WIDTH


def assigned(name: str, value: bytes, said: str = "") -> list[str]:
    """Return the assignment of a value to a constant."""
    parts = pieces(value)
    whole = _whole(parts)
    if fits(line := f"{name} = {whole}"):
        return commented(line, said)
    above = comment(said) if said else []
    if len(set(value)) == 1:
        return [*above, f"{name} = {octets(value[:1])} * {len(value)}"]
    if fits(f"    {whole}"):
        parts = [whole]
    return [*above, f"{name} = (", *(f"    {part}" for part in parts), ")"]


def item(before: list[str], value: bytes, said: str = "", indent: str = "    ") -> list[str]:
    """Return a tuple that ends with a value, as an item of another or an argument."""
    parts = pieces(value)
    whole = _whole(parts)
    line = f"{indent}({', '.join((*before, whole))}),"
    if fits(line):
        return commented(line, said)
    deeper = f"{indent}    "
    lines = [*(comment(said, indent) if said else []), f"{indent}("]
    lines += [f"{deeper}{each}," for each in before]
    lines += argument(value, deeper)
    return [*lines, f"{indent}),"]


def argument(value: bytes, indent: str = "    ") -> list[str]:
    """Return a value as an argument by itself."""
    parts = pieces(value)
    if fits(line := f"{indent}{_whole(parts)},"):
        return [line]
    return [f"{indent}(", *(f"{indent}    {part}" for part in parts), f"{indent}),"]
