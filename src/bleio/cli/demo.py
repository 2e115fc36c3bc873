"""`bleio demo`: a heart-rate monitor and its reader, two programs on one simulated radio.

It needs nothing but bleio itself, explains what happens, and ends with what to type next. It is a
test, too: the exit code says whether all has happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bleio.cli.shared.options import json_option
from bleio.cli.shared.paths import unusable

if TYPE_CHECKING:
    from bleio.cli.demonstration.stage import Stage
    from bleio.cli.demonstration.story import Story

LIMIT_S = 20.0
_INTRODUCTION = """\
A heart-rate monitor and its reader: two programs, each in a process of its own,
on one simulated radio. They are written as for CircuitPython's _bleio."""
_NEXT = """\
What to type next:
  {bleio} demo --programs .
      writes the two programs here: monitor.py and reader.py
  {bleio} sim monitor.py reader.py --trace
      the same in simulated time, with what they say on the air
  {bleio} run --adapter virtual:desk monitor.py
      the monitor alone; in another terminal:  {bleio} scan --adapter virtual:desk"""


@click.command()
@click.option(
    "--programs",
    "folder",
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="Run nothing, and write the two programs there, to look at and to change.",
)
@json_option("demo")
def demo(folder: str | None, as_json: bool) -> int:
    """Run a heart-rate monitor and its reader on a simulated radio, and explain what happens.

    Ends by itself, after a few seconds. The exit code is 0 if every step happened.
    """
    from bleio.cli.demonstration.stage import write_programs

    try:
        if folder is not None:
            return _write(write_programs(Path(folder)), as_json)
        from bleio.cli.shared.running import finish

        with tempfile.TemporaryDirectory(prefix="bleio-demo-") as temporary:
            return finish(_play(Path(temporary), _Teller(as_json)))
    except BrokenPipeError:
        raise  # nothing reads the output any more; click ends the command
    except OSError as error:
        raise click.ClickException(unusable(error)) from None


def _write(paths: list[Path], as_json: bool) -> int:
    from bleio.cli.shared.output import print_json, say

    for path in paths:
        if as_json:
            print_json({"event": "written", "file": str(path)})
        else:
            say(f"{path} is written.")
    return 0


async def _play(folder: Path, teller: _Teller) -> int:
    from bleio.cli.demonstration.stage import Stage
    from bleio.cli.demonstration.story import Story

    began_s = time.monotonic()
    story = Story()
    async with Stage(folder) as stage:
        teller.begin(stage.radio)
        codes: dict[str, int] = {}
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):  # something lacks then
            codes = await asyncio.wait_for(_follow(stage, story, teller), LIMIT_S)
        packets, last = stage.packets()
    problem = story.lacking()
    problem = problem or next((f"the {name} failed" for name, code in codes.items() if code), "")
    teller.end(problem, packets, last, time.monotonic() - began_s)
    return 1 if problem else 0


async def _follow(stage: Stage, story: Story, teller: _Teller) -> dict[str, int]:
    async for program, line in stage.lines():
        teller.line(program, line, story.heard(program, line))
    return await stage.exit_codes()


class _Teller:
    """Prints what happens: for people with what it means, or JSON."""

    def __init__(self, as_json: bool) -> None:
        from bleio.cli.shared.output import stdout_console

        self._as_json = as_json
        self._console = stdout_console()

    def begin(self, radio: str) -> None:
        self._tell({"event": "begin", "adapter": f"virtual:{radio}"}, _INTRODUCTION + "\n")

    def line(self, program: str, line: str, meaning: str) -> None:
        fields = {"event": "line", "program": program, "text": line, "meaning": meaning}
        self._tell(fields, f"{program:>9} | {line}")
        if meaning and not self._as_json:
            self._print(f"{'':9} |   {meaning}", "dim")

    def end(self, problem: str, packets: int, last: str, took_s: float) -> None:
        from bleio.cli.demonstration.stage import how_to_type
        from bleio.cli.shared.output import say

        fields = {
            "event": "end",
            "done": not problem,
            "problem": problem,
            "packets": packets,
            "took_s": round(took_s, 3),
        }
        self._tell(fields, f"\n{packets} packets were on the air. The last reading, as it flew:")
        if self._as_json:
            return
        self._print(f"  {last}", "dim")
        if problem:
            say(f"The demo failed: {problem}.")
            return
        self._print(f"Every step happened, in {took_s:.0f} s.\n", "")
        self._print(_NEXT.format(bleio=how_to_type()), "")

    def _tell(self, fields: dict[str, Any], text: str) -> None:
        from bleio.cli.shared.output import print_json

        if self._as_json:
            print_json(fields)
        else:
            self._print(text, "")

    def _print(self, text: str, style: str) -> None:
        from bleio.cli.shared.output import print_line

        if not self._console.is_terminal:
            print_line(text)
            return
        from rich.text import Text

        self._console.print(Text(text, style=style), soft_wrap=True)
        self._console.file.flush()
