"""What is not run: whether its syntax is right, and whether data is what it says it is."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import yaml
from packaging.requirements import InvalidRequirement, Requirement

from bleio.cli.main import main
from documentation.commands import commands_of
from documentation.pages import ROOT, Block

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def problem_of(block: Block) -> str:
    """What is wrong with the syntax of a block; "" if nothing is. Nothing is run."""
    check = CHECKS.get(block.language)
    if check is None:
        return f"there is no language {block.language!r}: {', '.join(sorted(CHECKS))}"
    try:
        return check(block)
    except (SyntaxError, ValueError, configparser.Error, yaml.YAMLError) as error:
        return f"{type(error).__name__}: {error}"


def _python(block: Block) -> str:
    compile(block.text, block.place, "exec")
    return ""


def _console(block: Block) -> str:
    problems = (command_problem(command.text) for command in commands_of(block))
    return "\n".join(filter(None, problems))


def command_problem(text: str) -> str:
    """What is wrong with a command of the shell, as far as one sees without running it."""
    parsed = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True)
    if parsed.returncode:
        return parsed.stderr.strip()
    for simple in re.split(r"&&|\|\||[;|\n]", text):
        try:
            words = shlex.split(simple, comments=True)
        except ValueError:  # a quoted string with a ; in it
            continue
        if "pip" in words and "install" in words:
            return _requirements(words[words.index("install") + 1 :])
        while words and re.match(r"\w+=", words[0]):
            del words[0]
        if words[:1] == ["bleio"] and (problem := _bleio(words[1:])):
            return problem
    return ""


def _requirements(words: list[str]) -> str:
    """Requirements of pip, and the extras of ours."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for word in words:
        if word.startswith("-") or word == "." or word.endswith((".whl", ".txt", ".toml")):
            continue
        try:
            requirement = Requirement(re.sub(r"^\.\[", "bleio[", word))
        except InvalidRequirement as error:
            return f"{word}: {error}"
        if requirement.name == "bleio" and (unknown := requirement.extras - extras.keys()):
            return f"bleio has no extra {', '.join(sorted(unknown))}"
    return ""


def _bleio(words: list[str]) -> str:
    """A command of ours, and its options."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        if found is None and command.invoke_without_command:
            break
        if found is None:
            return f"there is no command {words[0]!r}"
        command = found
        del words[0]
    known = {"--help", "-h", "--version"}
    known |= {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for word in words:
        if word.startswith("--") and word.partition("=")[0] not in known:
            return f"bleio {command.name} has no option {word}"
        if not word.startswith("-") and command.name == "run":
            break  # what follows is the program's
    return ""


def _form(text: str) -> str:
    """A command of ours as its page shows it: `bleio scan [--raw] [--for TIME]`."""
    words = re.match(r"bleio((?: [a-z]+)*)", text)
    options = re.findall(r"--[\w-]+", text)
    return _bleio([*(words[1].split() if words else ()), *options])


def _toml(block: Block) -> str:
    tomllib.loads(block.text)
    return ""


def _json(block: Block) -> str:
    try:
        json.loads(block.text)
    except json.JSONDecodeError:
        for line in block.text.splitlines():
            json.loads(line)
    return ""


def _yaml(block: Block) -> str:
    content = yaml.safe_load(block.text)
    return workflow_problem(content) if is_workflow(content) else ""


def is_workflow(content: Any) -> bool:
    # YAML 1.1 reads `on` as true.
    return isinstance(content, dict) and "jobs" in content and bool({"on", True} & content.keys())


def workflow_problem(content: dict[Any, Any]) -> str:
    """What is wrong with a workflow of GitHub, beside what its schema says."""
    for name, job in content["jobs"].items():
        for step in job.get("steps", ()):
            if "uses" in step and not re.fullmatch(r"[\w./-]+@[\w./-]+", step["uses"]):
                return f"{name}: {step['uses']!r} names no version"
            if "run" in step:
                # GitHub's own expressions are no syntax of the shell.
                script = re.sub(r"\$\{\{.*?\}\}", "EXPRESSION", step["run"])
                if problem := command_problem(script):
                    return f"{name}: {problem}"
    return ""


def schema_problem(file: Path) -> str:
    """What the schema of GitHub's workflows says against a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    checked = subprocess.run(
        [*command, "vendor.github-workflows", str(file)], capture_output=True, text=True
    )
    return checked.stdout + checked.stderr if checked.returncode else ""


def _ini(block: Block) -> str:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    parser.read_string(block.text)
    return ""


def _text(block: Block) -> str:
    for form in re.split(r"^(?=bleio )", block.text, flags=re.MULTILINE):
        if form.startswith("bleio ") and (problem := _form(form)):
            return problem
    if {"prints", "shown", "skip"} & block.marks.keys() or block.file:
        return ""
    return "a text block needs a mark that says what it is: prints, file or shown"


CHECKS: dict[str, Callable[[Block], str]] = {
    "python": _python,
    "console": _console,
    "toml": _toml,
    "json": _json,
    "yaml": _yaml,
    "ini": _ini,
    "text": _text,
}
