"""Ctrl-C at any moment: no traceback, one exit code, and a terminal as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bleio.cli.main import COMMANDS
from support.patience import PATIENCE_S
from support.terminal import Terminal

# Runs bleio and presses Ctrl-C when a module is imported, or a function is called: at moments of
# the program, not of the clock, one after the other. At its end it says which have not come.
PROGRAM = """
import atexit, functools, importlib.util, os, signal, sys, types
number, left, arguments = int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:]

def came(moment):
    if left and left[0] == moment:
        del left[0]
        os.kill(os.getpid(), number)

def watch(module, names):
    for each in (module, *(each for each in vars(module).values() if isinstance(each, type))):
        for name in names & {*vars(each)}:
            function = vars(each)[name]
            if isinstance(function, types.FunctionType):
                setattr(each, name, telling(function, f"{module.__name__}:{name}"))

def telling(function, moment):
    @functools.wraps(function)
    def told(*args, **options):
        came(moment)
        return function(*args, **options)
    return told

class Finder:
    def find_spec(self, module, path=None, target=None):
        came(module)
        names = {each.partition(":")[2] for each in left if each.startswith(f"{module}:")}
        if not names:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(module)
        sys.meta_path.insert(0, self)
        execute = spec.loader.exec_module
        def executed(module):
            execute(module)
            watch(module, names)
        spec.loader.exec_module = executed
        return spec

@atexit.register
def last():
    came("last")
    if left:
        print("These moments have not come:", *left, file=sys.stderr)

sys.meta_path.insert(0, Finder())
for each in left:
    if (name := each.partition(":")[0]) in sys.modules:
        watch(sys.modules[name], {each.partition(":")[2]})
if "impatient" in os.environ:
    import bleio.cli.ending
    bleio.cli.ending._SAME_WISH_S = 0
sys.argv = ["bleio", *arguments]
from bleio.__main__ import main
main()
"""
# Processes that it starts read it, too.
PROGRAM = f"if __name__ == '__main__':\n{textwrap.indent(PROGRAM, '    ')}"
SCAN = ["scan", "--adapter", "virtual", "--duration", "300ms"]
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


# From where a command waits, or computes, through each step of its end.
KILLS = [signal.SIGTERM, signal.SIGHUP]
AWAITED_END = [
    "asyncio.runners:_cancel_all_tasks",
    "asyncio.base_events:shutdown_asyncgens",
    "bleio.cli.shared.running:_raise_if_ended",
]
END = ["bleio.cli.ending:calm", "threading:_shutdown", "last"]
ENGINES_END = [*END[:2], "bleio.runtime.portal:stop", "bleio.runtime.portal:_shut_down_all", "last"]
FINDING = ["bleio.cli.devices.finding:_listen", *AWAITED_END, *ENGINES_END]
PROGRAMS = {
    "sleep.py": "import time\nwhile True: time.sleep(1)",
    "study.py": "grid = {}\ndef scenario(world):\n    world.run_for(1)\n    return {'number': 1}",
}
# Name: (arguments, moments, exit code)
ENDINGS = {
    "advertise": (
        ["--adapter", "virtual", "--name", "x"],
        ["bleio.cli.advertise:_serve", *AWAITED_END, *ENGINES_END],
        130,
    ),
    "campaign": (
        ["study.py", "--seeds", "2000", "--workers", "1"],
        ["bleio.testing.campaigns.running:_note", *END],
        130,
    ),
    "capture": (
        ["--adapter", "virtual:x", "air.pcapng"],
        ["bleio.cli.capturing.air:_record", *AWAITED_END, "bleio.cli.capturing.sinks:close", *END],
        130,
    ),
    "clone": (["Nobody", "--adapter", "virtual"], FINDING, 130),
    "demo": (
        [],
        ["bleio.cli.demo:line", "bleio.cli.demonstration.stage:__aexit__", *AWAITED_END, *END],
        130,
    ),
    "doctor": ([], ["bleio.cli.diagnosis.bounded:bounded", "bleio.cli.ending:calm", "last"], 130),
    "explore": (["Nobody", "--adapter", "virtual"], FINDING, 130),
    "hunt": (
        ["sleep.py", "--no-faults", "--seeds", "2000", "--within", "1s"],
        ["bleio.testing.hunt.search:_check", "bleio.cli.hunt:_tell", *END],
        130,
    ),
    "notify": (["Nobody", "2a37", "--adapter", "virtual"], FINDING, 130),
    "radio": (
        ["x"],
        ["bleio.cli.radio:ready", "bleio.cli.radio:ended", AWAITED_END[1], *END],
        0,
    ),
    "read": (["Nobody", "2a19", "--adapter", "virtual"], FINDING, 130),
    "scan": (
        ["--adapter", "virtual"],
        [
            "bleio.cli.scanning.lines:tick",
            "bleio.cli.scanning.lines:end",
            *AWAITED_END,
            "bleio.cli.scan:_summarize",
            *ENGINES_END,
        ],
        130,
    ),
    "sim": (
        ["sleep.py", "--real-time", "--capture", "air.pcapng"],
        ["bleio.testing.timing.watching:_comes", "bleio.testing.world:close", *END],
        130,
    ),
    "write": (["Nobody", "2a19", "00", "--adapter", "virtual"], FINDING, 130),
}


def started(
    moments: list[str], arguments: list[str], folder: Path, number: int = signal.SIGINT
) -> list[str]:
    """Return the command line of bleio with presses."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    for name, text in PROGRAMS.items():
        (folder / name).write_text(text)
    return [sys.executable, str(program), str(int(number)), ",".join(moments), *arguments]


