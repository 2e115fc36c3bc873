"""The command `bleio sim`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from bleio.cli.main import main
from support.commands import bleio
from support.pairing_pair import PAIRING_CENTRAL, PAIRING_PERIPHERAL
from support.patience import PATIENCE_S, as_if_idle
from support.tshark import complaints, fields, needs_tshark

EXAMPLES = Path(__file__).parents[2] / "examples"


def sim(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return bleio("sim", *arguments, folder=folder)


@pytest.mark.interop
def test_two_programs_talk_and_the_time_is_over() -> None:
    pair = (EXAMPLES / "heart_rate_peripheral.py", EXAMPLES / "heart_rate_central.py")
    done = sim(*pair, "--for", "60s", "--seed", "4")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(
        re.match(r"\[ *\d+\.\d{6} heart_rate_(central|peripheral)\] ", each) for each in lines
    )
    assert lines[0] == "[    0.000000 heart_rate_central] Scanning"
    assert sum("Reading:" in line for line in lines) == 5
    assert sim(*pair, "--for", "1min", "--seed", "4").stdout == done.stdout
    assert sim(*pair, "--for", "60s", "--seed", "5").stdout != done.stdout


def test_it_ends_with_its_programs(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import time\ntime.sleep(7200)\nprint('done')")
    done = sim("code.py", "--for", "10h", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "[ 7200.000000 code] done\n")


def test_programs_have_arguments(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import sys\nprint(sys.argv[1:])")
    (tmp_path / "a b.py").write_text("print('spaced')")
    done = sim("code.py --name 'two words' 3", "a b.py", folder=tmp_path)
    assert done.stdout == (
        "[    0.000000 code] ['--name', 'two words', '3']\n[    0.000000 a b] spaced\n"
    )
    for wrong, said in (("cod.py --fast", "'cod.py' does not exist"), ("code.py 'x", "quotation")):
        done = sim(wrong, folder=tmp_path)
        assert done.returncode == 2
        assert said in done.stderr


@pytest.mark.parametrize("options", [(), ("--trace",)])
def test_what_the_terminal_cannot_show_is_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    (tmp_path / "s\u00e9nsor.py").write_text(
        "import sys, _bleio, time\n"
        "_bleio.adapter.start_advertising(b'\\x02\\x01\\x06')\n"
        "time.sleep(1)\n"
        "print('\\u00fc \\ud800')\n"
        "sys.exit('no \\u00fc')\n"
    )
    (tmp_path / "sleeps.py").write_text("import time\ntime.sleep(1e6)\n")
    done = sim("s\u00e9nsor.py", "sleeps.py", *options, "--for", "1min", folder=tmp_path)
    assert done.returncode == 1
    assert "s\\xe9nsor] \\xfc \\ud800\n" in done.stdout
    assert "s\\xe9nsor] no \\xfc\n" in done.stdout
    assert "nsor failed at 1.0" in done.stderr


def test_the_exit_code_of_a_program_is_the_commands(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import sys\nprint('now')\nsys.exit(3)")
    done = sim("bad.py", folder=tmp_path)
    assert done.returncode == 3
    assert done.stderr == "Error: bad failed at 0.000000 s: exit code 3 (SystemExit: 3)\n"
    assert done.stdout == "[    0.000000 bad] now\n"


def test_a_failing_program_fails_the_command(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import time\ntime.sleep(1)\nraise ValueError('no')")
    done = sim("bad.py", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "Error: bad failed at 1.000000 s: ValueError: no\n"
    assert "[    1.000000 bad] ValueError: no\n" in done.stdout


BEACON = """
import time
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", connectable=False, interval=0.1)
time.sleep(30)
"""

SCANNER = """
import _bleio
for entry in _bleio.adapter.start_scan(timeout=20, minimum_rssi=-127):
    print("rssi", entry.rssi)
