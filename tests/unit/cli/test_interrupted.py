"""Ctrl-C at any moment: no traceback, one exit code, and a terminal as it was."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bleio.cli.main import COMMANDS
from support.patience import PATIENCE_S
from support.terminal import Terminal

# Runs bleio and presses Ctrl-C when a module is imported, or a function is called: a moment of the
# program, not of the clock.
PROGRAM = """
import os, signal, sys, threading
where, arguments = sys.argv[1], sys.argv[2:]
pressed = False

def press():
    global pressed
    if not pressed:
        pressed = True
        os.kill(os.getpid(), signal.SIGINT)

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == where:
            press()

def watch(frame, event, argument):
    if event == "call" and not pressed:
        module, name = frame.f_globals.get("__name__"), frame.f_code.co_name
        if f"{module}:{name}" == where:
            press()

sys.meta_path.insert(0, Finder())
if ":" in where:
    threading.setprofile(watch)
    sys.setprofile(watch)
sys.argv = ["bleio", *arguments]
from bleio.__main__ import main
main()
"""
SCAN = ["scan", "--adapter", "virtual", "--duration", "1"]
MOMENTS_OF_SCAN = [
    "click",
    "bleio.cli.main",
    "bleio.cli.scan",
    "bleio.api",
    "asyncio",
    "bleio.backends.hci",
    "bleio.cli.shared.options:_checked_adapter",
    "bleio.cli.scanning.listening:listen",
    "bleio.backends.hci.backend:open",
    "bleio.cli.scanning.lines:begin",
    "bleio.cli.scanning.lines:tick",
    "bleio.cli.scanning.lines:end",
    "bleio.cli.scan:_summarize",
]
# Commands that wait for something on a radio where nobody is.
WAITING = {
    "advertise": ["--name", "x"],
    "clone": ["Nobody"],
    "explore": ["Nobody"],
    "notify": ["Nobody", "2a37"],
    "read": ["Nobody", "2a19"],
    "scan": [],
    "write": ["Nobody", "2a19", "00"],
}
MOMENTS = [
    "asyncio",
    "bleio.runtime.engine",
    "bleio.cli.shared.running:finish",
    "bleio.backends.hci.backend:open",
    "bleio.runtime.awaiting:finished",
    "bleio.cli.devices.finding:listen",
]


def interrupted(moment: str, arguments: list[str], folder: Path) -> None:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), moment, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    assert done.returncode == 130, done.stderr


@pytest.mark.parametrize("moment", MOMENTS_OF_SCAN)
def test_ctrl_c_at_each_step_of_a_scan(moment: str, tmp_path: Path) -> None:
    interrupted(moment, SCAN, tmp_path)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", WAITING)
def test_ctrl_c_in_commands_that_wait(name: str, moment: str, tmp_path: Path) -> None:
    if name not in COMMANDS:
        pytest.skip("is not there")
    if moment.startswith("bleio.cli.devices") and name in ("scan", "advertise"):
        pytest.skip("looks for no device")
    interrupted(moment, [name, "--adapter", "virtual", *WAITING[name]], tmp_path)


@pytest.mark.parametrize("presses", [1, 2, 5])
def test_ctrl_c_several_times_on_a_terminal(presses: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bleio", "scan", "--adapter", "virtual"]
    with Terminal(command, tmp_path, (80, 24)) as shown:
        shown.expect_picture(lambda lines: "Scan on virtual" in lines[0], "the table")
        for _ in range(presses):
            shown.press_ctrl_c()
        assert shown.end() in (130, -signal.SIGINT)
        assert "Traceback" not in shown.shown
        assert "\x1b[?1049l" in shown.shown
        assert shown.is_sane()


def test_nothing_is_loaded_from_files_before_ctrl_c_is_taken() -> None:
    code = (
        "import sys, bleio; before = {*sys.modules}; import bleio.__main__;"
        "print(*{*sys.modules} - before - {*sys.builtin_module_names})"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout.split() == ["bleio.__main__"]
