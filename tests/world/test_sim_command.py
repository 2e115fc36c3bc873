"""The command `bleio sim`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def sim(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bleio", "sim", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.interop
def test_two_programs_talk_and_the_time_is_over() -> None:
    pair = (EXAMPLES / "heart_rate_peripheral.py", EXAMPLES / "heart_rate_central.py")
    done = sim(*pair, "--for", "60s", "--seed", "4")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(
        re.match(r"\[ *\d+\.\d{6} heart_rate_(central|peripheral)\] ", each) for each in lines
    )
    assert lines[0] == "[    0.000000 heart_rate_central] Scanning"
    assert sum("Reading:" in line for line in lines) == 5
    assert sim(*pair, "--for", "1min", "--seed", "4").stdout == done.stdout
    assert sim(*pair, "--for", "60s", "--seed", "5").stdout != done.stdout


def test_it_ends_with_its_programs(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import time\ntime.sleep(7200)\nprint('done')")
    done = sim("code.py", "--for", "10h", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "[ 7200.000000 code] done\n")


def test_a_failing_program_fails_the_command(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import time\ntime.sleep(1)\nraise ValueError('no')")
    done = sim("bad.py", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "Error: bad failed at 1.000000 s: ValueError: no\n"
    assert "[    1.000000 bad] ValueError: no\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--for", "soon"), "'soon' is no time"),
        (("--seed", "x"), "not a valid integer"),
        (("missing.py",), "does not exist"),
        ((), "Missing argument"),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = sim(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for a child there")
def test_ctrl_c_ends_it_while_programs_run_for_ever(tmp_path: Path) -> None:
    (tmp_path / "spin.py").write_text("import time\nprint('running')\nwhile True: time.monotonic()")
    with subprocess.Popen(
        [sys.executable, "-m", "bleio", "sim", "spin.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("running\n")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
