"""The command line before any command: typing errors, help, completion, Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.store import Bond
from bleio.cli.main import _OTHER_WORDS, COMMANDS
from bleio.core.address import DeviceAddress
from support.commands import bleio
from support.patience import PATIENCE_S


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cmapaign"], "No such command 'cmapaign'. Did you mean 'campaign'?"),
        (["RADIO"], "No such command 'RADIO'. Did you mean 'radio'?"),
        (["simulate"], "No such command 'simulate'. Did you mean 'sim'?"),
        (["zzzz"], "No such command 'zzzz'.\n"),
        (["my program.py", "-x"], "Run a program with: bleio run 'my program.py' -x"),
        (["radio", "--lisen", "x"], "--listen"),
        (["--json", "decode", "x"], "--json stands behind the command: bleio decode --json ..."),
        (["--nothing"], "No such option"),
    ],
)
def test_typing_errors_say_what_may_be_meant(words: list[str], said: str) -> None:
    done = bleio(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_other_words_lead_to_commands() -> None:
    assert not set(_OTHER_WORDS) & set(COMMANDS)


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_has_every_command_and_loads_none(option: str) -> None:
    done = bleio(option, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    for unwanted in ("rich", "asyncio", "bumble", "bleak", "bluetooth_numbers", "bleio.api"):
        assert f" {unwanted}\n" not in done.stderr, unwanted


def test_a_reader_that_leaves_ends_the_command_quietly() -> None:
    program = f"{sys.executable} -m bleio radio -h"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout.strip() in ("0", "141")  # whether there was still a reader
    assert done.stderr == ""


OWN = DeviceAddress(bytes.fromhex("0102030405c6"), random=True)
PEER = DeviceAddress(bytes.fromhex("1112131415d6"), random=True)
ADVERTISES = """
import time
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06")
print("hello")
time.sleep(0.5)
"""
# Each prints by a way of its own.
PRINTING = [
    ["-h"],
    ["scan", "-h"],
    ["radio"],
    ["radio", "--json"],
    ["radio", "full"],
    ["radio", "full", "--json"],
    ["scan", "--adapter", "virtual", "--duration", "0.5", "--json"],
    ["doctor"],
    ["demo"],
    ["bonds"],
    ["bonds", "export"],
    ["completion", "bash"],
    ["decode", "AIR"],
    ["decode", "AIR", "--json"],
    ["sim", "--for", "1s", "PROGRAM"],
    ["sim", "--for", "1s", "PROGRAM", "--json"],
]


def printing(words: list[str], folder: Path, **streams: Any) -> subprocess.CompletedProcess[str]:
    """Run a command that prints something, in a home of its own."""
    runtime, program, air = folder / "run", folder / "program.py", folder / "air.pcapng"
    runtime.mkdir(mode=0o700)
    program.write_text(ADVERTISES)
    FileBondStore(folder / "bonds", OWN).save(Bond(PEER, bytes(16)), False)
    if "AIR" in words:
        assert bleio("sim", "--for", "1s", "--capture", str(air), str(program)).returncode == 0
    files = {"PROGRAM": str(program), "AIR": str(air)}
    return subprocess.run(
        [sys.executable, "-m", "bleio", *(files.get(word, word) for word in words)],
        env={
            **os.environ,
            "PYTHONUNBUFFERED": "",
            "XDG_RUNTIME_DIR": str(runtime),
            "BLEIO_STATE_DIR": str(folder),
            "BLEIO_ADAPTER": "virtual",
        },
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        **streams,
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_full_disk_is_one_sentence(words: list[str], tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = printing(words, tmp_path, stdout=full)
    assert done.returncode == 1
    assert done.stderr == "Error: Cannot write the output: No space left on device.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there it is another error")
@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_an_output_that_nobody_reads_is_code_141_and_no_word(
    words: list[str], tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = printing(words, tmp_path, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("output", ["", "--json", "--raw"])
def test_an_output_that_is_closed_is_no_error(output: str) -> None:
    command = f"{sys.executable} -m bleio scan --adapter virtual --duration 0.5 {output} >&-"
    done = subprocess.run(
        ["bash", "-c", command], stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
