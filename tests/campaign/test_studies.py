"""The studies of examples/, each in a reduced form."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bleio.testing import Results, campaign
from bleio.testing.campaigns.scenario import load_file
from bleio.testing.campaigns.summary import Estimate

STUDIES = Path(__file__).parents[2] / "examples" / "studies"


def load(name: str) -> ModuleType:
    return load_file(STUDIES / f"{name}.py", f"study_{name}")


def run(study: ModuleType, choices: list[dict[str, Any]], seeds: int, folder: Path) -> Results:
    """Run some of a study's worlds; all choices are of its grid, but for what makes them short."""
    world = getattr(study, "world", None)
    file = folder / "x.jsonl"
    return campaign(study.scenario, choices, seeds=seeds, results=file, world=world, workers=1)


def estimates_of(results: Results, name: str) -> list[Estimate]:
    assert results.failed == []
    return [group.estimates()[name] for group in results.summary()]


def test_notifications_come_later_with_loss_and_interval(tmp_path: Path) -> None:
    study = load("notifications")
    choices = [
        {"loss": loss, "interval_ms": interval_ms}
        for loss, interval_ms in ((0.0, 15), (0.4, 15), (0.4, 200))
    ]
    results = run(study, choices, 2, tmp_path)
    good, late, too_late = estimates_of(results, "median_s")
    assert good.mean < 0.015 < late.mean < 1 < too_late.mean
    delivered = [each.mean for each in estimates_of(results, "delivered")]
    assert delivered[:2] == [1, 1]
    assert delivered[2] < 0.9


def test_beacons_are_found_as_late_as_theory_says(tmp_path: Path) -> None:
    study = load("beacons")
    choices = [{"interval_s": 0.1, "beacons": beacons} for beacons in (1, 100)]
    results = run(study, choices, 10, tmp_path)
    for choice, found in zip(choices, estimates_of(results, "latency_s"), strict=True):
        model = study.expected(**choice)["latency_s"]
        assert found.low is not None
        assert found.high is not None
        assert found.low < model < found.high
        assert found.mean == pytest.approx(model, rel=0.5)


def test_the_model_is_what_its_text_says() -> None:
    study = load("beacons")
    assert pytest.approx(0.000376) == study.PACKET_S
    assert study.expected(1.0, 1)["latency_s"] == pytest.approx(1.005 / 2 + 0.000376)
    assert study.expected(0.1, 200)["latency_s"] == pytest.approx(0.3868, abs=1e-4)


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.py")), ids=lambda path: path.stem)
def test_each_study_says_how_to_run_it_and_is_in_the_list(path: Path) -> None:
    assert f"bleio campaign examples/studies/{path.name} --plot" in path.read_text()
    assert f"studies/{path.name}" in (STUDIES.parent / "README.md").read_text()
    module = load(path.stem)
    assert set(module.grid) == set(module.scenario.__code__.co_varnames[1:][: len(module.grid)])
