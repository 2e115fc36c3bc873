"""`bleio run PROGRAM` does what `python PROGRAM` does."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

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
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_cannot_tell_the_difference(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "beside.py").write_text("NAME = __name__")
    (folder / "program.py").write_text(PROGRAMS[name], encoding="utf-8")
    command = ("programs/program.py", "--flag", "run", "--help")
    expected = execute(*command, folder=tmp_path)
    assert execute("-m", "bleio", "run", *command, folder=tmp_path) == expected


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
        ("--pairing=phone", "Error: There is no way of pairing 'phone': choose terminal "),
        ("--pairing=", "Error: There is no way of pairing '': choose terminal "),
        ("--security=strict", "Error: There is no security setting 'strict': choose secure-"),
    ],
)
def test_unknown_words_are_one_sentence(option: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("print('ran')")
    code, output, errors = execute("-m", "bleio", "run", option, "program.py", folder=tmp_path)
    assert (code, output) == (2, "")
    assert errors.splitlines()[-1].startswith(sentence)


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