def interrupted(
    moments: list[str],
    arguments: list[str],
    folder: Path,
    number: int = signal.SIGINT,
    code: int = 130,
    **environment: str,
) -> None:
    """Run bleio with presses."""
    done = subprocess.run(
        started(moments, arguments, folder, number),
        cwd=folder,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    assert "impatient" in environment or "These moments" not in done.stderr, done.stderr


@pytest.mark.parametrize("moment", MOMENTS_OF_SCAN)
def test_ctrl_c_at_each_step_of_a_scan(moment: str, tmp_path: Path) -> None:
    interrupted([moment], SCAN, tmp_path)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", WAITING)
def test_ctrl_c_in_commands_that_wait(name: str, moment: str, tmp_path: Path) -> None:
    if name not in COMMANDS:
        pytest.skip("is not there")
    if moment.startswith("bleio.cli.devices") and name in ("scan", "advertise"):
        pytest.skip("looks for no device")
    interrupted([moment], [name, "--adapter", "virtual", *WAITING[name]], tmp_path)


@pytest.mark.parametrize("name", ENDINGS)
def test_further_ones_change_nothing(name: str, tmp_path: Path) -> None:
    arguments, moments, code = ENDINGS[name]
    interrupted(moments, [name, *arguments], tmp_path, code=code)


@pytest.mark.parametrize("name", ENDINGS)
def test_one_that_comes_a_while_later_ends_it_at_once(name: str, tmp_path: Path) -> None:
    arguments, moments, _ = ENDINGS[name]
    interrupted(moments, [name, *arguments], tmp_path, impatient="1")


@pytest.mark.parametrize("number", KILLS)
@pytest.mark.parametrize("name", ["scan", "radio", "sim", "demo"])
def test_what_kills_several_times(name: str, number: signal.Signals, tmp_path: Path) -> None:
    arguments, moments, code = ENDINGS[name]
    interrupted(moments, [name, *arguments], tmp_path, number, code and 128 + number)


def in_terminal(moments: list[str], arguments: list[str], folder: Path, **more: str) -> Terminal:
    return Terminal(started(moments, arguments, folder), folder, (80, 24), **more)


TABLE = [
    "bleio.cli.scanning.table:_draw",
    "bleio.cli.scanning.table:end",
    "rich.live:stop",
    "rich.console:set_alt_screen",
    "bleio.cli.shared.log:end",
    *AWAITED_END,
    "bleio.cli.scan:_summarize",
    *ENGINES_END,
]


@pytest.mark.parametrize("first", range(len(TABLE)))
@pytest.mark.parametrize("patience", ["", "impatient"])
def test_the_table_leaves_the_terminal_as_it_was(first: int, patience: str, tmp_path: Path) -> None:
    """The first press falls into the table's own end, too, and each of the others after it."""
    more = {patience: "1"} if patience else {}
    arguments = ["scan", "--adapter", "virtual", "--duration", "300ms"]
    with in_terminal(TABLE[first:], arguments, tmp_path, **more) as shown:
        assert shown.end() == 130
        assert "Traceback" not in shown.shown
        assert "Exception ignored" not in shown.shown
        assert shown.shown.count("\x1b[?1049h") <= shown.shown.count("\x1b[?1049l")
        assert shown.shown.rfind("\x1b[?25l") < shown.shown.rfind("\x1b[?25h")
        assert shown.is_sane()


@pytest.mark.parametrize(
    ("name", "code"), [("advertise", 129), ("demo", 129), ("radio", 0), ("scan", 129)]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_terminal_that_is_closed(name: str, code: int, unbuffered: str, tmp_path: Path) -> None:
    arguments = ENDINGS[name][0]
    command = [sys.executable, "-m", "bleio", name, *arguments]
    more = {"XDG_RUNTIME_DIR": str(tmp_path), "PYTHONUNBUFFERED": unbuffered}
    with Terminal(command, tmp_path, (80, 24), **more) as shown:
        begun = {"advertise": "Ctrl-C ends", "demo": "monitor", "radio": "Ready", "scan": "Scan on"}
        shown.expect(begun[name])
        assert shown.hang_up() == code


@pytest.mark.parametrize("presses", [1, 2, 5])
def test_ctrl_c_several_times_on_a_terminal(presses: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bleio", "scan", "--adapter", "virtual"]
    with Terminal(command, tmp_path, (80, 24)) as shown:
        shown.expect_picture(lambda lines: "Scan on virtual" in lines[0], "the table")
        for _ in range(presses):
            shown.press_ctrl_c()
        assert shown.end() == 130
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
