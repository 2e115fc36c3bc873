"""`bleio radio` without a name: what it says of the radios that run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bleio.cli import radios
from bleio.cli.main import main
from bleio.radio.sharing.running import RunningRadio
from support.schemas import checked, complaints

BEACON = {
    "came_by": "virtual:desk",
    "pid": 17,
    "program": "beacon.py --fast",
    "address": "c1:b0:5f:2b:98:89",
    "random": True,
    "advertising": True,
    "scanning": False,
    "connecting": False,
    "links": [
        {"address": "f8:ab:43:15:84:fc", "random": True},
        {"address": "00:00:00:00:00:01", "random": False},
    ],
}
FOREIGN = BEACON | {
    "came_by": "tcp:127.0.0.1:1234",
    "pid": 0,
    "program": "",
    "random": False,
    "advertising": False,
    "links": [],
}


def _radio(*devices: dict[str, Any], name: str = "desk", **status: Any) -> RunningRadio:
    told = {
        "pid": 42,
        "since_s": time.time() - 3 * 3600 - 61,
        "background": True,
        "listening": [],
        "hosts": len(devices),
        "devices": list(devices),
    }
    return RunningRadio(name, 42, told | status)


def _run(monkeypatch: pytest.MonkeyPatch, *found: RunningRadio, json: bool = False) -> Result:
    monkeypatch.setattr(radios, "running_radios", lambda: list(found))
    result = CliRunner().invoke(main, ["radio", *(["--json"] if json else [])])
    assert result.exit_code == 0, result.output
    return result


def test_the_schema_is_one() -> None:
    assert complaints("radio") == []


def test_no_radio_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "BLEIO_ADAPTER=virtual:desk" in _run(monkeypatch).stdout
    assert checked("radio", _run(monkeypatch, json=True).stdout) == {"radios": []}


def test_who_is_on_a_radio(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = _run(monkeypatch, _radio(BEACON, FOREIGN, listening=["tcp:127.0.0.1:6402"])).stdout
    first, *rest = lines.splitlines()
    assert first.startswith("desk  since ")
    assert first.endswith(" (3 h 1 min), process 42, in the background")
    assert rest[0] == "listens on tcp:127.0.0.1:6402"
    assert rest[1].split() == ["ADDRESS", "PROGRAM", "PROCESS", "DOES"]
    assert "advertising, 2 links (f8:ab:43:15:84:fc, 00:00:00:00:00:01)" in rest[2]
    assert rest[2].split()[:4] == ["c1:b0:5f:2b:98:89", "beacon.py", "--fast", "17"]
    assert "by tcp:127.0.0.1:1234" in rest[3] and rest[3].endswith("idle")
    assert rest[4] == "join it with BLEIO_ADAPTER=virtual:desk"


def test_the_same_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = (_radio(BEACON, FOREIGN), RunningRadio("hung", None, None), _radio(name="empty"))
    desk, hung, empty = checked("radio", _run(monkeypatch, *found, json=True).stdout)["radios"]
    assert desk["adapter"] == "virtual:desk" and desk["hosts"] == 2
    assert [each["address_type"] for each in desk["devices"]] == ["random_static", "public"]
    assert [each["pid"] for each in desk["devices"]] == [17, None]
    assert desk["devices"][0]["links"] == [
        {"address": "f8:ab:43:15:84:fc", "address_type": "random_static"},
        {"address": "00:00:00:00:00:01", "address_type": "public"},
    ]
    assert hung == {"name": "hung", "adapter": "virtual:hung", "pid": None, "answers": False}
    assert empty["devices"] == [] and 10_800 < empty["running_s"] < 11_000


def test_a_radio_that_hangs_and_one_with_many(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _run(monkeypatch, RunningRadio("hung", 7, None), _radio(BEACON, hosts=300)).stdout
    assert "hung  process 7 does not answer; end it to free the name" in text
    assert "and 299 more" in text


def test_a_program_cannot_write_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = BEACON | {"program": "\x1b[2J[red]a\nb\u202e" + "x" * 200}
    text = _run(monkeypatch, _radio(evil)).stdout
    assert "\x1b" not in text and "\u202e" not in text
    assert r"\x1b[2J[red]a\nb\u202ex" in text


def test_a_folder_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[RunningRadio]:
        raise PermissionError(13, "Permission denied", "/run/user/0/bleio")

    monkeypatch.setattr(radios, "running_radios", refuse)
    result = CliRunner().invoke(main, ["radio"])
    assert result.exit_code == 1
    assert "Cannot read '/run/user/0/bleio': Permission denied." in result.stderr


def test_nothing_is_made_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert CliRunner().invoke(main, ["radio"]).exit_code == 0
    assert list(tmp_path.iterdir()) == []
