"""Which `_bleio` a program gets, by what a Python of its own answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bleio.cli.diagnosis import modules
from bleio.cli.diagnosis.findings import NOTE, OK, PROBLEM, TIMED_OUT

HOME = "/env/lib/python3.11/site-packages/bleio"
PTH = "/env/lib/python3.11/site-packages/bleio-precedence.pth"
BLINKA = "/env/lib/python3.11/site-packages/_bleio/__init__.py"
OURS: dict[str, Any] = {
    "started": True,
    "finder": True,
    "gives_ours": True,
    "gives": None,
    "other": None,
    "bleio": f"{HOME}/__init__.py",
    "pth": [PTH],
    "no_site": 0,
    "isolated": 0,
    "cwd": "/home",
}
THEIRS = OURS | {"gives_ours": False, "finder": False, "gives": BLINKA, "other": BLINKA}


def said(answer: dict[str, Any], **environment: str) -> list[tuple[str, str]]:
    return [
        (each.state, " ".join((each.text, *each.to_do)))
        for each in modules.judged(answer, environment, HOME)
    ]


def test_ours() -> None:
    ((state, text),) = said(OURS)
    assert state == OK
    assert f"of {HOME}, by its finder, which {PTH} puts first" in text


def test_another_beside_it() -> None:
    (_, (state, text)) = said(OURS | {"other": BLINKA})
    assert state == NOTE
    assert BLINKA in text and "BLEIO_PRECEDENCE=0" in text


CASES = {
    "precedence": (THEIRS, {"BLEIO_PRECEDENCE": "0"}, NOTE, "as BLEIO_PRECEDENCE=0 asks"),
    "-S": (THEIRS | {"no_site": 1}, {}, PROBLEM, "started with -S, which reads no .pth files"),
    "PYTHONPATH": (THEIRS | {"pth": []}, {}, PROBLEM, "no bleio-precedence.pth in a folder where"),
    "other finder": (THEIRS | {"finder": True}, {}, PROBLEM, "another finder comes first"),
    "unread": (THEIRS, {}, PROBLEM, f"{PTH} was not read"),
    "nothing": (THEIRS | {"gives": None, "pth": []}, {}, PROBLEM, "import _bleio finds nothing"),
    "local": (THEIRS | {"gives": "/home/_bleio.py"}, {}, PROBLEM, "a _bleio of the current folder"),
    "local folder": (
        THEIRS | {"gives": "/home/_bleio/__init__.py"},
        {},
        PROBLEM,
        "a _bleio of the current folder: /home/_bleio/__init__.py",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_why_it_is_not_ours(case: str) -> None:
    answer, environment, state, words = CASES[case]
    ((found, text),) = said(answer, **environment)
    assert found == state
    assert words in text
    assert "bleio run PROGRAM.py gives a program bleio's in any case." in text


def test_bleio_itself_is_another_or_not_found() -> None:
    (_, (state, text)) = said(OURS | {"bleio": "/home/bleio.py"})
    assert state == PROBLEM and "finds another bleio: /home/bleio.py" in text
    (_, (state, text)) = said(OURS | {"bleio": None})
    assert state == PROBLEM and "does not find bleio" in text


# A real Python


def asked(folder: Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("BLEIO_PRECEDENCE", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return "\n".join(each.text for each in modules.look_at_module({**os.environ}))


def test_a_local_module_shadows_where_ours_has_no_precedence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "_bleio.py").write_text("raise SystemExit('imported')")
    text = asked(tmp_path, monkeypatch)
    assert "import _bleio gives bleio's" in text
    assert f"a _bleio of the current folder is there too: {tmp_path}/_bleio.py" in text
    text = asked(tmp_path, monkeypatch, BLEIO_PRECEDENCE="0")
    assert f"import _bleio gives a _bleio of the current folder: {tmp_path}/_bleio.py" in text


def test_a_local_bleio_shadows_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The .pth file has imported the right one by then; without it, the file of that name wins."""
    (tmp_path / "bleio.py").write_text("raise SystemExit('imported')")
    text = asked(tmp_path, monkeypatch, BLEIO_PRECEDENCE="0")
    assert "import _bleio gives" in text


def test_a_python_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*args: Any, **options: Any) -> Any:
        raise subprocess.TimeoutExpired(args, options["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    (found,) = modules.look_at_module()
    assert found.state == TIMED_OUT


def test_a_python_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    (found,) = modules.look_at_module()
    assert found.state == PROBLEM


def test_versions() -> None:
    python, system, there, *_ = [each.text for each in modules.look_at_versions()]
    assert python.startswith(("CPython 3.", "PyPy"))
    assert system
    assert "bumble " in there and "bleak " in there
