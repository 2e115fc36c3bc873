"""The command `bleio campaign`."""

from __future__ import annotations

from typing import Any

import pytest

from support.patience import PATIENCE_S
from support.studies import STUDY, WORLDS, Study


def test_the_summary_is_shown_and_nothing_is_run_twice(
    study: Study, undisturbed: list[dict[str, Any]]
) -> None:
    table = study.run("--workers", "2")
    lines = [line.split() for line in table.splitlines()]
    assert lines[0][:5] == ["loss", "name", "worlds", "failed", "heard"]
    assert [line[:4] for line in lines[1:]] == [
        ["0.0", "a", "40", "0"],
        ["0.0", "b", "40", "0"],
        ["0.3", "a", "40", "0"],
        ["0.3", "b", "40", "0"],
    ]
    assert study.rows() == undisturbed
    assert study.run() == table
    assert len(study.ran()) == WORLDS
    study.run("--seeds", "41")
    assert len(study.ran()) == WORLDS + 4
    study.run("--workers", "1", "--seeds", "1", "--fresh")
    assert (len(study.ran()), len(study.rows())) == (WORLDS + 8, 4)
    study.run("--workers", "1", "--seeds", "7-8")
    assert [row["seed"] for row in study.rows()[::4]] == [0, 7, 8]


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.02", "0.03"), ('len(heard), "any"', 'len(heard) + 1, "any"'), ('"b"]', '"c"]')],
)
def test_a_changed_campaign_does_not_go_on(study: Study, old: str, new: str) -> None:
    study.run("--workers", "1", "--seeds", "1")
    study.change(old, new)
    said = study.run("--workers", "1", "--seeds", "1", code=1)
    assert said.startswith("Error: The results in ")
    assert "--fresh" in said
    assert len(study.ran()) == 4
    study.run("--workers", "1", "--seeds", "1", "--results", "other.jsonl")
    study.run("--workers", "1", "--seeds", "1", "--fresh")


def test_programs_are_beside_the_scenario_and_belong_to_it(study: Study) -> None:
    programs = study.folder / "sub" / "programs"
    programs.mkdir(parents=True)
    (programs / "hello.py").write_text("import words\nprint(words.WORD)")
    (programs / "words.py").write_text("WORD = 'hello'")
    (programs.parent / "tools.py").write_text("def length(text): return len(text)\n")
    (programs.parent / "other.py").write_text(
        "import tools\n"
        "grid = {'a': [1]}\n"
        "def scenario(world, a):\n"
        "    device = world.add('programs/hello.py')\n"
        "    world.run()\n"
        "    return tools.length(device.text)\n"
    )
    said = study.run("--workers", "1", "--seeds", "2", file="sub/other.py")
    assert said.splitlines()[1].split()[:4] == ["1", "2", "0", "6"]
    assert (study.folder / "other.jsonl").exists()
    (programs / "words.py").write_text("WORD = 'bye'")
    said = study.run("--workers", "1", "--seeds", "2", code=1, file="sub/other.py")
    assert "or a file that it uses, was changed" in said


def test_worlds_that_fail_are_kept_and_can_be_seen(study: Study) -> None:
    study.change("    time.sleep(1)\n", "    time.sleep(0.1)\n    print('end', 1 / 0)\n")
    said = study.run("--workers", "1", "--seeds", "2", code=1)
    assert "failed by DeviceFailed: beacon failed at " in said
    label = "seed=0,loss=0.0,name=a"
    assert f"to see it:   bleio campaign study.py --again {label}" in said
    row = study.rows()[0]
    assert row["error"].endswith("ZeroDivisionError: division by zero")
    capture = study.folder / row["capture"]
    assert capture.name == "seed_0_loss_0.0_name_a_0.pcapng"
    assert capture.stat().st_size > 500
    shown = study.run("--again", label, code=1)
    assert 'beacon]   File "' in shown
    assert row["error"] in shown
    assert len(study.rows()) == 8
    said = study.run("--again", "seed=0,loss=9,name=a", code=2)
    assert "is no world of this campaign, such as seed=0,loss=0.0,name=a" in said


@pytest.mark.parametrize(
    ("text", "arguments", "complaint"),
    [
        ("grid = {}", [], "has no scenario at its top level"),
        ("def scenario(world): pass", [], "has no grid at its top level"),
        ("1 / 0", [], "study.py cannot be loaded: ZeroDivisionError"),
        ("def (", [], "study.py cannot be loaded: SyntaxError"),
        ("scenario = lambda world, a: 1\ngrid = {'a': [1]}", [], "at the top level of a file"),
        ("def scenario(world, a): return 1\ngrid = {'a': 1}", [], "such as a=[1]"),
        (
            "def scenario(world, a): return 1\ngrid = {'b': [1]}",
            [],
            "scenario(world, a) does not take the parameters of the grid, b: missing a required"
            " argument: 'a'",
        ),
        (
            "def scenario(world, a): return 1\ngrid = {'a': [1]}\ndef world(): return {}",
            [],
            "world() does not take the parameters of the grid, a: got an unexpected keyword",
        ),
        (STUDY, ["--on", "dask"], "is no place such as dask:tcp://192.0.2.1:8786"),
        (STUDY, ["--on", "spark:x"], "is no place such as dask:tcp://192.0.2.1:8786"),
        (STUDY, ["--on", "dask:x:1", "--workers", "2"], "--workers is for this machine"),
        *((STUDY, ["--seeds", seeds], "nor seeds such as") for seeds in ("0", "-1", "9-8", "x")),
        (STUDY, ["--results", "study.py"], "has no results of a campaign, and stays as it is"),
        (STUDY, ["--results", "study.py", "--fresh"], "stays as it is"),
        (STUDY, ["--results", "none/x.jsonl"], "Cannot use"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    study: Study, text: str, arguments: list[str], complaint: str
) -> None:
    study.file.write_text(text)
    process = study.start(*arguments)
    said, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (1, 2)
    assert said == ""
    assert complaint in errors
    assert study.file.read_text() == text
    assert not study.ran()


def test_a_model_is_shown_beside_what_was_found_and_drawn(study: Study) -> None:
    pytest.importorskip("matplotlib", reason="draws")
    with study.file.open("a") as file:
        file.write("def expected(loss, name): return {'heard': 10 * (1 - loss)}\n")
    said = study.run("--workers", "1", "--seeds", "2", "--plot", "picture.png")
    assert "heard expected" in said.splitlines()[0]
    assert (study.folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    said = study.run("--workers", "1", "--seeds", "2", "--plot", "picture.what", code=1)
    assert "Error: " in said
