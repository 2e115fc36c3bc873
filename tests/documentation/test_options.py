"""Each command has a page, on which each of its options is, or on a page that it links to."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from bleio.cli.main import COMMANDS, main
from documentation.pages import ROOT

FOLDER = ROOT / "docs" / "commands"
EVERYWHERE = {"--help", "--json", "--json-schema"}  # docs/commands/index.md and docs/json.md


def page_of(command: str) -> Path:
    page = FOLDER / f"{command}.md"
    return page if page.exists() else FOLDER / "index.md"


def text_of(page: Path) -> str:
    """Return the page, and those that it links to."""
    text = page.read_text("utf-8")
    linked = (page.parent / link for link in re.findall(r"\]\(([\w./-]+\.md)", text))
    return "\n".join([text, *(each.read_text("utf-8") for each in sorted(set(linked)))])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_options_are_documented(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    text = text_of(page_of(name))
    missing = [
        parameter.opts
        for parameter in command.params
        if isinstance(parameter, click.Option)
        and not parameter.hidden
        and not EVERYWHERE & set(parameter.opts)
        and not any(
            re.search(rf"(?<![\w-]){name}(?![\w-])", text)
            for name in parameter.opts + parameter.secondary_opts
        )
    ]
    assert not missing
