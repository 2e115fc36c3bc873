"""What `bleio sim`, `hunt` and `campaign` say by --json, held against their schemas."""

from __future__ import annotations

from pathlib import Path

from support.commands import bleio
from support.schemas import checked, checked_lines

ADVERTISER = """
import _bleio, time
_bleio.adapter.start_advertising(bytes((2, 1, 6)))
time.sleep(1)
"""
PRINTER = "import time\nprint('one \\N{SNOWMAN}] x')\ntime.sleep(0.5)\nprint('two')\n"


def write(folder: Path, **sources: str) -> list[str]:
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return [f"{name}.py" for name in sources]


def test_a_world_s_lines_packets_and_end(tmp_path: Path) -> None:
    programs = write(tmp_path, printer=PRINTER, advertiser=ADVERTISER)
    done = bleio("sim", "--json", "--trace", *programs, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    events = checked_lines("sim", done.stdout)
    lines = [each for each in events if each["event"] == "line"]
    assert [(each["device"], each["text"]) for each in lines] == [
        ("printer", "one \N{SNOWMAN}] x"),
        ("printer", "two"),
    ]
    assert lines[1]["time_us"] >= 500_000
    packets = [each for each in events if each["event"] == "packet"]
    assert {each["sender"] for each in packets} == {"advertiser"}
    assert len(packets) > 10
    times = [each["time_us"] for each in events]
    assert times == sorted(times)
    assert events[-1] == {"event": "end", "time_us": times[-1], "exit_code": 0, "problem": ""}
    plain = checked_lines("sim", bleio("sim", "--json", *programs, folder=tmp_path).stdout)
    assert [each["event"] for each in plain] == ["line", "line", "end"]


def test_a_world_that_ends_badly(tmp_path: Path) -> None:
    programs = write(tmp_path, broken="import time\ntime.sleep(0.25)\nraise SystemExit(7)\n")
    done = bleio("sim", "--json", *programs, folder=tmp_path)
    assert done.returncode == 7
    end = checked_lines("sim", done.stdout)[-1]
    assert (end["exit_code"], end["event"]) == (7, "end")
    assert "broken" in end["problem"]
    assert done.stderr.startswith("Error: ")
    programs = write(tmp_path, printer=PRINTER)
    done = bleio("sim", "--json", "--until", "three", *programs, folder=tmp_path)
    assert done.returncode == 1
    assert "'three'" in checked_lines("sim", done.stdout)[-1]["problem"]


def test_what_a_hunt_has_found_is_a_command(tmp_path: Path) -> None:
    programs = write(tmp_path, printer=PRINTER)
    options = ("--no-faults", "--seeds", "2")
    done = bleio("hunt", "--json", *options, "--never", "two", *programs, folder=tmp_path)
    assert done.returncode == 1
    found = checked("hunt", done.stdout)
    assert (found["found"], found["faults"]) == (True, [])
    assert "'two'" in found["problem"]
    assert bleio(*found["command"][1:], folder=tmp_path).returncode == 1
    done = bleio("hunt", "--json", *options, "--until", "two", *programs, folder=tmp_path)
    assert done.returncode == 0
    assert checked("hunt", done.stdout) == {"found": False, "worlds": 2, "interrupted": False}


CAMPAIGN = """
grid = {"wait_s": [0.1, 0.2]}


def scenario(world, wait_s):
    world.add(source=f"import time; time.sleep({wait_s})", name="sleeper")
    world.run(until=world.all_ended)
    if wait_s > 0.15 and world.seed == 1:
        raise ValueError("too long")
    return {"took_s": world.now_s}


def expected(wait_s):
    return {"took_s": wait_s}
"""


def test_a_campaign_s_summary(tmp_path: Path) -> None:
    write(tmp_path, study=CAMPAIGN)
    done = bleio(
        "campaign", "--json", "--seeds", "2", "--workers", "1", "study.py", folder=tmp_path
    )
    assert done.returncode == 1, done.stderr
    summary = checked("campaign", done.stdout)
    assert [each["parameters"] for each in summary["groups"]] == [{"wait_s": 0.1}, {"wait_s": 0.2}]
    assert [each["failed"] for each in summary["groups"]] == [0, 1]
    assert summary["groups"][0]["results"]["took_s"]["expected"] == 0.1
    (failure,) = summary["failures"]
    assert "too long" in failure["error"]
    assert failure["command"][-1] == "seed=1,wait_s=0.2"
    refused = bleio(
        "campaign", "--json", "--again", "seed=1,wait_s=0.2", "study.py", folder=tmp_path
    )
    assert refused.returncode == 2
