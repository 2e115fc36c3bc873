"""What `bleio radio` makes of its air."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.patience import PATIENCE_S
from support.radio_processes import Radios
from support.tshark import complaints, fields, needs_tshark

pytestmark = pytest.mark.interop

LISTENS = """
import sys
import _bleio
advertiser, scanner = _bleio.Adapter("virtual:options"), _bleio.Adapter("virtual:options")
advertiser.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
print("heard", any(True for _ in scanner.start_scan(timeout=float(sys.argv[1]))), flush=True)
"""


def heard(radios: Radios, *options: str, within_s: float = PATIENCE_S) -> bool:
    """Whether an advertiser is heard on a radio with these options, which then ends."""
    radio = radios.foreground("options", *options)
    radio.wait_for("^Ready")
    program = radios.start("listens", "-c", LISTENS, str(within_s))
    answer = program.wait_for(r"^heard (True|False)$").group(1)
    program.ends_well()
    radio.interrupt()
    radio.wait()
    return answer == "True"


@needs_tshark
def test_the_air_is_captured(radios: Radios, tmp_path: Path) -> None:
    path = tmp_path / "air.pcapng"
    assert heard(radios, "--capture", str(path))
    assert complaints(path) == []
    kinds = {kind for (kind,) in fields(path, "btle.advertising_header.pdu_type")}
    assert kinds & {"0x00", "0x07"}


def test_all_is_lost(radios: Radios) -> None:
    assert not heard(radios, "--loss", "1", within_s=0.5)
    assert heard(radios, "--loss", "0")


def test_a_radio_that_finds_its_name_taken_leaves_the_file_alone(
    radios: Radios, tmp_path: Path
) -> None:
    path = tmp_path / "air.pcapng"
    first = radios.foreground("options", "--capture", str(path))
    first.wait_for("^Ready")
    before = path.read_bytes()
    second = radios.foreground("options", "--capture", str(path))
    second.wait_for("A radio named 'options' is running already")
    assert second.wait() == 1
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_written(radios: Radios, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    radio = radios.foreground("options", "--capture", str(tmp_path / "file" / "air.pcapng"))
    assert radio.wait() == 1
    assert len(radio.lines) == 1
    assert radio.lines[0].startswith(f"Error: Cannot use '{tmp_path}/file/air.pcapng': ")