"""


def levels(folder: Path, *options: str) -> list[int]:
    """The levels at which a scanner hears a beacon for 20 s."""
    (folder / "beacon.py").write_text(BEACON)
    (folder / "scanner.py").write_text(SCANNER)
    done = sim("beacon.py", "scanner.py", *options, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return [int(line.split()[-1]) for line in done.stdout.splitlines()]


def test_loss_and_levels_are_those_asked_for(tmp_path: Path) -> None:
    usual = levels(tmp_path)
    assert set(usual) == {-60}
    assert len(usual) > 180
    assert 60 < len(levels(tmp_path, "--loss", "0.5")) < 130
    assert set(levels(tmp_path, "--path-loss", "77")) == {-77}
    assert set(levels(tmp_path, "--distance", "10")) == {-60}
    assert set(levels(tmp_path, "--distance", "20")) == {-66}


@needs_tshark
def test_captures_are_written(tmp_path: Path) -> None:
    levels(tmp_path, "--capture", "air.pcapng", "--hci-capture", "hci")
    assert complaints(tmp_path / "air.pcapng") == []
    assert len(fields(tmp_path / "air.pcapng", "btle.advertising_header.pdu_type")) > 500
    files = sorted((tmp_path / "hci").iterdir())
    assert [path.name for path in files] == ["beacon.btsnoop", "scanner.btsnoop"]
    assert all(len(fields(path, "bthci_cmd.opcode")) > 20 for path in files)


def pair(folder: Path, *options: str) -> None:
    """Run two programs that pair, for so long that both are done."""
    (folder / "peripheral.py").write_text(PAIRING_PERIPHERAL)
    (folder / "central.py").write_text(PAIRING_CENTRAL)
    done = sim("peripheral.py", "central.py", "--for", "40s", *options, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "b'secret'" in done.stdout


@needs_tshark
def test_encrypted_packets_can_be_captured_in_clear_text(tmp_path: Path) -> None:
    pair(tmp_path, "--capture", "air.pcapng", "--decipher", "--keys", "keys.txt")
    assert len((tmp_path / "keys.txt").read_text().splitlines()) == 2
    values = fields(tmp_path / "air.pcapng", "btatt.value", only="btatt.opcode == 0x0b")
    assert [b"secret".hex()] in values


def test_real_time_lasts_as_long_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import time\ntime.sleep(1.2)\nprint('done')")
    begin_s = time.monotonic()
    done = sim("code.py", "--real-time", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "[    1.200000 code] done\n")
    assert time.monotonic() - begin_s > 1.2


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for a child there")
def test_progress_is_shown_when_it_takes_long(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import time\ntime.sleep(5000)")
    with subprocess.Popen(
        [sys.executable, "-m", "bleio", "sim", "code.py", "--real-time", "--for", "1h"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
    assert re.fullmatch(r"simulated \d+\.\d s of 3600 s\n", line)
    assert as_if_idle(line) == ""


@pytest.mark.parametrize("option", ["--capture", "--hci-capture", "--keys"])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, option: str) -> None:
    (tmp_path / "code.py").write_text("")
    (tmp_path / "file").touch()
    done = sim("code.py", option, "file/in/it", folder=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(
        r"Error: Cannot use '.*file/in/?.*': .*; give another place.*\n", done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--for", "soon"), "'soon' is no time"),
        (("--seed", "x"), "not a valid integer"),
        (("--for", "nan"), "'nan' is no time"),
        (("--for", "9" * 400), "is longer than 1e+09 s"),
        (("--loss", "nan"), "'nan' is no number"),
        (("--loss", "1.5"), "not in the range"),
        (("--distance", "-1"), "not in the range"),
        (("--path-loss", "1000"), "not in the range"),
        ((__file__, "--decipher"), "goes with --capture"),
        ((__file__, "--path-loss", "60", "--distance", "3"), "exclude each other"),
        (("missing.py",), "does not exist"),
        ((), "Missing argument"),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = sim(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGTERM")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_kill_leaves_whole_files(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "beacon.py").write_text(
        "import time, _bleio\n"
        "_bleio.adapter.start_advertising(b'\\2\\1\\6', connectable=False)\n"
        "time.sleep(0.5)\n"
        "print('begun', flush=True)\n"
        "while True:\n"
        "    time.sleep(1)\n"
    )
    options = ["--json", "--real-time", "--capture", "air.pcapng", "--report", "page.html"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bleio", "sim", *options, "beacon.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert "begun" in process.stdout.readline()
    process.send_signal(number)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, "Traceback" in errors) == (128 + number, False), errors
    last = json.loads(output.splitlines()[-1])
    assert (last["event"], last["exit_code"]) == ("end", 128 + number)
    decoded = CliRunner().invoke(main, ["decode", str(tmp_path / "air.pcapng")])
    assert decoded.exit_code == 0
    assert "ADV" in decoded.output
    assert (tmp_path / "page.html").read_text("utf-8").endswith("</script>\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for a child there")
def test_in_real_time_lines_come_when_they_are_printed(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import time\nprint('first')\ntime.sleep(30)")
    with subprocess.Popen(
        [sys.executable, "-m", "bleio", "sim", "code.py", "--real-time"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("first\n")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, as_if_idle(errors)) == (130, "\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for a child there")
def test_ctrl_c_ends_it_while_programs_run_for_ever(tmp_path: Path) -> None:
    (tmp_path / "spin.py").write_text("import time\nprint('running')\nwhile True: time.monotonic()")
    with subprocess.Popen(
        [sys.executable, "-m", "bleio", "sim", "spin.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("running\n")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in errors


PAIR = ("sensor.py", "reader.py", "--for", "5s")


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A folder with two programs that pair."""
    (tmp_path / "sensor.py").write_text(PAIRING_PERIPHERAL)
    (tmp_path / "reader.py").write_text(PAIRING_CENTRAL)
    return tmp_path


