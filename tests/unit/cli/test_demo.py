"""`bleio demo`: two programs, explained as they run; nothing but bleio is needed for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bleio.cli.demonstration import stage
from bleio.cli.demonstration.story import STEPS, Story
from support.patience import PATIENCE_S
from support.schemas import checked_lines
from support.terminal import Terminal

DEMO = (sys.executable, "-m", "bleio", "demo")


def run(
    *arguments: str, folder: Path, command: tuple[str, ...] = DEMO, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=None if not environment else {**stage.os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_it_is_worth_looking_at(tmp_path: Path) -> None:
    """Also where the environment would make something else of its programs."""
    done = run(
        folder=tmp_path,
        BLEIO_ADAPTER="os",
        BLEIO_SECURITY="method=passkey-entry",
        BLEIO_CAPTURE="x",
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for step in STEPS:
        assert not step.text or f"          |   {step.text}" in lines
    assert "\x1b" not in done.stdout
    assert max(map(len, lines)) <= 90
    assert any("monitor -> reader  ATT Notification Heart Rate" in line for line in lines)
    assert "  bleio demo --programs ." in lines
    assert list(tmp_path.iterdir()) == []


def test_objects(tmp_path: Path) -> None:
    done = run("--json", folder=tmp_path)
    assert done.returncode == 0
    events = checked_lines("demo", done.stdout)
    assert events[0]["event"] == "begin"
    assert events[-1]["event"] == "end"
    assert events[-1]["done"] is True
    assert events[-1]["packets"] > 30
    assert {event["program"] for event in events[1:-1]} == {"monitor", "reader"}


def test_what_it_tells_to_type_next_works(tmp_path: Path) -> None:
    done = run("--programs", ".", folder=tmp_path)
    assert done.returncode == 0
    sim = (sys.executable, "-m", "bleio", "sim", "monitor.py", "reader.py", "--trace")
    told = run(folder=tmp_path, command=sim)
    assert told.returncode == 0
    assert "reader] Reading: " in told.stdout
    assert "monitor -> reader  ATT Notification Heart Rate Measurement" in told.stdout
    again = run("--programs", ".", folder=tmp_path)
    assert again.returncode == 1
    assert "it is there already" in again.stderr


def test_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    with Terminal(list(DEMO), tmp_path) as terminal:
        terminal.expect("Connected")
        terminal.press_ctrl_c()
        assert terminal.end() == 130
        assert "Traceback" not in terminal.shown


def test_what_does_not_happen_is_said() -> None:
    story = Story()
    for step in STEPS[:-1]:
        line = step.pattern.replace("[0-9a-f:]{17}", "00:" * 5 + "00")
        line = line.replace(r"-?\d+", "-60").replace(r"\d+", "70")
        assert story.heard(step.program, line) == step.text
    assert story.lacking() == "the monitor has not come to 'Disconnected'"


@pytest.mark.parametrize(
    ("prefix", "typed"),
    [
        ("/home/me/.cache/pipx/abc", "pipx run bleio"),
        ("/home/me/.cache/uv/archive-v0/abc", "uvx bleio"),
        ("/home/me/venv", "bleio"),
    ],
)
def test_what_to_type_is_what_can_be_typed(
    prefix: str, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setenv("PATH", "/nowhere")
    assert stage.how_to_type() == typed


def test_whoever_reads_no_more_ends_it(tmp_path: Path) -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        assert demo.stdout.read(10)
        demo.stdout.close()
        assert demo.wait(PATIENCE_S) == 141
        assert demo.stderr is not None
        assert demo.stderr.read() == b""
