"""The file of a campaign: what it goes on with, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from bleio.testing import CampaignError, Results
from bleio.testing.campaigns import results
from bleio.testing.campaigns.plan import Plan
from bleio.testing.campaigns.results import ResultsFile
from bleio.testing.campaigns.scenario import Scenario
from bleio.testing.campaigns.worlds import Outcome

GRID = {"a": [1, 2]}


def scenario(digest: str = "d", function: str = "scenario") -> Scenario:
    return Scenario("/", "study.py", None, function, {}, {}, digest)


def write(
    path: Path,
    outcomes: Iterable[Outcome] = (),
    *,
    sent: Scenario | None = None,
    plan: Plan | None = None,
    fresh: bool = False,
) -> Plan:
    """Open the file, add rows and close it. Returns: the plan, with what is done."""
    plan = plan or Plan(GRID, 3)
    file = ResultsFile(path, sent or scenario(), plan, fresh=fresh)
    try:
        file.add(outcomes)
    finally:
        file.close()
    return plan


def row(seed: int, a: int, **more: object) -> Outcome:
    return Outcome({"seed": seed, "a": a, **more})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.jsonl"


def test_rows_are_lines_and_are_known_again(path: Path) -> None:
    write(path, [row(0, 1, x=1.5), row(1, 2, x=None)])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[1:] == [{"seed": 0, "a": 1, "x": 1.5}, {"seed": 1, "a": 2, "x": None}]
    assert lines[0]["campaign"]["scenario"] == "study.py:scenario"
    assert list(write(path).left()) == [(1, 0), (0, 1), (0, 2), (1, 2)]
    assert list(Results(path)) == lines[1:]
    assert len(Results(path)) == 2


def test_wherever_it_was_killed_it_goes_on_and_ends_the_same(path: Path) -> None:
    write(path, [row(0, 1, x=1), row(0, 2, x=2)])
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        done = write(path).done
        assert done == max(0, whole[:length].count(b"\n") - 1)
        write(path, [row(0, a, x=a) for a in (1, 2)][done:])
        assert path.read_bytes().splitlines(keepends=True) == lines


@pytest.mark.parametrize(
    ("sent", "plan", "complaint"),
    [
        (scenario("e"), None, "before the scenario, or a file that it uses, was changed"),
        (scenario(function="other"), None, "are of study.py:scenario, not of study.py:other"),
        (None, Plan({"a": [1, 2, 3]}, 3), "of other parameters"),
        (None, Plan({"b": [1, 2]}, 3), "of other parameters"),
    ],
)
def test_another_campaign_is_refused(
    path: Path, sent: Scenario | None, plan: Plan | None, complaint: str
) -> None:
    write(path, [row(0, 1)])
    before = path.read_bytes()
    with pytest.raises(CampaignError, match=complaint):
        write(path, sent=sent, plan=plan)
    assert path.read_bytes() == before
    write(path, sent=sent, plan=plan, fresh=True)
    assert len(Results(path)) == 0


def test_another_version_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path)
    monkeypatch.setattr(results, "__version__", "99")
    with pytest.raises(CampaignError, match=r"are of bleio .*, and this is 99"):
        write(path)


def test_more_seeds_are_the_same_campaign(path: Path) -> None:
    write(path, [row(seed, a) for seed in range(3) for a in (1, 2)])
    assert write(path, plan=Plan(GRID, 4)).done == 6
    assert write(path, plan=Plan(GRID, [1, 9])).done == 2


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    "content", [b"print('mine')\n", b"x", b'{"a": 1}\n', b"[]\n", b'{"campaign": 3}\n', b'{"cant']
)
def test_files_that_are_something_else_are_left_alone(
    path: Path, content: bytes, fresh: bool
) -> None:
    path.write_bytes(content)
    with pytest.raises(CampaignError, match="stays as it is"):
        write(path, fresh=fresh)
    assert path.read_bytes() == content
    with pytest.raises(CampaignError):
        Results(path)


def test_a_file_that_was_begun_is_gone_on_with(path: Path) -> None:
    path.write_bytes(b'{"camp')
    write(path, [row(0, 1)])
    assert len(Results(path)) == 1


@pytest.mark.parametrize("line", [b"{broken\n", b"3\n", b'{"seed": 1}\n', b'{"seed":1,"a":9}\n'])
def test_broken_lines_in_the_middle_are_told(path: Path, line: bytes) -> None:
    write(path, [row(0, 1)])
    with path.open("ab") as file:
        file.write(line + b'{"seed": 1, "a": 1}\n')
    before = path.read_bytes()
    with pytest.raises(CampaignError, match=r"Line 3 of|no result of this campaign"):
        write(path)
    assert path.read_bytes() == before


def test_two_campaigns_do_not_write_one_file(path: Path) -> None:
    file = ResultsFile(path, scenario(), Plan(GRID, 1), fresh=False)
    try:
        with pytest.raises(CampaignError, match=r"Another campaign \(process \d+\) is writing"):
            write(path, fresh=True)
    finally:
        file.close()
    write(path)


def test_captures_are_beside_the_file_and_are_bounded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "MOST_CAPTURES", 2)
    failed = [Outcome({"seed": seed, "a": 1, "error": "E"}, b"packets") for seed in range(2)]
    write(path, failed)
    write(path, [Outcome({"seed": 2, "a": 1, "error": "E"}, b"packets")])
    names = [each["capture"] for each in Results(path)]
    assert names == ["study.failed/seed_0_a_1_0.pcapng", "study.failed/seed_1_a_1_0.pcapng", None]
    assert (path.parent / names[0]).read_bytes() == b"packets"
    assert [each["seed"] for each in Results(path).failed] == [0, 1, 2]
    (path.parent / "study.failed" / "mine.txt").write_text("")
    write(path, fresh=True)
    assert [each.name for each in (path.parent / "study.failed").iterdir()] == ["mine.txt"]


def test_captures_of_two_worlds_never_have_one_name(path: Path) -> None:
    names = ["x" * 300, "x" * 301, "../..", "__..", "a b", "a_b"]
    plan = Plan({"name": names}, 2)
    rows = [{"seed": seed, "name": name, "error": "E"} for seed in (0, 1) for name in names]
    write(path, [Outcome(each, b"packets") for each in rows], plan=plan)
    captures = {path.parent / each["capture"] for each in Results(path)}
    assert len(captures) == len(rows)
    assert all(each.parent == path.parent / "study.failed" for each in captures)
