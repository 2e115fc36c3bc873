"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.patience import PATIENCE_S

BEACON = (
    "import time, _bleio\n"
    "_bleio.adapter.start_advertising(b'', connectable=False)\n"
    "print('on the air')\n"
    "time.sleep(100)\n"
)


def run(folder: Path, test: str, *options: str) -> str:
    """Run one test file. Returns: what pytest printed."""
    (folder / "test_it.py").write_text(f"import pytest\nBEACON = {BEACON!r}\n{test}")
    command = [sys.executable, "-m", "pytest", "-W", "error"]
    done = subprocess.run(
        [*command, "--strict-markers", "test_it.py", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return done.stdout + done.stderr


def test_a_failure_is_reported_with_seed_output_and_packets(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "def test_it(ble_world):\n"
        "    ble_world.add(source=BEACON, name='beacon')\n"
        "    ble_world.run_for(20)\n"
        "    assert False\n",
        "--ble-seed=7",
    )
    assert "1 failed" in text
    assert "ble_world, seed 7, at 20.000000 s" in text
    assert "beacon] on the air\n" in text
    packets = text.partition("packets on the air.")[2].splitlines()
    assert re.fullmatch(r" +0\.\d+  beacon  ADV Nonconnectable  \(\d+ times in .* s\)", packets[1])
    (kept,) = tmp_path.rglob("*.pcapng")
    assert str(kept) in text
    assert kept.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


REFUSED = '''
SENSOR = """
import time, _bleio
service = _bleio.Service(_bleio.UUID(0x180F))
_bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0x2A19), initial_value=b"K",
    properties=_bleio.Characteristic.READ, read_perm=_bleio.Attribute.ENCRYPT_NO_MITM)
_bleio.adapter.start_advertising(bytes((2, 1, 6)))
time.sleep(100)
"""
READER = """
import _bleio
entry = next(iter(_bleio.adapter.start_scan()))
connection = _bleio.adapter.connect(entry.address, timeout=5)
(service,) = connection.discover_remote_services((_bleio.UUID(0x180F),))
print("found")
print(service.characteristics[0].value)
"""
def test_it(ble_world):
    ble_world.add(source=SENSOR, name="sensor")
    ble_world.add(source=READER, name="reader")
    ble_world.run()
'''


def test_a_failure_is_told_by_names_first(tmp_path: Path) -> None:
    text = run(tmp_path, REFUSED)
    section = text.partition("ble_world, seed 0")[2].splitlines()[1:]
    assert section[0] == "Refusals and failures on the air:"
    refused = "sensor -> reader  ATT Error: Insufficient Authentication for Read"
    assert re.fullmatch(rf" +0\.\d+  {refused} Battery Level \(0x0012\)", section[1])
    assert section[2].startswith("The last of ")
    last = section[3 : 3 + 12]
    assert any(re.search(rf"{refused} Battery Level \(0x0012\)", line) for line in last)
    assert any("reader -> sensor  ATT Read Battery Level (0x0012)" in line for line in last)
    assert not any(re.match("^ {15}", line) for line in section)
    assert "What devices printed:" in section


def test_verbose_reports_have_octets(tmp_path: Path) -> None:
    told = run(tmp_path, REFUSED, "-v").partition("packets on the air.")[2]
    octets = r"ATT Read Battery Level \(0x0012\).*\n {15}(.. ){2}03 00 04 00 0a 12 00\n"
    assert re.search(octets, told)


def test_programs_are_found_beside_the_test(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "sensor.py").write_text("print('beside')")
    (tmp_path / "phone.py").write_text("print('current')")
    (inner / "test_inner.py").write_text(
        "def test_it(ble_world):\n"
        "    sensor, phone = ble_world.add('sensor.py'), ble_world.add('phone.py')\n"
        "    ble_world.run()\n"
        "    assert (sensor.text, phone.text) == ('beside\\n', 'current\\n')\n"
        "    ble_world.add('tablet.py')\n"
    )
    text = run(tmp_path, "def test_that_passes(): ...", "inner")
    assert "1 failed, 1 passed" in text
    tried = [str(folder / "tablet.py") for folder in (inner, tmp_path)]
    assert f"no program 'tablet.py': nothing is at {tried[0]!r} and {tried[1]!r}" in text


def test_a_fixture_that_fails_is_reported_too(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "@pytest.fixture\n"
        "def before(ble_world):\n"
        "    ble_world.add(source=BEACON, name='beacon')\n"
        "    ble_world.run_for(20)\n"
        "    assert False\n"
        "@pytest.fixture\n"
        "def after(ble_world):\n"
        "    yield\n"
        "    ble_world.add(source=BEACON, name='beacon')\n"
        "    ble_world.run_for(30)\n"
        "    assert False\n"
        "def test_setup(before): pass\n"
        "def test_teardown(after): pass\n",
        "--ble-seed=7",
    )
    assert "1 passed, 2 errors" in text
    for seconds in (20, 30):
        assert f"ble_world, seed 7, at {seconds}.000" in text
    assert text.count("beacon] on the air\n") == 2
    assert len(list(tmp_path.rglob("*.pcapng"))) == 2


def test_a_failure_is_reported_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    options = ("-o", "cache_dir=file/cache", "-W", "ignore::pytest.PytestCacheWarning")
    text = run(tmp_path, "def test_it(ble_world): assert False\n", *options)
    assert "1 failed" in text
    assert "ble_world, seed 0, at 0.000000 s" in text
    assert "could not be kept: [Errno" in text


def test_a_test_that_passes_or_is_skipped_leaves_nothing(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "def test_passes(ble_world): ble_world.run_for(1)\n"
        "def test_skipped(ble_world): pytest.skip()\n",
    )
    assert "1 passed, 1 skipped" in text
    assert not list(tmp_path.rglob("*.pcapng"))


def test_marks_set_the_worlds_arguments(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "@pytest.mark.ble(seed=3, blocked_after_s=5)\n"
        "class TestIt:\n"
        "    def test_class(self, ble_world):\n"
        "        assert ble_world.seed == 3\n"
        "    @pytest.mark.ble(seed=4)\n"
        "    def test_nearest(self, ble_world):\n"
        "        assert ble_world.seed == 4\n"
        "def test_option(ble_world):\n"
        "    assert ble_world.seed == 9\n",
        "--ble-seed=9",
    )
    assert "3 passed" in text, text


def test_a_wrong_mark_is_an_error(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "@pytest.mark.ble(sed=3)\ndef test_a(ble_world): pass\n"
        "@pytest.mark.ble(3)\ndef test_b(ble_world): pass\n",
    )
    assert "2 errors" in text
    assert "unexpected keyword argument 'sed'" in text
    assert "The mark ble takes arguments by name" in text


def test_workers_of_xdist_get_the_seed(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "@pytest.mark.parametrize('number', range(4))\n"
        "def test_it(ble_world, number):\n"
        "    ble_world.add(source=BEACON, name='beacon')\n"
        "    ble_world.run_for(1)\n"
        "    assert ble_world.seed == 5\n",
        "-n2",
        "--ble-seed=5",
    )
    assert "4 passed" in text, text


def test_workers_of_xdist_keep_the_packets(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "@pytest.mark.parametrize('number', range(4))\n"
        "def test_it(ble_world, number):\n"
        "    ble_world.add(source=BEACON, name='beacon')\n"
        "    ble_world.run_for(10)\n"
        "    assert number < 2\n",
        "-n2",
        "--ble-seed=5",
    )
    assert "2 failed, 2 passed" in text
    assert text.count("ble_world, seed 5, at 10.000000 s") == 2
    kept = sorted(tmp_path.rglob("*.pcapng"))
    assert len(kept) == 2
    for path in kept:
        assert str(path) in text
        assert path.stat().st_size > 1_000


def test_nothing_heavy_is_imported_without_the_fixture(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "import sys\n"
        "def test_it():\n"
        "    assert 'bleio.testing.plugin' in sys.modules\n"
        "    assert not [name for name in sys.modules if name.startswith('bleio.')\n"
        "                and name not in ('bleio.testing', 'bleio.testing.plugin')]\n"
        "    assert 'asyncio' not in sys.modules\n",
        "-p",
        "no:xdist",
    )
    assert "1 passed" in text, text


WITH_HYPOTHESIS = """
from hypothesis import given, settings
from bleio.testing import World
from bleio.testing.faults import schedules

FAULTS = schedules("beacon", within_s=10, kinds=["drop", "power-cut", "jam"])

def run(world, faults):
    beacon = world.add(source=BEACON, name="beacon")
    world.inject(faults)
    world.run(until=20.0)
    assert beacon.text.count("on the air") == 1, world.describe()
"""


def test_hypothesis_thinks_of_faults_for_worlds_of_their_own(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        WITH_HYPOTHESIS
        + "@settings(database=None, derandomize=True, deadline=None)\n"
        + "@given(faults=FAULTS)\n"
        + "def test_it(faults):\n"
        + "    with World(seed=1) as world:\n"
        + "        run(world, faults)\n",
    )
    assert "1 failed" in text
    assert "faults=(PowerCut(device='beacon', at_s=1.0, for_s=1.0),)" in text, text
    assert "seed 1, at 20.000000 s, with power-cut beacon @1s for 1s" in text


def test_one_world_for_all_examples_is_refused_by_hypothesis(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        WITH_HYPOTHESIS
        + "@given(faults=FAULTS)\n"
        + "def test_it(ble_world, faults):\n"
        + "    run(ble_world, faults)\n",
    )
    assert "function-scoped fixture 'ble_world'" in text.replace("\n", " ")


def test_the_report_has_the_faults_of_the_world(tmp_path: Path) -> None:
    text = run(
        tmp_path,
        "def test_it(ble_world):\n"
        "    ble_world.add(source=BEACON, name='beacon')\n"
        "    ble_world.inject('power-cut beacon @1s for 2s', 'jam @4s')\n"
        "    ble_world.run_for(5)\n"
        "    assert False\n",
    )
    assert "with power-cut beacon @1s for 2s; jam @4s for 1s" in text
