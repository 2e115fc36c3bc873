"""`bleio run --reload`: the program begins anew when its own files change."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.patience import PATIENCE_S
from support.terminal import Terminal

LOOP = "import time\nwhile True:\n    time.sleep(0.05)\n"


class Reloading:
    """`bleio run --reload` of something in a folder; its lines, of both outputs, as they come."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "bleio", "run", "--reload", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},  # as where users are
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self.process.stdout.close()
        self._lines.put(None)

    def until(self, text: str) -> list[str]:
        """Wait for a line with the text. Returns: the lines up to it."""
        lines: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise AssertionError(f"{text!r} did not come: {lines}") from None
            assert line is not None, f"it ended without {text!r}: {lines}"
            lines.append(line)
            if text in line:
                return lines

    def end(self) -> list[str]:
        """Wait for the end. Returns: what came until then."""
        lines = []
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            lines.append(line)
        self.process.wait(PATIENCE_S)
        return lines


@pytest.fixture
def reloading(tmp_path: Path) -> Iterator[Any]:
    started: list[Reloading] = []

    def start(*arguments: str) -> Reloading:
        started.append(Reloading(tmp_path, *arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.terminate()
            each.end()


def save(path: Path, text: str) -> None:
    """Save as careful editors do: a new file in place of the old one."""
    part = path.with_suffix(".part")
    part.write_text(text)
    os.replace(part, path)


def test_a_changed_program_begins_anew_with_its_arguments(reloading: Any, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys\nprint('first', sys.argv)\n" + LOOP)
    run = reloading("program.py", "--reload", "x")
    assert run.until("first") == ["first ['program.py', '--reload', 'x']"]
    save(program, "import sys\nprint('second', sys.argv)\n" + LOOP)
    assert run.until("second") == [
        "bleio run --reload: program.py has changed.",
        "second ['program.py', '--reload', 'x']",
    ]
    run.process.send_signal(signal.SIGINT)
    assert run.end()[-1] == "KeyboardInterrupt"
    assert run.process.returncode == -signal.SIGINT


def test_a_module_from_its_own_folder_counts_and_no_other_file(
    reloading: Any, tmp_path: Path
) -> None:
    (tmp_path / "program.py").write_text("import pack.part\nprint(pack.part.WORD)\n" + LOOP)
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "__init__.py").write_text("")
    (pack / "part.py").write_text("WORD = 'one'")
    (tmp_path / "other.py").write_text("")
    library = tmp_path / ".venv" / "site-packages"
    library.mkdir(parents=True)
    run = reloading("program.py")
    run.until("one")
    (tmp_path / "other.py").write_text("WORD = 1")
    (library / "other.py").write_text("")
    save(pack / "part.py", "WORD = 'two'")  # at once: nothing may be missed after an import
    changed, _two = run.until("two")
    assert changed == f"bleio run --reload: {os.path.join('pack', 'part.py')} has changed."
    save(pack / "__init__.py", "print('pack')")
    run.until("pack")


def test_a_change_of_the_same_length_in_the_same_second(reloading: Any, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import part\nprint(part.WORD)\n" + LOOP)
    part = tmp_path / "part.py"
    for word in ("one", "two", "six"):
        save(part, f"WORD = {word!r}")
        os.utime(part, ns=(10**18, 10**18 + len(word) + ord(word[0])))
        if word == "one":
            run = reloading("program.py")
        run.until(word)


def test_an_error_is_shown_and_the_next_change_waited_for(reloading: Any, tmp_path: Path) -> None:
    program, helper = tmp_path / "program.py", tmp_path / "helper.py"
    program.write_text("import helper\nprint(helper.WORD)\n" + LOOP)
    helper.write_text("WORD = 'first'")
    run = reloading("program.py")
    run.until("first")
    save(helper, "WORD = (")
    assert "SyntaxError: '(' was never closed" in run.until("Waiting for a change")
    save(helper, "import absent\nWORD = 'third'")
    lines = run.until("Waiting for a change")
    assert "ModuleNotFoundError: No module named 'absent'" in lines
    assert lines[-1] == (
        "bleio run --reload: The program has ended with exit code 1."
        " Waiting for a change; Ctrl-C ends."
    )
    save(tmp_path / "absent.py", "print('present')")  # it may be made only now
    run.until("present")
    run.until("third")
    save(program, "x = = 1")
    run.until("Waiting for a change")
    run.process.send_signal(signal.SIGINT)
    assert run.end() == []
    assert run.process.returncode == 130


def test_a_file_that_is_away_for_a_moment_is_waited_for(reloading: Any, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print('first')")
    run = reloading("program.py")
    run.until("The program has ended. Waiting")
    program.unlink()
    threading.Timer(0.7, program.write_text, ("print('second')",)).start()
    assert [line for line in run.until("second") if "Error" in line] == []


def test_what_a_program_does_at_ctrl_c_it_does_before_it_begins_anew(
    reloading: Any, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    text = """
import time
print('up')
try:
    while True:
        time.sleep(1)
finally:
    print('tidy')
"""
    program.write_text(text)
    run = reloading("program.py")
    run.until("up")
    save(program, text + "\n")
    assert run.until("up")[1:] == ["tidy", "up"]


@pytest.mark.parametrize("ending", ["", "threading.Thread(target=spin).start()\n"])
def test_a_program_that_does_not_end_is_ended(reloading: Any, tmp_path: Path, ending: str) -> None:
    program = tmp_path / "program.py"
    text = f"""
import signal, threading, time
def spin():
    while True:
        time.sleep(0.05)
print('up')
signal.signal(signal.SIGINT, signal.SIG_IGN)
{ending or "spin()"}
"""
    program.write_text(text)
    run = reloading("program.py")
    run.until("up")
    save(program, "print('next')")
    run.until("next")


def test_a_module_by_its_name(reloading: Any, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "__main__.py").write_text("import sys\nprint('first', sys.argv[1:])\n" + LOOP)
    run = reloading("-m", "pack", "-v")
    run.until("first ['-v']")
    save(pack / "__main__.py", "print('second')")
    run.until("second")


def test_a_program_that_resets_its_board_is_watched_still(reloading: Any, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import microcontroller, os\n"
        "if not os.path.exists('once'):\n"
        "    open('once', 'w').close()\n"
        "    microcontroller.reset()\n"
        "print('reset')\n" + LOOP
    )
    run = reloading("--board", "program.py")
    run.until("reset")
    save(program, "import board\nprint('anew')")
    run.until("anew")


def test_its_links_end_and_it_is_the_same_device_again(reloading: Any, tmp_path: Path) -> None:
    """On a radio that others share: no peer has to wait for a time-out."""
    radio = f"virtual:reload-{os.getpid()}"
    peripheral = """
import time, _bleio
adapter = _bleio.adapter
adapter.start_advertising(bytes((2, 1, 6)), interval=0.02)
print('address', adapter.address.address_bytes.hex())
while True:
    time.sleep(0.02)
"""
    central = f"""
import sys, time, _bleio
_bleio.set_adapter(_bleio.Adapter({radio!r}))
for round in range(2):
    for found in _bleio.adapter.start_scan():
        if found.connectable:
            _bleio.adapter.stop_scan()
            break
    link = _bleio.adapter.connect(found.address, timeout=10)
    print('linked', round, flush=True)
    began = time.monotonic()
    while link.connected:
        time.sleep(0.02)
    print('gone', flush=True)
"""
    program = tmp_path / "peripheral.py"
    program.write_text(peripheral)
    run = reloading("--adapter", radio, "peripheral.py")
    address = run.until("address")[-1]
    with subprocess.Popen(
        [sys.executable, "-m", "bleio", "run", "-c", central], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "linked 0\n"
        save(program, peripheral + "\n")
        assert run.until("address")[-1] == address
        assert other.stdout.readline() == "gone\n"
        assert other.stdout.readline() == "linked 1\n"
        run.process.send_signal(signal.SIGINT)
        run.end()
        assert other.stdout.readline() == "gone\n"


def test_ctrl_c_at_a_terminal_reaches_the_program_once(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import signal, sys, time\n"
        "count = 0\n"
        "def note(*_):\n    global count\n    count += 1\n"
        "signal.signal(signal.SIGINT, note)\n"
        "print('up')\n"
        "while not count: time.sleep(0.05)\n"
        "time.sleep(0.5)\n"  # for a second one
        "print('times', count)\n"
        "sys.exit(7)\n"
    )
    command = [sys.executable, "-m", "bleio", "run", "--reload", "program.py"]
    with Terminal(command, tmp_path) as terminal:
        terminal.expect("up")
        terminal.press_ctrl_c()
        terminal.expect("times 1")
        assert terminal.end() == 7
        assert terminal.is_sane()


def test_a_signal_to_end_is_passed_on(reloading: Any, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import os\nprint(os.getpid())\n" + LOOP)
    run = reloading("program.py")
    number = int(run._lines.get(timeout=PATIENCE_S))
    run.process.terminate()
    assert run.end() == []
    assert run.process.returncode == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.mark.parametrize("what", [("-",), ("-c", "1")])
def test_what_has_no_file_is_not_watched(what: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bleio", "run", "--reload", *what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert "--reload watches files; name a file, or a module by -m" in done.stderr


@pytest.mark.parametrize("code", [3, -signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL])
def test_what_comes_as_it_ends_changes_nothing(code: int) -> None:
    text = (
        "import os, signal\n"
        "from bleio.cli.running.signals import Signals, end_as\n"
        "with Signals():\n"
        "    for number in (signal.SIGINT, signal.SIGTERM):\n"
        "        os.kill(os.getpid(), number)\n"
        f"end_as({code:d})\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (code, b"")
