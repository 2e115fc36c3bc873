"""What holds for every command, whoever wrote it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bleio.cli.main import COMMANDS, main
from bleio.cli.shared.options import read_schema
from support import schemas
from support.patience import PATIENCE_S

DOCS = Path(__file__).parents[3] / "docs"
# Whose words after the program's name are the program's own.
TAKE_ANYTHING = {"run"}


def options_of(name: str) -> dict[str, click.Parameter]:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return {option: each for each in command.params for option in each.opts}


def execute(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="bleio")


WITH_JSON = sorted(name for name in COMMANDS if "--json-schema" in options_of(name))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(name: str, option: str) -> None:
    result = execute(name, option)
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: bleio {name}")
    assert "-h, --help" in result.output
    _, short = COMMANDS[name]
    assert short.endswith(".")
    assert len(short) < 66  # which is a line of `bleio -h`


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_wrong_usage(name: str) -> None:
    result = execute(name, "--no-such-option")
    assert result.exit_code == 2
    assert "No such option" in result.output
    assert "--no-such-option" in result.output


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - TAKE_ANYTHING))
def test_too_many_words_are_wrong_usage(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    if any(each.nargs == -1 for each in arguments):
        pytest.skip("takes any number of words")
    result = execute(name, *["x"] * (len(arguments) + 1))
    assert result.exit_code == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_options_have_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    for each in command.params:
        if isinstance(each, click.Option) and not each.hidden:
            assert each.help, each.opts


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_adapter_is_wrong_usage(name: str) -> None:
    if "--adapter" not in options_of(name):
        pytest.skip("needs no adapter")
    result = execute(name, "--adapter", "virtal:desk")
    assert result.exit_code == 2
    assert "virtal:desk" in result.output


@pytest.mark.parametrize("name", WITH_JSON)
def test_json_has_a_schema_that_can_be_printed(name: str) -> None:
    assert "--json" in options_of(name)
    result = execute(name, "--json-schema")
    assert result.exit_code == 0
    assert json.loads(result.output) == json.loads(read_schema(name))


def test_schemas_keep_the_convention() -> None:
    folder = resources.files("bleio.cli") / "schemas"
    names = sorted(each.name.removesuffix(".json") for each in folder.iterdir())
    assert names == WITH_JSON
    assert [text for name in names for text in schemas.complaints(name)] == []


def test_the_page_on_json_has_every_command() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "json.md").read_text("utf-8"), re.M)
    assert rows == WITH_JSON, "each command with --json has a row there, in alphabetical order"


def test_the_page_of_commands_has_every_command() -> None:
    text = (DOCS / "commands" / "index.md").read_text("utf-8")
    rows = re.findall(r"^\| \[`(\w+)`\]\(\S+\) \|", text, re.M)
    assert rows == sorted(COMMANDS), "each command has a row there, in alphabetical order"


def test_the_page_of_commands_has_every_exit_code() -> None:
    from bleio.cli.shared.exits import Exit

    text = (DOCS / "commands" / "index.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \|", text, re.M)
    assert [int(row) for row in rows] == [int(each) for each in Exit]


# Commands that need an adapter, with words that are right.
NEEDS_ADAPTER = {
    "advertise": ["--name", "x"],
    "clone": ["Nobody"],
    "explore": ["Nobody"],
    "notify": ["Nobody", "2a37"],
    "read": ["Nobody", "2a19"],
    "scan": ["--duration", "1"],
    "write": ["Nobody", "2a19", "00"],
}


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("name", NEEDS_ADAPTER)
def test_no_adapter_is_exit_code_4(name: str, as_json: bool, tmp_path: Path) -> None:
    if name not in COMMANDS:
        pytest.skip("is not there")
    adapter = ["--adapter", "hci:tcp-client:127.0.0.1:1"]
    done = subprocess.run(
        [sys.executable, "-m", "bleio", name, *adapter, *NEEDS_ADAPTER[name]]
        + ["--json"] * (as_json and name in WITH_JSON),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "Error: Cannot open the adapter 'hci:tcp-client:127.0.0.1:1'" in done.stderr
    assert "Traceback" not in done.stderr
