"""The options that show a page: what they take, and what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner

from bleio.cli.page import WebCommand, open_page, web_options
from bleio.cli.shared.exits import Failure
from bleio.web.address import PageAddress
from support import schemas


@click.command(cls=WebCommand)
@web_options
@click.argument("names", nargs=-1)
def command(page: PageAddress | None, names: tuple[str, ...]) -> None:
    """Say what was given."""
    click.echo(f"{page} {names}")
    if page is not None:
        open_page(lambda: page.url(1, "t"), page)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(
    ("arguments", "page", "names"),
    [
        (("a",), None, ("a",)),
        (("--web", "a.py"), PageAddress(), ("a.py",)),
        (("a", "--web"), PageAddress(), ("a",)),
        (("--web", "8080", "a"), PageAddress("127.0.0.1", 8080), ("a",)),
        (("--web", "localhost:80", "a"), PageAddress("localhost", 80), ("a",)),
        (("--web=desk", "a"), PageAddress("desk", 0), ("a",)),
        (("--web", "[::1]:8080"), PageAddress("::1", 8080), ()),
        (("--", "--web", "8080"), None, ("--web", "8080")),
    ],
)
def test_the_address_is_optional(
    arguments: tuple[str, ...], page: PageAddress | None, names: tuple[str, ...]
) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == f"{page} {names}"


def test_the_browser_is_opened_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or len(opened) == 1)
    assert "Page: http://127.0.0.1:1/?token=t\n" in run("--web").output
    assert opened == []
    assert "No browser" not in run("--open").output
    assert "No browser could be opened" in run("--web", "--open").output
    assert opened == ["http://127.0.0.1:1/?token=t"] * 2


def test_a_missing_library_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.asyncio.server", None)
    monkeypatch.delitem(sys.modules, "bleio.web.server", raising=False)
    monkeypatch.delattr("bleio.web.server", raising=False)
    result = run("--web")
    assert result.exit_code == 1
    assert 'pip install "websockets>=15"' in result.output


def test_errors_of_listening_are_failures() -> None:
    def start() -> str:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(
        Failure, match=r"Cannot show the page at 127\.0\.0\.1:80: this user may not"
    ):
        open_page(start, PageAddress("127.0.0.1", 80))


@pytest.mark.parametrize("name", ["radio", "sim"])
def test_the_page_is_an_event_of_json(name: str) -> None:
    told = {"event": "page", "url": "http://127.0.0.1:1/?token=t"}
    assert schemas.checked(name, json.dumps(told)) == told


def test_nothing_of_it_is_loaded_unless_asked_for() -> None:
    code = (
        "import sys, bleio.cli.radio, bleio.cli.sim\n"
        "sys.exit(str([each for each in sys.modules"
        " if each.startswith(('websockets', 'bleio.web', 'bleio.pages'))] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""
