"""`bleio run PROGRAM` does what `python PROGRAM` does."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S, as_if_idle
from support.terminal import Terminal

DEADLINE_S = PATIENCE_S

PROGRAMS = {
    "arguments": "import sys; print(sys.argv)",
    "own module": "print(__name__, __file__, __package__, __spec__, __doc__, type(__loader__))",
    "builtins": "print(__builtins__, sorted(globals()))",
    "main module": "import sys; x = 1; print(vars(sys.modules['__main__']) is globals())",
    "search path": "import sys; print(sys.path[0]); import beside; print(beside.NAME)",
    "exit code": "import sys; sys.exit(7)",
    "exit message": "import sys; sys.exit('gone')",
    "exception": "def f():\n    raise ValueError('no')\n\nf()\n",
    "chained exception": "try:\n    1 / 0\nexcept Exception as e:\n    raise OSError(5) from e",
    "error of an ended pipe": "raise BrokenPipeError(32, 'gone')",
    "end of file": "input()",
    "a library's exception": "import click\nraise click.UsageError('mine')",
    "syntax error": "x = (\n",
    "encoding": "# coding: latin-1\nprint('\\N{SNOWMAN}' > '')\n",
    "own excepthook": "import sys\nsys.excepthook = lambda *a: print(a[1])\nraise ValueError('no')",
    "at exit": "import atexit, sys\natexit.register(print, 'end', __name__)\nsys.exit(2)",
    "future is not inherited": "def f(x: int): ...\nprint(f.__annotations__)",
    "pickle": "import pickle\nclass X: ...\nprint(type(pickle.loads(pickle.dumps(X()))) is X)",
    "thread": "import threading\nthreading.Timer(0.05, lambda: print(__name__)).start()",
}


def execute(*command: str, folder: Path) -> tuple[int, str, str]:
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    return ended.returncode, ended.stdout, as_if_idle(ended.stderr)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_cannot_tell_the_difference(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "beside.py").write_text("NAME = __name__")
    (folder / "program.py").write_text(PROGRAMS[name], encoding="utf-8")
    command = ("programs/program.py", "--flag", "run", "--help")
    expected = execute(*command, folder=tmp_path)
    assert execute("-m", "bleio", "run", *command, folder=tmp_path) == expected


MODULES = {
    "a module": ("-m", "module", "-v", "--help"),
    "a package": ("-m", "package"),
    "a module of a package": ("-m", "package.part", "x"),
    "a package without a program": ("-m", "empty"),
    "no module": ("-m", "absent"),
    "a text": ("-c", "import sys; print(sys.argv, sys.path[0], sorted(globals()))", "x"),
    "a text that fails": ("-c", "def f():\n    raise ValueError('no')\n\nf()"),
    "a text that is wrong": ("-c", "x = ("),
}
TELLING = (
    "import sys\nprint(sys.argv, sys.path[0], sorted(globals()))\n"
    "print(__name__, __package__, __file__, __spec__.name)\n"
    "print(vars(sys.modules['__main__']) is globals())\n"
    "import atexit\natexit.register(lambda: print('end', sys.modules['__main__'].__file__))\n"
    "raise ValueError('no')"
)


@pytest.mark.parametrize("name", MODULES)
def test_a_program_that_is_no_file_cannot_tell_the_difference(name: str, tmp_path: Path) -> None:
    for folder in ("package", "empty"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("print('package')")
    for file in ("module", "package/__main__", "package/part"):
        (tmp_path / f"{file}.py").write_text(TELLING)
    expected = execute(*MODULES[name], folder=tmp_path)
    assert execute("-m", "bleio", "run", *MODULES[name], folder=tmp_path) == expected
    script = Path(sys.executable).with_name("bleio")
    if script.exists():  # whose folder is the first of the search path
        done = execute(str(script), "run", *MODULES[name], folder=tmp_path)
        assert done == expected


@pytest.mark.parametrize(
    "text",
    [
        "import sys; print(sys.argv, sys.path[0], sorted(globals()), __name__, __file__)",
        "print('\u00e9')\nraise SystemExit(3)",
        "x = (",
        "def f():\n    raise ValueError('no')\nf()",
        "print(input())",
        "",
    ],
)
def test_a_program_on_standard_input_cannot_tell_the_difference(text: str, tmp_path: Path) -> None:
    ends = []
    for command in ([], ["-m", "bleio", "run"]):
        done = subprocess.run(
            [sys.executable, *command, "-", "x", "-c"],
            cwd=tmp_path,
            input=text.encode(),
            capture_output=True,
            timeout=DEADLINE_S,
        )
        ends.append((done.returncode, done.stdout, done.stderr))
    assert ends[1] == ends[0]


def test_what_is_typed_at_a_terminal_is_executed_line_by_line(tmp_path: Path) -> None:
    with Terminal([sys.executable, "-m", "bleio", "run", "-"], tmp_path) as terminal:
        terminal.expect(">>> ")
        terminal.type("import _bleio; _bleio.__file__[-9:]")
        terminal.expect("'dropin.py'")
        terminal.type("raise SystemExit(5)")
        assert terminal.end() == 5


def test_ctrl_c_ends_the_program_as_it_ends_python(tmp_path: Path) -> None:
    # In slices: Ctrl-C that comes just before Python blocks is seen when that wait ends.
    program = "import time\nprint('up', flush=True)\nwhile True:\n    time.sleep(1)\n"
    (tmp_path / "program.py").write_text(program)
    ends = []
    for command in (["program.py"], ["-m", "bleio", "run", "program.py"]):
        process = subprocess.Popen(
            [sys.executable, *command], cwd=tmp_path, stdout=-1, stderr=-1, text=True
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=DEADLINE_S)
            assert "bleio" not in errors
            ends.append((process.returncode, errors.splitlines()[-1]))
    assert ends[0] == ends[1]


def test_program_gets_our_module(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import _bleio; print(_bleio.__file__)")
    code, output, errors = execute("-m", "bleio", "run", "program.py", folder=tmp_path)
    assert (code, errors) == (0, "")
    assert output.rstrip().endswith("dropin.py")


def test_program_gets_our_module_whatever_has_precedence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLEIO_PRECEDENCE", "0")
    (tmp_path / "_bleio.py").write_text("")
    (tmp_path / "program.py").write_text("import _bleio; print(_bleio.__file__)")
    status, output, _ = execute("-m", "bleio", "run", "program.py", folder=tmp_path)
    assert status == 0
    assert Path(output.strip()).name == "dropin.py"
    assert execute("program.py", folder=tmp_path)[1].strip() == str(tmp_path / "_bleio.py")


def test_isolated_python_keeps_the_search_path(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys; print(sys.path)")
    ours = execute("-I", "-m", "bleio", "run", "program.py", folder=tmp_path)
    assert ours == execute("-I", "program.py", folder=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Missing argument 'PROGRAM'"),
        (("absent.py",), "'absent.py' does not exist"),
        (("."), "'.' is a directory"),
        (("--wrong", "program.py"), "No such option"),
    ],
)
def test_bad_command_lines(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    code, output, errors = execute("-m", "bleio", "run", *arguments, folder=tmp_path)
    assert (code, output) == (2, "")
    assert sentence in errors
    assert "Traceback" not in errors


def test_help(tmp_path: Path) -> None:
    code, output, errors = execute("-m", "bleio", "run", "--help", folder=tmp_path)
    assert (code, errors) == (0, "")
    assert "Run a Python PROGRAM" in output


def test_options_choose_pairing_for_the_program(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import sys, _bleio\n"
        "print(sys.argv[1:], type(_bleio.adapter.pairing_delegate).__name__,\n"
        "      _bleio.adapter.security.secure_connections_only)\n"
    )
    options = ("--pairing", "passkey:123456", "--security=secure-connections-only")
    command = ("-m", "bleio", "run", *options, "program.py", "--pairing", "mine")
    assert execute(*command, folder=tmp_path) == (
        0,
        "['--pairing', 'mine'] FixedPasskey True\n",
        "",
    )


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--pairing=phone", "There is no way of pairing 'phone': choose terminal "),
        ("--pairing=", "There is no way of pairing '': choose terminal "),
        ("--adapter=phone", "There is no adapter 'phone': choose auto "),
        ("--security=strict", "There is no security setting 'strict': choose secure-"),
    ],
)
def test_unknown_words_are_one_sentence(option: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("print('ran')")
    code, output, errors = execute("-m", "bleio", "run", option, "program.py", folder=tmp_path)
    assert (code, output) == (2, "")
    last = errors.splitlines()[-1]
    assert last.startswith("Error: ")
    assert sentence in last


def test_a_pretend_board_is_there_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import board, digitalio\nprint(board.D5)")
    asked = execute("-m", "bleio", "run", "--board", "program.py", folder=tmp_path)
    assert asked == (0, "board.D5\n", "")
    (tmp_path / "digitalio.py").write_text("print('mine')")
    asked = execute("-m", "bleio", "run", "--board", "program.py", folder=tmp_path)
    assert asked == (0, "mine\nboard.D5\n", "")


def test_a_program_that_resets_its_board_begins_anew_in_the_same_process(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import atexit, microcontroller, os, sys\n"
        "print(os.getpid(), sys.argv)\n"
        "atexit.register(print, 'end')\n"
        "if not os.path.exists('once'):\n"
        "    open('once', 'w').close()\n"
        "    microcontroller.reset()\n"
        "sys.exit(3)\n"
    )
    code, output, errors = execute(
        "-m", "bleio", "run", "--board", "program.py", "--flag", folder=tmp_path
    )
    first, end, second, end_again = output.splitlines()
    assert (code, errors, end, end_again) == (3, "", "end", "end")
    assert first == second
    assert first.endswith("['program.py', '--flag']")


def test_the_adapter_is_the_program_s_and_that_of_programs_that_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLEIO_ADAPTER", "os")
    (tmp_path / "program.py").write_text(
        "import os, sys, _bleio\n"
        "_bleio.adapter.enabled = True\n"
        "print(_bleio.adapter.address.type, os.environ['BLEIO_ADAPTER'], sys.argv)\n"
    )
    command = ("-m", "bleio", "run", "--adapter", "virtual", "program.py", "--adapter", "mine")
    assert execute(*command, folder=tmp_path) == (
        0,
        "1 virtual ['program.py', '--adapter', 'mine']\n",
        "",
    )


SCAN = "import _bleio\nprint(list(_bleio.adapter.start_scan(timeout=0.1)))\n"


@pytest.mark.parametrize("ending", ["", "raise SystemExit(4)\n", "import os; os.chdir('/')\n"])
def test_a_capture_says_what_is_in_it_and_how_to_look(tmp_path: Path, ending: str) -> None:
    (tmp_path / "program.py").write_text(ending.replace("raise", SCAN + "raise") or SCAN)
    if "chdir" in ending:  # a relative name is meant from where the command was typed
        (tmp_path / "program.py").write_text(ending + SCAN)
    options = ("--adapter=virtual", "--capture", "my air.pcapng")
    code, output, errors = execute(*("-m", "bleio", "run", *options, "program.py"), folder=tmp_path)
    assert (code, output) == (4 if "Exit" in ending else 0, "[]\n")
    match = re.fullmatch(
        r"bleio run --capture: (\d+) packets in my air.pcapng;"
        r" to look at them:  bleio decode 'my air.pcapng'\n",
        errors,
    )
    assert match, errors
    shown = execute("-m", "bleio", "decode", "--json", "my air.pcapng", folder=tmp_path)[1]
    assert len(shown.splitlines()) == int(match[1]) > 5


def test_a_capture_of_nothing_says_so(tmp_path: Path) -> None:
    command = ("-m", "bleio", "run", "--capture", "air.pcapng", "-c", "pass")
    code, output, errors = execute(*command, folder=tmp_path)
    assert (code, output) == (0, "")
    assert errors == (
        "bleio run --capture: nothing was captured, for the program has opened no adapter\n"
    )


def test_a_capture_that_cannot_be_is_refused_before_the_program_begins(tmp_path: Path) -> None:
    command = ("-m", "bleio", "run", "--capture", "no/air.pcapng", "-c", "print('ran')")
    code, output, errors = execute(*command, folder=tmp_path)
    assert (code, output) == (1, "")
    assert "there is no such folder" in errors
