"""The command `bleio hunt`, and that `bleio sim` does again what it has found."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bleio.cli.main import main
from support.commands import bleio
from support.patience import PATIENCE_S

SENSOR = """
import time
import _bleio
service = _bleio.Service(_bleio.UUID(0xFE10))
value = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0xFE11), properties=_bleio.Characteristic.READ, initial_value=b"old")
ready_s = {ready_s}
while True:
    if not _bleio.adapter.connected and not _bleio.adapter.advertising:
        _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
    if time.monotonic() > ready_s:
        value.value = b"new"
        ready_s += 1000
    time.sleep(0.01)
"""

READER = """
import time
import _bleio

def connect():
    while True:
        try:
            for entry in _bleio.adapter.start_scan(timeout=5):
                if entry.connectable:
                    _bleio.adapter.stop_scan()
                    return _bleio.adapter.connect(entry.address, timeout=5)
        except _bleio.BluetoothError:
            pass

def read():
    while True:
        connection = connect()
        try:
            service, = connection.discover_remote_services((_bleio.UUID(0xFE10),))
            return connection, bytes(service.characteristics[0].value)
        except ConnectionError:
            pass
"""

# Loses its link and makes another one; but not if that is lost at once, too.
CAREFUL_ONCE = """
connection, value = read()
print("ready")
for _ in range(100):
    if not connection.connected:
        print("lost")
        connection = connect()
        connection.discover_remote_services()
        print("again")
    time.sleep(0.02)
print("done")
"""

# With jitter it reads later than this but in one seed of twenty; without, always before.
READY_S = "0.29"
RACE = """
connection, value = read()
print("read", value.decode())
"""


def write(folder: Path, reader: str, ready_s: str = "1000") -> None:
    (folder / "sensor.py").write_text(SENSOR.format(ready_s=ready_s))
    (folder / "a reader.py").write_text(READER + reader)


def hunt(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return bleio("hunt", "sensor.py", "a reader.py", *options, folder=folder)


def again(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell would take it."""
    name, *arguments = shlex.split(command)
    assert name == "bleio"
    return bleio(*arguments, folder=folder)


def test_a_race_is_found_in_one_seed_of_twenty(tmp_path: Path) -> None:
    write(tmp_path, RACE, ready_s=READY_S)
    done = hunt(tmp_path, "--never", "a reader: read old")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(
        r"Found in 20 worlds: seed \d+ needs no faults \([12] of 20 seeds so\)\.", lines[0]
    ), done.stdout
    assert lines[1].startswith("a reader printed 'read old' at 0.")
    assert lines[2] == "This does it again:"
    repeated = again(lines[-1], tmp_path)
    assert repeated.returncode == 1
    assert repeated.stderr.startswith(f"Error: {lines[1]}\n")
    assert "] read old\n" in repeated.stdout
    assert " --jitter 0.001s " in lines[-1]
    other = re.sub(r"--seed \d+", "--seed 19", lines[-1])
    assert other != lines[-1]
    assert again(other, tmp_path).returncode == 0


@pytest.mark.slow
def test_a_fault_of_two_steps_is_found_and_has_no_third(tmp_path: Path) -> None:
    write(tmp_path, CAREFUL_ONCE)
    options = ("--until", "a reader: done", "--within", "20s", "--seeds", "3", "--runs", "2000")
    done = hunt(tmp_path, *options, "--faults", "drop,jam,corrupt")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"Found in \d+ worlds: 2 faults, with seed \d\.", lines[0])
    assert re.match(r"a reader failed at \d+\.\d+ s: ConnectionError: ", lines[1])
    faults = re.findall(r"--fault '(\w+)[^@]*@[\d.]+s[^']*'", lines[-1].replace("""'"'"'""", ""))
    assert len(faults) == 2
    assert "drop" in faults
    repeated = again(lines[-1], tmp_path)
    assert repeated.returncode == 1
    assert repeated.stderr.splitlines()[0] == f"Error: {lines[1]}"
    # Neither of the two does it alone.
    words = shlex.split(lines[-1])
    first, second = (index for index, word in enumerate(words) if word == "--fault")
    for index in (first, second):
        alone = [*words[:index], *words[index + 2 :]]
        assert again(shlex.join(alone), tmp_path).returncode == 0


