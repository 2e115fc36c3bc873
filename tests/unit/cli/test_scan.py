"""`bleio scan` as a user has it: on a terminal, in a pipe, beside programs on one radio."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from bleio.decoding.reading.files import decode, read
from support import schemas
from support.patience import PATIENCE_S
from support.processes import SharedRadio, shared_radio
from support.terminal import Terminal

__all__ = ["shared_radio"]

BLEIO = [sys.executable, "-m", "bleio"]
# A device with the name, and the services of the short UUIDs, that its arguments say.
DEVICE = """
import sys, time
import _bleio

def structure(kind, octets):
    return bytes([1 + len(octets), kind]) + octets

name = sys.argv[1].encode().decode("unicode_escape").encode("latin-1")
services = b"".join(int(each, 16).to_bytes(2, "little") for each in sys.argv[2:])
data = structure(1, b"\\6") + (structure(3, services) if services else b"")
_bleio.adapter.start_advertising(data, scan_response=structure(9, name), interval=0.05)
print("advertises", flush=True)
time.sleep(1e6)
"""


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "device.py"
    path.write_text(DEVICE)
    return path


def advertise(radio: SharedRadio, device: Path, name: str, *services: str) -> None:
    tag = f"device {len(radio._programs)}"
    radio.start(device, name, *services, tag=tag).wait_for("advertises")


def scan(radio: SharedRadio, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BLEIO, "scan", *options],
        env=radio.environment("scan", **environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_a_pipe_has_a_line_for_each_device(shared_radio: SharedRadio, device: Path) -> None:
    advertise(shared_radio, device, "Strap", "180d")
    advertise(shared_radio, device, r"\x1b[2J[red]", "180f", "180a")
    done = scan(shared_radio, "--count", "2")
    assert done.returncode == 0
    lines = sorted(done.stdout.splitlines(), key=lambda line: "Strap" in line)
    assert '"\\x1b[2J[red]"  Battery Service, Device Information' in lines[0]
    assert lines[1].endswith('static     -60 dBm  connectable  "Strap"  Heart Rate')
    assert lines[1].split()[1:3] == ["s", "+"]
    assert "Scanning on virtual:" in done.stderr
    assert "2 devices, " in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_json_is_objects_that_fit_the_schema_and_nothing_else(
    shared_radio: SharedRadio, device: Path
) -> None:
    advertise(shared_radio, device, "Strap", "180d")
    done = scan(shared_radio, "--json", "--raw", "--service", "heart-rate", "--count", "1")
    assert (done.returncode, done.stderr) == (0, "")
    *packets, summary = schemas.checked_lines("scan", done.stdout)
    assert {each["event"] for each in packets} == {"advertisement"}
    assert summary["event"] == "summary"
    assert summary["devices"] == 1
    assert summary["packets"] == len(packets)
    assert packets[0]["services"] == [
        {"uuid": "0000180d-0000-1000-8000-00805f9b34fb", "name": "Heart Rate"}
    ]
    assert {"type": 9, "name": "Complete Local Name", "octets": b"Strap".hex()} in [
        structure for packet in packets for structure in packet["structures"]
    ]


def test_raw_shows_octets_and_a_recording_has_all_that_was_heard(
    shared_radio: SharedRadio, device: Path, tmp_path: Path
) -> None:
    advertise(shared_radio, device, "Strap", "180d")
    path = tmp_path / "it.pcapng"
    done = scan(shared_radio, "--raw", "--name", "strap", "--count", "1", "--record", str(path))
    assert done.returncode == 0
    assert "06 09 53 74 72 61 70" in done.stdout
    assert 'Complete Local Name: name "Strap"' in done.stdout
    assert f"bleio decode {path} shows it" in done.stderr
    with path.open("rb") as stream:
        texts = [packet.text for packet in decode(read(stream, "it"))]
    # The first packets came before the name was known, so they are in the recording alone.
    assert len(texts) >= done.stdout.count("dBm")
    assert any('name "Strap"' in text for text in texts)
    assert any("services Heart Rate" in text for text in texts)


def test_no_device_that_fits_is_an_exit_code(shared_radio: SharedRadio, device: Path) -> None:
    advertise(shared_radio, device, "Strap", "180d")
    done = scan(shared_radio, "--service", "battery", "--duration", "500ms")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1].startswith("Error: No device that fits was heard in 0.5 s")
    done = scan(shared_radio, "--count", "3", "--duration", "500ms")
    assert done.returncode == 3
    assert "3 devices were not heard" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--service", "hart rate"], "did you mean 'Heart Rate'?"),
        (["--manufacturer", "appel"], "'Apple, Inc.'"),
        (["--address", "xyz"], "is not how an address begins"),
        (["--rssi", "-200"], "Invalid value for '--rssi'"),
        (["--duration", "soon"], "Invalid value for '--duration'"),
        (["--count", "0"], "Invalid value for '--count'"),
        (["--sort", "beauty"], "Invalid value for '--sort'"),
        (["--adapter", "virtal:desk"], "There is no adapter 'virtal:desk'"),
        (["--rcord", "x"], "No such option"),
        (["--sort", "name"], "--sort is for the table"),
        (["--lines", "--json"], "either --lines or --json"),
        (["more"], "unexpected extra argument"),
    ],
)
def test_wrong_arguments(shared_radio: SharedRadio, options: list[str], said: str) -> None:
    done = scan(shared_radio, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_written_is_one_sentence(shared_radio: SharedRadio) -> None:
    done = scan(shared_radio, "--record", "/no/such/folder/x", "--duration", "1")
    assert done.returncode == 1
    assert "Cannot use '/no/such/folder/x': No such file or directory" in done.stderr


def test_no_adapter_is_an_exit_code_of_its_own(shared_radio: SharedRadio) -> None:
    done = scan(shared_radio, "--adapter", "hci:tcp-client:127.0.0.1:1", "--duration", "1")
    assert (done.returncode, done.stdout) == (4, "")
    assert "Traceback" not in done.stderr


def test_silence_on_a_private_radio_is_explained(tmp_path: Path) -> None:
    done = subprocess.run(
        [*BLEIO, "scan", "--adapter", "virtual", "--duration", "6"],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},  # where no other radio runs
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "BLEIO_ADAPTER=virtual:desk" in done.stderr
    assert "0 devices, 0 packets in 6.0 s." in done.stderr


def test_silence_on_a_shared_radio_names_those_that_are_not_silent(
    shared_radio: SharedRadio, device: Path
) -> None:
    advertise(shared_radio, device, "Strap")
    quiet = f"virtual:{shared_radio.name}-2"
    done = scan(shared_radio, "--adapter", quiet, "--duration", "8")
    assert f"Nothing is heard on {quiet}" in done.stderr
    assert "Programs advertise on virtual:" in done.stderr


@pytest.mark.parametrize("options", [[], ["--raw"], ["--json"]])
def test_names_of_all_scripts_pass_through_any_encoding(
    options: list[str], shared_radio: SharedRadio, device: Path
) -> None:
    name = "温度".encode().decode("latin-1").encode("unicode_escape").decode()
    advertise(shared_radio, device, name, "180d")
    done = scan(shared_radio, "--count", "1", *options, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    # click takes ASCII for a mistake, and writes UTF-8.
    assert "\\u6e29\\u5ea6" in done.stdout or "温度" in done.stdout


def test_a_pipe_stays_plain_where_colours_are_forced(
    shared_radio: SharedRadio, device: Path
) -> None:
    advertise(shared_radio, device, "Strap", "180d")
    done = scan(shared_radio, "--count", "1", FORCE_COLOR="1")
    assert done.returncode == 0
    assert '"Strap"  Heart Rate' in done.stdout
    assert "\x1b[?1049h" not in done.stdout


# On a terminal


def terminal(radio: SharedRadio, tmp_path: Path, *options: str, **more: str) -> Terminal:
    environment = radio.environment("scan", **more)
    return Terminal([*BLEIO, "scan", *options], tmp_path, (80, 24), **environment)


def test_the_table_lives_and_stays_when_the_scan_ends(
    shared_radio: SharedRadio, device: Path, tmp_path: Path
) -> None:
    advertise(shared_radio, device, r"\x1b[2J[red]x", "180d")
    with terminal(shared_radio, tmp_path) as shown:
        picture = shown.expect_picture(lambda lines: "\\x1b[2J" in "".join(lines), "the device")
        assert picture[0].startswith("Scan on virtual:")
        assert "1 device" in picture[0]
        assert picture[2].split()[:3] == ["Address", "Type", "C"]
        assert "Heart Rate" in picture[3]
        assert max(map(len, picture)) < 80
        advertise(shared_radio, device, "second")
        shown.expect_picture(lambda lines: "second" in "".join(lines), "the second device")
        shown.press_ctrl_c()
        assert shown.end() == 130
        assert shown.is_sane()
        last = "\n".join(shown.expect_picture(lambda lines: True, "anything"))
    assert "second" in last
    assert "2 devices, " in last
    assert "Traceback" not in last
    assert "\x1b[?25h" in shown.shown  # the cursor is back
    assert "\x1b[?1049l" in shown.shown  # and so is the usual screen


def test_the_table_counts_devices_that_do_not_fit(
    shared_radio: SharedRadio, device: Path, tmp_path: Path
) -> None:
    advertise(shared_radio, device, "Strap", "180d")
    advertise(shared_radio, device, "other")
    with terminal(shared_radio, tmp_path, "--service", "heart rate") as shown:
        head = "1 device and 1 that do not fit"
        picture = shown.expect_picture(lambda lines: head in lines[0], head)
        assert "Strap" in "".join(picture)
        assert "other" not in "".join(picture[1:])
        shown.press_ctrl_c()
        assert shown.end() == 130


def test_the_table_follows_the_size_of_the_terminal(
    shared_radio: SharedRadio, device: Path, tmp_path: Path
) -> None:
    for number in range(4):
        advertise(shared_radio, device, f"device {number}", "180d")
    with terminal(shared_radio, tmp_path) as shown:
        shown.expect_picture(lambda lines: "4 devices" in lines[0], "all devices")
        shown.resize(50, 8)
        picture = shown.expect_picture(lambda lines: "... and 2 more" in lines, "fewer rows")
        assert max(map(len, picture)) < 50
        shown.resize(120, 30)
        shown.expect_picture(lambda lines: "Heart Rate" in "".join(lines), "all columns")
        shown.press_ctrl_c()
        assert shown.end() == 130


@pytest.mark.parametrize("live", [True, False])
def test_kill_leaves_the_terminal_as_it_was(
    live: bool, shared_radio: SharedRadio, device: Path, tmp_path: Path
) -> None:
    advertise(shared_radio, device, "Strap")
    with terminal(shared_radio, tmp_path, *(["--lines"] * (not live))) as shown:
        shown.expect_picture(lambda lines: "Strap" in "".join(lines), "the device")
        shown.process.terminate()
        assert shown.end() == 128 + signal.SIGTERM
        assert shown.is_sane()
        assert ("\x1b[?1049l" in shown.shown) == live
        assert "1 device, " in shown.shown
        assert "Traceback" not in shown.shown


def test_a_radio_that_goes_ends_the_scan_with_a_sentence(tmp_path: Path) -> None:
    name = f"test-{uuid.uuid4().hex[:12]}"
    with subprocess.Popen([*BLEIO, "radio", name], stdout=subprocess.PIPE, text=True) as radio:
        assert radio.stdout is not None
        radio.stdout.readline()
        command = [*BLEIO, "scan", "--adapter", f"virtual:{name}"]
        with Terminal(command, tmp_path, (80, 24)) as shown:
            shown.expect_picture(lambda lines: "Scan on" in lines[0], "the table")
            radio.kill()
            assert shown.end() == 4
            assert "\x1b[?1049l" in shown.shown
            assert shown.is_sane()
            last = shown.shown.rpartition("1049l")[2]
            assert "0 devices, 0 packets" in last
            assert "Error: " in last
            assert "Traceback" not in last


def test_a_terminal_without_unicode_has_a_table_too(
    shared_radio: SharedRadio, device: Path, tmp_path: Path
) -> None:
    name = "温度計温度計".encode().decode("latin-1").encode("unicode_escape").decode()
    advertise(shared_radio, device, name, "180d", "180f", "180a", "1816")
    with terminal(shared_radio, tmp_path, PYTHONIOENCODING="ascii") as shown:
        shown.expect_picture(lambda lines: "Heart Rate" in "".join(lines), "the device")
        shown.press_ctrl_c()
        assert shown.end() == 130
        assert shown.shown.replace("^C", "").isascii()


def test_colours_are_for_those_that_want_them(
    shared_radio: SharedRadio, device: Path, tmp_path: Path
) -> None:
    advertise(shared_radio, device, "Strap")
    for colours in (True, False):
        more = {} if colours else {"NO_COLOR": "1"}
        with terminal(shared_radio, tmp_path, "--duration", "2", **more) as shown:
            assert shown.end() == 0
            assert ("\x1b[33m" in shown.shown or "\x1b[32m" in shown.shown) == colours


def test_a_terminal_that_moves_no_cursor_gets_lines(
    shared_radio: SharedRadio, device: Path, tmp_path: Path
) -> None:
    advertise(shared_radio, device, "Strap", "180d")
    command = [*BLEIO, "scan"]
    with Terminal(command, tmp_path, **shared_radio.environment("scan", TERM="dumb")) as shown:
        shown.expect("Ctrl-C ends it.")
        shown.expect('"Strap"  Heart Rate')
        shown.press_ctrl_c()
        assert shown.end() == 130
        shown.expect("1 device, ")
        assert "\x1b" not in shown.shown


# Somebody with many addresses: H4 to the radio's port, which is the first argument.
FLOOD = r"""
import asyncio, os, struct, sys

