"""`bleio capture`: what is on the air of a shared radio, to files, pipes and lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S
from support.processes import SharedRadio, shared_radio  # noqa: F401
from support.schemas import checked_lines
from support.terminal import Terminal
from support.tshark import complaints, needs_tshark

BEACON = """
import time, _bleio
_bleio.adapter.name = "beacon"
_bleio.adapter.start_advertising(bytes((2, 1, 6, 7, 9)) + b"beacon", interval=0.02)
print("up")
while True:
    time.sleep(0.1)
"""
BLEIO = (sys.executable, "-m", "bleio")


@pytest.fixture
def radio(shared_radio: SharedRadio, tmp_path: Path) -> SharedRadio:  # noqa: F811
    """A radio with a beacon on it."""
    program = tmp_path / "beacon.py"
    program.write_text(BEACON)
    shared_radio.start(program).wait_for("up")
    return shared_radio


def run(*arguments: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BLEIO, "capture", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        **more,  # type: ignore[call-overload]
    )


def adapter(radio: SharedRadio) -> str:
    return f"virtual:{radio.name}"


@needs_tshark
def test_so_many_packets_go_to_a_file_and_are_shown(radio: SharedRadio, tmp_path: Path) -> None:
    done = run("--adapter", adapter(radio), "--count", "30", "my air.pcapng", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "beacon" in done.stdout
    assert done.stderr.splitlines() == [
        f"Recording {adapter(radio)}; Ctrl-C ends.",
        "30 packets in my air.pcapng. To look at them:  bleio decode 'my air.pcapng'",
    ]
    path = tmp_path / "my air.pcapng"
    assert path.stat().st_mode & 0o777 == 0o600
    decoded = subprocess.run(
        [*BLEIO, "decode", "--json", path], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert len(checked_lines("decode", decoded.stdout)) == 30
    assert complaints(path) == []


def test_a_pipe_to_the_decoder(radio: SharedRadio, tmp_path: Path) -> None:
    command = f"{sys.executable} -m bleio capture --adapter {adapter(radio)} --count 10 -"
    done = subprocess.run(
        f"{command} | {sys.executable} -m bleio decode --json -",
        shell=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=tmp_path,
    )
    assert len(checked_lines("decode", done.stdout)) == 10
    assert done.stderr.splitlines()[-1] == "10 packets."


def test_objects_fit_the_schema(radio: SharedRadio, tmp_path: Path) -> None:
    done = run("--adapter", adapter(radio), "--count", "10", "--json", folder=tmp_path)
    packets = checked_lines("capture", done.stdout)
    assert len(packets) == 10
    assert packets[0]["protocol"] == "ADV"
    shown = run("--json-schema", folder=tmp_path)
    assert json.loads(shown.stdout)["title"] == "bleio capture --json"


def test_the_time_is_over(radio: SharedRadio, tmp_path: Path) -> None:
    done = run("--adapter", adapter(radio), "--duration", "300ms", "-q", "x", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout == ""
    assert int(done.stderr.splitlines()[-1].split()[0]) > 0


def test_ctrl_c_leaves_a_whole_file(radio: SharedRadio, tmp_path: Path) -> None:
    command = [*BLEIO, "capture", "--adapter", adapter(radio), "air.pcapng"]
    with Terminal(command, tmp_path) as terminal:
        terminal.expect("Recording")
        terminal.expect('"beacon"')
        terminal.press_ctrl_c()
        terminal.expect("To look at them:  bleio decode air.pcapng")
        assert terminal.end() == 130
        assert "Traceback" not in terminal.shown
    decoded = subprocess.run(
        [*BLEIO, "decode", tmp_path / "air.pcapng"], capture_output=True, timeout=PATIENCE_S
    )
    assert (decoded.returncode, decoded.stderr) == (0, b"")


def test_it_begins_before_the_programs_and_outlives_them(
    shared_radio: SharedRadio,  # noqa: F811
    tmp_path: Path,
) -> None:
    """It starts the radio, which stays while somebody watches."""
    command = [*BLEIO, "capture", "--adapter", adapter(shared_radio), "air.pcapng"]
    program = tmp_path / "beacon.py"
    program.write_text(BEACON)
    with Terminal(command, tmp_path) as terminal:
        terminal.expect("Recording")
        for _ in range(2):
            beacon = shared_radio.start(program)
            beacon.wait_for("up")
            terminal.expect('"beacon"')
            beacon.kill()
        terminal.press_ctrl_c()
        assert terminal.end() == 130


def test_a_radio_that_ends_ends_it(tmp_path: Path, shared_radio: SharedRadio) -> None:  # noqa: F811
    name = shared_radio.name
    with subprocess.Popen([*BLEIO, "radio", name], stdout=subprocess.PIPE, text=True) as radio:
        assert radio.stdout is not None
        while "Ready" not in radio.stdout.readline():
            pass
        for arguments, code in (((), 0), (("--duration", "1h"), 5)):
            capture = subprocess.Popen(
                [*BLEIO, "capture", "--adapter", f"virtual:{name}", *arguments, "x.pcapng"],
                cwd=tmp_path,
                stderr=subprocess.PIPE,
                text=True,
            )
            with capture:
                assert capture.stderr is not None
                assert "Recording" in capture.stderr.readline()
                if code:
                    radio.terminate()
                    assert "has ended" in capture.stderr.readline()
                    assert capture.wait(PATIENCE_S) == code
                else:
                    capture.terminate()


def test_whoever_reads_no_more_ends_it(radio: SharedRadio, tmp_path: Path) -> None:
    for file in ("", "-"):
        with subprocess.Popen(
            [*BLEIO, "capture", "--adapter", adapter(radio), *file.split()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as capture:
            assert capture.stdout is not None
            assert capture.stdout.read(10)
            capture.stdout.close()
            assert capture.wait(PATIENCE_S) == 141
            assert capture.stderr is not None
            assert b"Traceback" not in capture.stderr.read()


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ("virtual", "bleio capture --adapter virtual:desk air.pcapng"),
        ("hci:usb:0", "bleio run --adapter hci:usb:0 --capture air.pcapng PROGRAM"),
        ("os", "bleio capture --adapter virtual:desk FILE"),
        ("esphome:10.0.0.1", "proxies pass on advertisements and values, no packets"),
    ],
)
def test_what_cannot_be_recorded_here(chosen: str, sentence: str, tmp_path: Path) -> None:
    done = run("--adapter", chosen, "air.pcapng", folder=tmp_path)
    assert done.returncode == 4
    assert sentence in done.stderr
    assert not (tmp_path / "air.pcapng").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-", "--json"), "--json and -v are for lines"),
        (("-q",), "-q prints nothing"),
        (("x.btsnoop",), "btsnoop is for HCI"),
        (("--duration", "soon", "x"), "'soon' is no time such as 60s"),
        (("--count", "0", "x"), "0 is not in the range"),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    done = run("--adapter", "virtual:x", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    done = run("--adapter", "virtual:x", "no/air.pcapng", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Cannot use ")