def test_nothing_found_says_how_much_was_tried(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import time\ntime.sleep(1)\nprint('done')")
    done = bleio(
        *("hunt", "code.py", "--until", "done", "--seeds", "2", "--runs", "40"),
        *("--faults", "jam"),
        folder=tmp_path,
    )
    assert done.returncode == 0
    assert re.fullmatch(r"Nothing found in \d+ worlds\.\n", done.stdout)
    assert int(done.stdout.split()[3]) >= 20
    seeds = bleio("hunt", "code.py", "--until", "done", "--no-faults", folder=tmp_path)
    assert (seeds.returncode, seeds.stdout) == (0, "Nothing found in 20 worlds.\n")


@pytest.mark.parametrize(
    ("program", "options", "sentence"),
    [
        ("print('done')", ("--until", "dome"), "No program printed 'dome', and all programs have"),
        ("print('done')", ("--until", "code: dome"), "code did not print 'dome', and all pro"),
        (
            "import time\nwhile True: time.sleep(1)",
            ("--until", "dome", "--within", "90s"),
            "No program printed 'dome' within 90s",
        ),
        ("print('oh no')", ("--never", "no"), "code printed 'oh no' at 0s"),
        ("print(1 / 0)", (), "code failed at 0.000000 s: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)", (), "code failed at 0.000000 s: exit code 3"),
        (
            "import select\nselect.select([], [], [], 15)",
            ("--until", "done", "--within", "10s"),
            None,
        ),
    ],
)
def test_what_breaks_without_faults_is_found_at_once(
    tmp_path: Path, program: str, options: tuple[str, ...], sentence: str | None
) -> None:
    (tmp_path / "code.py").write_text(program)
    done = bleio("hunt", "code.py", *options, "--seeds", "3", "--jitter", "0", folder=tmp_path)
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stdout + done.stderr
    if sentence is None:
        expected = (
            "Found in 1 world, and not made simpler since it takes long: seed 0 needs no faults."
        )
    else:
        expected = "Found in 3 worlds: seed 0 needs no faults (3 of 3 seeds so)."
    assert lines[0] == expected
    if sentence is not None:
        assert lines[1].startswith(sentence)
    if sentence is not None:
        assert again(lines[-1], tmp_path).returncode in (1, 3)


def test_the_air_is_the_same_in_the_command(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("print('done')")
    options = ["--never", "done", "--seeds", "1", "--loss", "0.25", "--jitter", "2ms"]
    for air in (["--distance", "3"], ["--path-loss", "70"]):
        done = bleio("hunt", "code.py", *options, *air, folder=tmp_path)
        command = done.stdout.splitlines()[-1]
        assert (
            f" {air[0]} {float(air[1])} --loss 0.25 --jitter 0.002s --never done --for 60s"
            in command
        )
        assert again(command, tmp_path).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--faults", "dorp"], "There is no fault 'dorp'; did you mean 'drop'?"),
        (["--faults", "drop", "--no-faults"], "--faults and --no-faults exclude each other"),
        (["--until", ""], "'' has no text, and every line would have it"),
        (["--never", "code: "], "'code: ' has no text"),
        (["--within", "soon"], "'soon' is no time such as 60s"),
        (["--distance", "1", "--path-loss", "1"], "exclude each other"),
        (["--seeds", "0"], "0 is not in the range"),
    ],
)
def test_wrong_options(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "code.py").write_text("print('done')")
    done = CliRunner().invoke(main, ["hunt", str(tmp_path / "code.py"), *arguments])
    assert done.exit_code == 2
    assert message in done.stderr


def test_without_hypothesis_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code.py").write_text("print('done')")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = CliRunner().invoke(main, ["hunt", str(tmp_path / "code.py"), "--until", "done"])
    assert done.exit_code == 1
    assert "pip install 'bleio[hunt]'" in done.stderr


def test_progress_and_the_end_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bleio.cli.hunt._PROGRESS_S", 0)
    (tmp_path / "code.py").write_text("import time\ntime.sleep(1)\nprint('done')")
    done = CliRunner().invoke(
        main,
        [
            *("hunt", str(tmp_path / "code.py"), "--until", "done", "--stop-after", "500ms"),
            *("--runs", "1000000"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert re.search(r"Nothing found in \d+ worlds? when its time was over\.", done.stdout)
    assert done.stderr.startswith("1 world, seeds\n")


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_tells_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import time\ntime.sleep(1)\nprint('done')")
    command = [sys.executable, "-m", "bleio", "hunt", "code.py", "--until", "done"]
    with subprocess.Popen(
        [*command, "--runs", "10000000"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stderr is not None
        assert "world" in process.stderr.readline()
        process.send_signal(2)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert re.fullmatch(r"Nothing found in \d+ worlds? when it was interrupted\.\n", out)
    assert "Traceback" not in err


# `bleio sim` with promises and faults


def sim(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "code.py").write_text(
        "import time\nfor number in range(5):\n    time.sleep(1)\n    print('number', number)"
    )
    return bleio("sim", "code.py", *options, folder=folder)


def test_a_world_ends_when_all_that_was_promised_is_printed(tmp_path: Path) -> None:
    done = sim(tmp_path, "--until", "number 2", "--until", "code: number 1", "--never", "number 3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith("] number 2")


def test_a_promise_that_is_broken_is_an_error_with_where_programs_are(tmp_path: Path) -> None:
    done = sim(tmp_path, "--until", "number 3", "--for", "2500ms")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No program printed 'number 3' within 2.5s\nAt 2.5")
    assert "code.py:3" in done.stderr
    done = sim(tmp_path, "--never", "number 3")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: code printed 'number 3' at 4s\n")
    assert done.stdout.splitlines()[-1].endswith("] number 3")


def test_faults_happen(tmp_path: Path) -> None:
    done = sim(tmp_path, "--fault", "power-cut code @1.5s for 2s", "--fault", "jam @1s")
    assert (done.returncode, done.stderr) == (0, "")
    numbers = [line.split()[-1] for line in done.stdout.splitlines()]
    assert numbers == ["0", "0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("dorp code @1s", "There is no fault 'dorp'"),
        (
            "drop cole @1s",
            "'drop cole @1s' is of a device that this world does not have; did you mean 'code'?",
        ),
        ("drop code", "'drop code' has no time; a fault is written as 'drop sensor @1.25s'"),
    ],
)
def test_wrong_faults(tmp_path: Path, fault: str, message: str) -> None:
    done = sim(tmp_path, "--fault", fault)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
