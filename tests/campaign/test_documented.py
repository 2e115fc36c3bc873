"""What docs/campaigns.md shows is run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from support.studies import Study

TEXT = (Path(__file__).parents[2] / "docs" / "campaigns.md").read_text("utf-8")
SENSOR = """\
import _bleio, time
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", connectable=True)
time.sleep(100)
"""
PHONE = """\
import _bleio, time
found = next(_bleio.adapter.start_scan(timeout=5))
connection = _bleio.adapter.connect(found.address, timeout=5)
print("Reading 1")
time.sleep(100)
"""


def test_the_scenario_and_the_program_run(study: Study) -> None:
    scenario, program = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    study.file.write_text(scenario)
    (study.folder / "sensor.py").write_text(SENSOR)
    (study.folder / "phone.py").write_text(PHONE)
    table = study.run("--seeds", "1", "--workers", "1")
    assert table.splitlines()[0].split()[:5] == ["loss", "seconds", "worlds", "failed", "connected"]
    assert table.splitlines()[1].split()[:5] == ["0", "1", "1", "0", "1"]
    study.results.unlink()
    (study.folder / "program.py").write_text(program.replace("seeds=100", "seeds=1"))
    said = study.run(file="program.py", python=())
    assert said.splitlines()[1].split()[:4] == ["0", "5", "1", "0"]


def test_each_option_has_a_row(study: Study) -> None:
    options = set(re.findall(r"--[a-z]+", study.run("--help"))) - {"--help"}
    rows = set(re.findall(r"^\| `(--[a-z]+)", TEXT, re.MULTILINE))
    assert rows == options