def command(opcode, parameters):
    return b"\x01" + struct.pack("<HB", opcode, len(parameters)) + parameters

async def send(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reading = asyncio.ensure_future(reader.read())
    parameters = struct.pack("<HHBBB6sBB", 0x20, 0x20, 0, 1, 0, bytes(6), 7, 0)
    writer.write(command(0x0C03, b"") + command(0x2006, parameters))
    while True:
        name = b"\x1b[2J\x1b]0;x\x07[red]" + os.urandom(4).hex().encode()
        data = bytes([len(name) + 1, 9]) + name
        writer.write(
            command(0x200A, b"\0")
            + command(0x2005, os.urandom(5) + b"\xff")
            + command(0x2008, bytes([len(data)]) + data.ljust(31, b"\0"))
            + command(0x200A, b"\1")
        )
        await writer.drain()
        await asyncio.sleep(0.025)

async def main():
    print("sends", flush=True)
    await asyncio.gather(*(send(int(sys.argv[1])) for _ in range(30)))

asyncio.run(main())
"""


@pytest.mark.slow
def test_ten_thousand_hostile_advertisers(
    shared_radio: SharedRadio, device: Path, tmp_path: Path
) -> None:
    radio = [*BLEIO, "radio", shared_radio.name, "--listen", "tcp:127.0.0.1:0"]
    with subprocess.Popen(radio, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()
        port = running.stdout.readline().strip().rpartition(":")[2]
        flood = tmp_path / "flood.py"
        flood.write_text(FLOOD)
        sending = shared_radio.start(flood, port, tag="flood")
        sending.wait_for("sends")
        advertise(shared_radio, device, "honest", "180d")
        try:
            with terminal(shared_radio, tmp_path, "--sort", "name") as shown:
                head = shown.expect_picture(_has_dropped(10_000 - 4_096), "so many addresses")[0]
                assert "4096 devices (" in head
                picture = shown.expect_picture(lambda lines: True, "anything")
                assert len(picture) == 24
                assert max(map(len, picture)) < 80
                shown.press_ctrl_c()
                assert shown.end() == 130
                assert "had to leave the table, which holds 4096" in shown.shown.replace("\n", "")
            done = scan(shared_radio, "--name", "honest", "--count", "1", "--duration", "60")
            assert done.returncode == 0
            assert '"honest"  Heart Rate' in done.stdout
        finally:
            sending.kill()
            running.terminate()


def _has_dropped(devices: int) -> Callable[[list[str]], bool]:
    def fits(lines: list[str]) -> bool:
        found = re.search(r"\((\d+) dropped\)", lines[0])
        return found is not None and int(found[1]) >= devices

    return fits
