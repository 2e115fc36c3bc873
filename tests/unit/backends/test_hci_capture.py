"""`BLEIO_CAPTURE`: what a program and its controller say, as tshark reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bleio.core import pcapng
from support.patience import PATIENCE_S
from support.tshark import complaints, fields, needs_tshark

PROGRAM = """
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06")
for entry in _bleio.adapter.start_scan(timeout=0.1):
    pass
_bleio.adapter.stop_advertising()
"""


def run(capture: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    settings = {"BLEIO_CAPTURE": capture, "BLEIO_ADAPTER": "virtual"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **settings}, cwd=tmp_path,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


@needs_tshark
@pytest.mark.parametrize("name", ["program.pcapng", "program.btsnoop"])
def test_a_program_leaves_a_capture(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stderr
    path = tmp_path / name
    assert complaints(path) == []
    packets = fields(path, "hci_h4.direction", "bthci_cmd.opcode", "bthci_evt.code")
    assert packets[0][:2] == ["0x00", "0x0c03"]  # the first thing a host says is Reset
    assert any(row[0] == "0x01" and row[2] == "0x0e" for row in packets)


def test_the_process_has_its_number_in_the_name(tmp_path: Path) -> None:
    assert run("of-%p.pcapng", tmp_path).returncode == 0
    (path,) = tmp_path.glob("of-*.pcapng")
    assert path.stem.removeprefix("of-").isdecimal()


def test_a_name_that_is_not_in_utf_8() -> None:
    """As a device file's may be; the capture says what it was called as far as that goes."""
    name = os.fsdecode(b"hci:serial:/dev/tty\xb7")
    block = pcapng.interface(pcapng.LINKTYPE_HCI_H4_WITH_PHDR, name)
    assert rb"hci:serial:/dev/tty\udcb7" in block


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = run("no/such/folder/file.pcapng", tmp_path)
    assert done.returncode != 0
    assert "Cannot write the capture" in done.stderr
