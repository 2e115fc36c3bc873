"""What --json prints, held against the schemas that are shipped, and these against a convention.

A schema describes one object: all that a command prints, or one of its lines (JSON Lines). It is
JSON Schema 2020-12 in src/bleio/cli/schemas/COMMAND.json, and strict, so that a member that nobody
has written down is an error: each `object` says `"additionalProperties": false`, and what may be
missing is what `required` leaves out. Of several kinds of lines each has a member `event` with a
`const`, in one `oneOf`. Each has a `title` and a `description`, since docs/json.md shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from bleio.cli.shared.options import read_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads(read_schema(name))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def checked(name: str, text: str) -> Any:
    """Return the one object that a command has printed, which fits its schema."""
    value = json.loads(text, parse_constant=_refuse)
    _validator(name).validate(value)
    return value


def checked_lines(name: str, text: str) -> list[Any]:
    """Return the objects that a command has printed, one a line, which all fit its schema."""
    return [checked(name, line) for line in text.splitlines()]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def complaints(name: str) -> list[str]:
    """List what is wrong with a schema itself, one text each."""
    schema = json.loads(read_schema(name))
    Draft202012Validator.check_schema(schema)
    found = []
    if schema.get("$schema") != DIALECT:
        found.append(f"{name}: $schema is not {DIALECT}")
    found += [f"{name}: has no {each}" for each in ("title", "description") if each not in schema]
    for path, part in _parts(schema, name):
        if part.get("type") == "object" and part.get("additionalProperties") is None:
            found.append(f"{path}: an object without additionalProperties")
        for lacking in set(part.get("required", ())) - set(part.get("properties", ())):
            found.append(f"{path}: requires {lacking}, which it has not")
    return found


def _parts(part: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a schema and all that are in it."""
    if isinstance(part, list):
        for index, each in enumerate(part):
            yield from _parts(each, f"{path}/{index}")
    elif isinstance(part, dict):
        yield path, part
        for key, each in part.items():
            if key not in ("const", "enum", "examples", "default"):
                yield from _parts(each, f"{path}/{key}")
