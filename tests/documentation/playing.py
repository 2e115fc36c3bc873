"""One page from top to bottom, as a reader follows it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import yaml

from documentation import checking, programs
from documentation.commands import Command, Shell, commands_of
from documentation.comparing import difference
from documentation.pages import ROOT, Block


def play(blocks: list[Block]) -> list[str]:
    """Run the blocks of a page. Returns: what has gone wrong, by block."""
    with Shell() as shell:
        return _Play(shell).all(blocks)


class _Play:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._python: list[Block] = []  # those that have been run, which others may continue
        self._printed = ""
        self._failures: list[str] = []

    def all(self, blocks: list[Block]) -> list[str]:
        for number, block in enumerate(blocks):
            problem = checking.problem_of(block)
            if not problem and "skip" not in block.marks:
                problem = self._one(block, blocks[number + 1 :])
            if problem:
                self._failures.append(f"{block.place}: {problem}")
        return self._failures

    def _one(self, block: Block, below: list[Block]) -> str:
        for need in block.marks.get("needs", "").split():
            self._put(need)
        if block.language == "console":
            return self._console(block)
        if "prints" in block.marks:
            return difference(block.text, self._printed)
        if block.file:
            return self._save(block, below)
        if block.language == "python":
            return self._run(block)
        if block.language == "yaml" and checking.is_workflow(yaml.safe_load(block.text)):
            file = self._shell.folder / "workflow.yml"
            file.write_text(block.text)
            return checking.schema_problem(file)
        return ""

    def _save(self, block: Block, below: list[Block]) -> str:
        file = self._shell.folder / block.file
        is_known = file.exists()  # so it is a new version of what is used already
        self._write(block.file, block.text)
        self._python += [block] if block.language == "python" else []
        self._printed = ""
        if ".github/workflows/" in block.file:
            return checking.schema_problem(file)
        if block.language != "python":
            return ""
        stem = re.compile(rf"\b{re.escape(Path(block.file).stem)}\b")
        used = [each for each in below if stem.search(f"{each.text} {each.marks}")]
        if programs.is_test(block.text):
            typed = any(each.language == "console" and "skip" not in each.marks for each in used)
            return "" if typed else self._run(block)
        return "" if used or is_known else f"nothing below it on the page runs {block.file}"

    def _run(self, block: Block) -> str:
        """A program or a test. One that is saved has its own lines, not the page's."""
        text = block.text if block.file else programs.whole(block, self._python)
        self._write(programs.file_of(block), text)
        if block not in self._python:
            self._python.append(block)
        self._shell.new()
        environment = self._environment(block)
        others = [self._shell.start(_, environment) for _ in self._companions(block)]
        try:
            status, self._printed = self._shell.run(
                programs.command_of(block), environment, self._typed(block)
            )
        finally:
            for other in others:
                other.stop()
        said = "".join(f"\nbeside it: {other.printed}" for other in others)
        if "fails" in block.marks:
            if status and block.marks["fails"] in self._printed:
                return ""
            return f"should fail with {block.marks['fails']!r}:\n{self._printed}{said}"
        if status != int(block.marks.get("exit", "0")):
            return f"exit status {status}:\n{self._printed}{said}"
        return ""

    def _console(self, block: Block) -> str:
        self._shell.new()
        environment = self._environment(block)
        *first, last = commands_of(block)
        others = [self._shell.start(_, environment) for _ in self._companions(block)]
        try:
            for command in first:
                if problem := self._command(command, [], block, environment, 0):
                    return problem
            if "background" in block.marks:
                return self._go_on(last, environment)
            if "ctrl-c" in block.marks:
                return self._until_ctrl_c(last, block, environment)
            expected = int(block.marks.get("exit", "0"))
            return self._command(last, self._typed(block), block, environment, expected)
        finally:
            for other in others:
                other.stop()

    def _command(
        self,
        command: Command,
        typed: list[str],
        block: Block,
        environment: dict[str, str],
        expected: int,
    ) -> str:
        try:
            if "terminal" in block.marks:
                status, printed = self._shell.run_on_terminal(command, environment, typed)
            else:
                status, printed = self._shell.run(command.text, environment, typed)
        except subprocess.TimeoutExpired as error:
            return f"$ {command.text}\ndoes not end: {error.stdout!r}"
        self._printed = printed
        if status != expected:
            return f"$ {command.text}\nexit status {status}, not {expected}:\n{printed}"
        if not command.said:
            return ""
        differs = difference("\n".join(command.said), printed, exact=command.is_simulated)
        return f"$ {command.text}\n{differs}" if differs else ""

    def _go_on(self, command: Command, environment: dict[str, str]) -> str:
        running = self._shell.start(command.text, environment)
        if running.wait_for(command.said):
            return ""
        return f"$ {command.text}\n{difference(chr(10).join(command.said), running.printed)}"

    def _until_ctrl_c(self, command: Command, block: Block, environment: dict[str, str]) -> str:
        running = self._shell.start(command.text, environment)
        there = running.wait_for(command.said)
        status = running.stop()
        self._printed = running.printed
        if not there:
            return f"$ {command.text}\n{difference(chr(10).join(command.said), running.printed)}"
        allowed = [int(block.marks["exit"])] if "exit" in block.marks else [0, 130, -2]
        return (
            ""
            if status in allowed
            else f"$ {command.text}\nexit status {status}:\n{running.printed}"
        )

    def _environment(self, block: Block) -> dict[str, str]:
        environment = {"BLEIO_ADAPTER": "virtual:page"} if "with" in block.marks else {}
        for pair in shlex.split(block.marks.get("env", "")):
            name, _, value = pair.partition("=")
            environment[name] = value
        return environment

    def _companions(self, block: Block) -> list[str]:
        return [command for command in block.marks.get("with", "").split(";") if command.strip()]

    def _typed(self, block: Block) -> list[str]:
        typed = block.marks.get("input", "")
        return [line.strip() for line in typed.split("|")] if typed else []

    def _put(self, need: str) -> None:
        """A file or a folder of the project, perhaps under another name."""
        path, _, name = need.partition("=")
        place = self._shell.folder / (name or path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, place, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / path, place)

    def _write(self, name: str, text: str) -> None:
        file = self._shell.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
