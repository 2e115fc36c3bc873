"""What is typed in a terminal, and what comes of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from documentation.comparing import begins_with
from documentation.pages import BadPage, Block
from support.patience import PATIENCE_S, as_if_idle
from support.terminal import Terminal

# Of the run of tests around this one, and of whoever runs it.
_NOT_OURS = ("PYTEST_", "BLEIO_", "COV_", "VIRTUAL_ENV", "COLUMNS")


@dataclass
class Command:
    """text: what is typed; said: what the page says that it prints."""

    text: str
    line: int
    said: list[str] = field(default_factory=list)

    @property
    def is_simulated(self) -> bool:
        """Whether all that it prints is the same in each run."""
        return self.text.startswith("bleio sim ")


def commands_of(block: Block) -> list[Command]:
    """The commands of a `console` block, and the lines below each."""
    commands: list[Command] = []
    for number, line in enumerate(block.text.rstrip("\n").split("\n"), block.line + 1):
        if line.startswith("$ "):
            commands.append(Command(line[2:], number))
        elif not commands:
            raise BadPage(f"{block.place}: a console block begins with `$ ` and a command")
        elif line.startswith("> ") and not commands[-1].said:
            commands[-1].text += "\n" + line[2:]
        else:
            commands[-1].said.append(line)
    if not commands:
        raise BadPage(f"{block.place}: a console block without a command")
    return commands


class Shell:
    """A folder with an environment of its own, in which commands are run one after the other.

    Attributes: folder: where files of the page are. A context manager; its end ends all that runs.
    """

    def __init__(self) -> None:
        # Not pytest's folders: names of sockets have a low limit.
        self._base = Path(tempfile.mkdtemp(prefix="page-"))
        self.folder = self._base / "page"
        self._kept = self._base / "kept"
        for name in ("page", "kept", "home", "run"):
            (self._base / name).mkdir(mode=0o700)
        self._running: list[Running] = []

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *exc: object) -> None:
        for running in reversed(self._running):
            running.stop()
        shutil.rmtree(self._base, ignore_errors=True)

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self._base / "home"),
            "XDG_RUNTIME_DIR": str(self._base / "run"),
            "BLEIO_STATE_DIR": str(self._base / "home" / "state"),
            "BLEIO_ADAPTER": "virtual",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            **more,
        }

    def new(self) -> None:
        """Forget what the commands of the block before have exported, and where they went."""
        for file in self._kept.iterdir():
            file.unlink()

    def run(self, command: str, environment: dict[str, str], typed: list[str]) -> tuple[int, str]:
        """Run a command to its end. Returns: its exit status, and what it has printed."""
        done = subprocess.run(
            ["bash", "-c", self._script(command)],
            cwd=self.folder,
            env=self.environment(environment),
            input="".join(f"{line}\n" for line in typed),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
        )
        return done.returncode, as_if_idle(done.stdout)

    def run_on_terminal(
        self, command: Command, environment: dict[str, str], typed: list[str]
    ) -> tuple[int, str]:
        """The same on a terminal, where each line is typed when its prompt is shown."""
        script = ["bash", "-c", self._script(command.text)]
        with Terminal(script, self.folder, **self.environment(environment)) as terminal:
            shown = ""
            lines = iter(command.said)
            for line in typed:
                prompt = next((_.partition(line)[0] for _ in lines if line in _), "")
                if prompt:
                    shown += terminal.expect(prompt) + prompt
                terminal.type(line)
            status = terminal.end()
            return status, shown + terminal.shown

    def start(self, command: str, environment: dict[str, str]) -> Running:
        """Run a command until `Running.stop`."""
        running = Running(
            self._script(command), self.folder, self.environment(environment), self._base
        )
        self._running.append(running)
        return running

    def _script(self, command: str) -> str:
        """The command, in a shell that has what the ones before it have exported."""
        kept = self._kept
        return (
            f'[ ! -e {kept}/exported ] || {{ . {kept}/exported; cd "$(cat {kept}/folder)"; }}\n'
            f"{command}\n"
            f"ended=$?; export -p > {kept}/exported; pwd > {kept}/folder; exit $ended\n"
        )


class Running:
    """A command that goes on. Attributes: printed: what it has printed so far."""

    def __init__(self, script: str, folder: Path, environment: dict[str, str], base: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=base)
        self._file = Path(name)
        self._process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.close(descriptor)

    @property
    def printed(self) -> str:
        return as_if_idle(self._file.read_text("utf-8", errors="replace"))

    def wait_for(self, said: list[str]) -> bool:
        """Wait until it has printed these lines. Returns: False if it ends without."""
        end_s = time.monotonic() + PATIENCE_S
        while not (there := begins_with("\n".join(said), self.printed)):
            if self._process.poll() is not None or time.monotonic() > end_s:
                return begins_with("\n".join(said), self.printed)
            time.sleep(0.02)
        return there

    def stop(self) -> int:
        """Press Ctrl-C, and wait for the end. Returns: the exit status."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()
