"""Tests that run with many seeds, in pytest runs of their own."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bleio.testing.seeds.choice import MOST_SEEDS, as_seeds, parse_seeds
from bleio.testing.seeds.folding import listed
from support.patience import PATIENCE_S

FAILS_WITH = (
    "def test_it(ble_world):\n"
    "    ble_world.run_for(0.001)\n"
    "    assert ble_world.seed not in (7, 23, 61)\n"
)
AGAIN = re.compile(r"again: pytest (.*)$", re.M)


def run(folder: Path, test: str, *options: str) -> str:
    """Run one test file. Returns: what pytest printed."""
    (folder / "test_it.py").write_text(f"import pytest\n{test}")
    return pytest_in(folder, "test_it.py", *options)


def pytest_in(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "--strict-markers", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", (3,)),
        ("0-3", (0, 1, 2, 3)),
        ("0,5,7-9", (0, 5, 7, 8, 9)),
        (" 4 - 5 , 1", (4, 5, 1)),
        ("2,0-3", (2, 0, 1, 3)),
        ("9-9", (9,)),
    ],
)
def test_texts_of_seeds(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == as_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "x", "1-", "-1", "1,,2", "5-3", "1.5", "0-10000", "0-99999999999"]
)
def test_texts_that_are_no_seeds(text: str) -> None:
    with pytest.raises(ValueError, match=r"seeds|ends before it begins"):
        parse_seeds(text)


def test_seeds_of_a_mark() -> None:
    assert as_seeds(3) == (0, 1, 2)
    assert as_seeds(range(5, 8)) == (5, 6, 7)
    assert as_seeds([7, 3, 7]) == (7, 3)
    assert len(as_seeds(MOST_SEEDS)) == MOST_SEEDS
    for wrong in (0, -1, True, None, 1.5, [], ["1"], [True], [3, -3], MOST_SEEDS + 1, 10**12):
        with pytest.raises(ValueError, match="seeds"):
            as_seeds(wrong)


def test_the_first_failure_is_reported_with_how_many_fail(tmp_path: Path) -> None:
    text = run(tmp_path, FAILS_WITH, "--ble-seeds", "0-99")
    assert "1 failed, 97 passed, 2 failed with other seeds" in text
    told = "3 of 100 seeds fail: 7, 23, 61; this is seed 7; again: pytest test_it.py::test_it"
    assert text.count(f"\n{told} --ble-seeds 7\n") == 1
    assert f"\ntest_it.py::test_it: {told} --ble-seeds 7\n" in text
    assert len(re.findall("^>.*assert ble_world.seed", text, re.M)) == 1
    assert text.count("ble_world, seed 7, jitter_us 1000, at 0.001000 s") == 1
    assert "ble_world, seed 23" not in text
    assert text.count("FAILED test_it.py") == 1


def test_what_is_printed_runs_the_seed_again(tmp_path: Path) -> None:
    test = "@pytest.mark.parametrize('what', ['a b', '[c]'])\n" + FAILS_WITH.replace(
        "(ble_world)", "(ble_world, what)"
    )
    text = run(tmp_path, test, "--ble-seeds", "20-30,61")
    commands = set(AGAIN.findall(text))
    assert len(commands) == 2
    for command in commands:
        again = pytest_in(tmp_path, *shlex.split(command))
        assert "1 failed in" in again
        assert "ble_world, seed 23, jitter_us 1000, at" in again
        assert "of 1 seed" not in again  # one seed was asked for, and one failed


def test_what_is_printed_can_be_typed_where_pytest_was_called(tmp_path: Path) -> None:
    inner = tmp_path / "a b"
    inner.mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    text = run(inner, FAILS_WITH, "--ble-seeds", "20-30")
    (command,) = set(AGAIN.findall(text))
    assert command == "test_it.py::test_it --ble-seeds 23"
    assert "1 failed" in pytest_in(inner, *shlex.split(command))
    text = pytest_in(tmp_path, "a b", "--ble-seeds", "20-30")
    (command,) = set(AGAIN.findall(text))
    assert "1 failed" in pytest_in(tmp_path, *shlex.split(command))


def test_a_mark_asks_for_seeds(tmp_path: Path) -> None:
    test = (
        "@pytest.mark.ble(seeds=3)\n"
        "class TestIt:\n"
        "    def test_class(self, ble_world):\n"
        "        print('class', ble_world.seed)\n"
        "    @pytest.mark.ble(seeds=[5, 7])\n"
        "    def test_nearer(self, ble_world):\n"
        "        print('nearer', ble_world.seed)\n"
        "    @pytest.mark.ble(seed=9)\n"
        "    def test_one(self, ble_world):\n"
        "        print('one', ble_world.seed)\n"
        "    def test_without(self): pass\n"
    )
    text = run(tmp_path, test, "-rP")
    assert "7 passed" in text
    assert re.findall("^(?:class|nearer|one) .*", text, re.M) == [
        *("class 0", "class 1", "class 2"),
        *("nearer 5", "nearer 7"),
        "one 9",
    ]
    text = run(tmp_path, test, "-rP", "--ble-seeds", "4")
    assert re.findall("^(?:class|nearer|one) .*", text, re.M) == ["class 4", "nearer 4", "one 9"]


def test_every_fixture_is_fresh_for_each_seed(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "import time, _bleio\n"
        "@pytest.fixture(params=['x', 'y'])\n"
        "def beacon(ble_world, request):\n"
        "    return ble_world.add(source='print(1)', name=request.param)\n"
        "@pytest.mark.ble(seeds='3,4')\n"
        "@pytest.mark.parametrize('more', ['p', 'q'])\n"
        "def test_it(beacon, more, tmp_path, ble_world, ble_seed):\n"
        "    assert not list(tmp_path.iterdir())\n"
        "    (tmp_path / 'file').touch()\n"
        "    ble_world.run()\n"
        "    assert beacon.text == '1\\n'\n"
        "    assert len(ble_world.devices) == 1\n"
        "    assert ble_world.seed == ble_seed\n",
        "-v",
    )
    assert "8 passed" in text
    for first in "xy":
        for second in "pq":
            for seed in (3, 4):
                names = f"{first}-{second}", f"{second}-{first}"
                assert any(f"test_it[{name}-seed{seed}]" in text for name in names)


def test_seeds_come_with_jitter(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "@pytest.mark.ble(seeds=[1])\n"
        "class TestIt:\n"
        "    def test_usual(self, ble_world): print('jitter', ble_world.jitter_us)\n"
        "    @pytest.mark.ble(jitter_us=5)\n"
        "    def test_set(self, ble_world): print('jitter', ble_world.jitter_us)\n"
        "    @pytest.mark.ble(seed=1)\n"
        "    def test_one(self, ble_world): print('jitter', ble_world.jitter_us)\n",
        "-rP",
    )
    assert re.findall("^jitter .*", text, re.M) == ["jitter 1000.0", "jitter 5", "jitter 0.0"]


def test_a_world_that_a_test_makes_itself_has_its_seed(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "from bleio.testing import World\n"
        "def test_it(ble_seed):\n"
        "    with World(ble_seed) as world:\n"
        "        print('seed', world.seed)\n",
        *("-rP", "--ble-seeds=5,6"),
    )
    assert re.findall(r"^seed \d", text, re.M) == ["seed 5", "seed 6"]


def test_workers_of_xdist_share_the_seeds(tmp_path: Path) -> None:
    text = run(tmp_path, FAILS_WITH, "--ble-seeds", "0-99", "-n2", "-v")
    assert "1 failed, 97 passed, 2 failed with other seeds" in text
    assert text.count("\n3 of 100 seeds fail: 7, 23, 61; this is seed 7; again: ") == 1
    assert "ble_world, seed 7, jitter_us 1000, at" in text
    assert "ble_world, seed 23" not in text
    assert {"gw0", "gw1"} == set(re.findall(r"\[(gw\d)\].*test_it\[seed", text))


def test_the_first_failure_can_end_the_run(tmp_path: Path) -> None:
    text = run(tmp_path, FAILS_WITH, "--ble-seeds", "0-99", "-x")
    assert "1 failed, 7 passed" in text
    assert "1 of 8 seeds fails (92 of 100 did not run): 7; this is seed 7; again: " in text


def test_the_last_failures_can_be_run_alone(tmp_path: Path) -> None:
    run(tmp_path, FAILS_WITH, "--ble-seeds", "0-99")
    text = run(tmp_path, FAILS_WITH, "--ble-seeds", "0-99", "--lf")
    assert "1 failed, 97 deselected, 2 failed with other seeds" in text
    assert "3 of 3 seeds fail (97 of 100 did not run): 7, 23, 61; this is seed 7;" in text


def test_fixtures_that_fail_are_folded_too(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "@pytest.fixture\n"
        "def before(ble_world):\n"
        "    assert ble_world.seed % 2\n"
        "@pytest.mark.ble(seeds=10)\n"
        "def test_it(before, ble_seed):\n"
        "    assert ble_seed != 3\n",
    )
    assert "1 failed, 4 passed, 1 error, 4 failed with other seeds" in text
    assert "\n5 of 10 seeds have errors in fixtures: 0, 2, 4, 6, 8; this is seed 0; again: " in text
    assert "\n1 of 10 seeds fails: 3; this is seed 3; again: " in text


def test_expected_failures_and_skips_are_those_of_each_seed(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "@pytest.mark.ble(seeds=10)\n"
        "class TestIt:\n"
        "    @pytest.mark.xfail\n"
        "    def test_x(self, ble_seed): assert ble_seed < 4\n"
        "    def test_s(self, ble_seed):\n"
        "        if ble_seed < 4: pytest.skip()\n"
        "        assert ble_seed != 8\n"
        "    @pytest.mark.xfail(strict=True)\n"
        "    def test_strict(self, ble_seed): assert ble_seed in (5, 6)\n",
    )
    assert "2 failed, 5 passed, 4 skipped, 14 xfailed, 4 xpassed, 1 failed with other seeds" in text
    assert "1 of 6 seeds fails (4 of 10 did not run): 8; this is seed 8;" in text
    assert "2 of 10 seeds fail: 5, 6; this is seed 5;" in text


def test_lists_of_seeds_are_short(tmp_path: Path) -> None:
    assert listed([7, 23, 61]) == "7, 23, 61"
    assert listed([1, 2, 4, 5, 6, 9]) == "1, 2, 4-6, 9"
    assert listed([-2, -1, 0, 5]) == "-2-0, 5"
    assert listed(list(range(0, 200, 2))).endswith("36, 38 and 80 more")
    text = run(tmp_path, "def test_it(ble_world): assert False\n", "--ble-seeds=0-29")
    assert "30 of 30 seeds fail: 0-29; this is seed 0;" in text


def test_one_seed_is_an_ordinary_failure(tmp_path: Path) -> None:
    text = run(tmp_path, FAILS_WITH, "--ble-seeds=7")
    assert "1 failed in" in text
    assert "of 1 seed" not in text


def test_reports_for_machines_have_the_seed(tmp_path: Path) -> None:
    run(tmp_path, FAILS_WITH, "--ble-seeds=6-7", "--junit-xml=it.xml")
    cases = ElementTree.parse(tmp_path / "it.xml").iter("testcase")
    assert {
        case.get("name"): [each.get("value") for each in case.iter("property")] for case in cases
    } == {"test_it[seed6]": ["6", "2"], "test_it[seed7]": ["7", "2"]}


def test_tests_without_a_world_run_once(tmp_path: Path) -> None:
    text = run(tmp_path, "def test_it(tmp_path): pass\n", "--ble-seeds=0-9", "-v")
    assert "1 passed" in text
    assert "seed" not in text.partition("collected")[2]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--ble-seeds=x",), "'x' is no list of seeds such as 0-99, 3 or 0,5,7-9"),
        (("--ble-seeds=5-3",), "'5-3' ends before it begins; write 3-5"),
        (("--ble-seeds=0-10000",), "10001 seeds are too many for one test; it can have 10000"),
        (("--ble-seeds=1", "--ble-seed=1"), "--ble-seed and --ble-seeds exclude each other"),
    ],
)
def test_wrong_options_are_one_sentence(tmp_path: Path, options: tuple[str, ...], why: str) -> None:
    text = run(tmp_path, "def test_it(ble_world): pass\n", *options)
    assert text.strip().splitlines()[-1].endswith(why)
    assert "Traceback" not in text


def test_wrong_marks_are_errors_of_their_tests(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "@pytest.mark.ble(seeds=0)\ndef test_a(ble_world): pass\n"
        "@pytest.mark.ble(seeds=2, seed=2)\ndef test_b(ble_world): pass\n"
        "@pytest.mark.ble(seeds=[1, 'x'])\ndef test_c(ble_world): pass\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.ble(seeds=2))])\n"
        "def test_d(ble_world, x): pass\n"
        "@pytest.mark.ble(seeds=2)\n"
        "def test_e(request): request.getfixturevalue('ble_world')\n"
        "def test_f(ble_world): pass\n",
    )
    assert "1 failed, 1 passed, 4 errors" in text
    assert "seeds=0 is no number of seeds; it must be 1 or more" in text
    assert "The mark ble takes seed or seeds, not both" in text
    assert "seeds has 'x' in it; each seed is a whole number" in text
    assert "test_d[1] cannot run with several seeds" in text
    assert "test_e cannot run with several seeds" in text


def test_unittest_says_that_it_cannot(tmp_path: Path) -> None:
    test = (
        "import unittest\n"
        "class TestIt(unittest.TestCase):\n"
        "    @pytest.fixture(autouse=True)\n"
        "    def world(self, ble_world): self.world = ble_world\n"
        "    def test_it(self): assert self.world.seed == 4\n"
    )
    assert "1 passed" in run(tmp_path, test, "--ble-seed=4")
    text = run(tmp_path, test, "--ble-seeds=4-5")
    assert "1 error" in text
    assert "test_it cannot run with several seeds: pytest makes no items" in text