def test_packets_are_told_among_what_programs_print(two: Path) -> None:
    done = sim(*PAIR, "--trace", folder=two)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    (printed,) = (number for number, each in enumerate(lines) if each.endswith("reader] b'secret'"))
    assert re.fullmatch(
        r'     0\.\d{6}  sensor -> reader  ATT Read Response UUID 2345 \(0x0012\) = "secret".*',
        lines[printed - 1],
    )
    assert all(re.match(r"[ \[] *\d+\.\d{6} ", each) for each in lines)
    assert re.search(r"\n +0\.\d+  reader -> sensor  LL Terminate: ", done.stdout)
    assert sim(*PAIR, folder=two).stdout == lines[printed] + "\n"


def test_octets_are_told_with_v(two: Path) -> None:
    text = sim(*PAIR, "--trace", "-v", folder=two).stdout
    assert re.search(r"ATT Read UUID 2345 \(0x0012\).*\n {15}.. .. 03 00 04 00 0a 12 00\n", text)
    done = sim(*PAIR, "-v", folder=two)
    assert done.returncode == 2
    assert "-v goes with --trace" in done.stderr


def test_the_same_seed_tells_the_same_packets(two: Path) -> None:
    command = (*PAIR, "--trace", "--seed", "3", "--loss", "0.2")
    first = sim(*command, folder=two).stdout
    assert "  LOST\n" in first
    assert sim(*command, folder=two).stdout == first


def test_packets_are_told_of_a_world_that_fails(tmp_path: Path) -> None:
    (tmp_path / "beacon.py").write_text(
        "import time, _bleio\n_bleio.adapter.start_advertising(b'', connectable=False)\n"
        "time.sleep(0.5)\nraise SystemExit(3)\n"
    )
    done = sim("beacon.py", "--trace", folder=tmp_path)
    assert done.returncode == 3
    assert re.search(r"  beacon  ADV Nonconnectable  \(\d+ times in 0\.4\d+ s\)\n", done.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGINT")
def test_packets_are_told_up_to_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "beacon.py").write_text(
        "import time, _bleio\n_bleio.adapter.start_advertising(b'', connectable=False)\n"
        "while True:\n    time.sleep(0.1)\n    print('on air')\n"
    )
    command = [sys.executable, "-m", "bleio", "sim", "beacon.py", "--trace", "--real-time"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert "beacon  ADV Nonconnectable" in process.stdout.readline()
        assert "on air" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_of_packets_that_leaves(two: Path) -> None:
    command = [sys.executable, "-m", "bleio", "sim", *PAIR[:2], "--trace", "--for", "1h"]
    with subprocess.Popen(
        command, cwd=two, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "sensor" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        assert process.wait(PATIENCE_S) == 141
