"""The command `bleio decode`: captures that worlds make, others' files, and what is no capture."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bleio.cli.main import main
from bleio.testing import World
from support.pairing_pair import PAIRING_CENTRAL, PAIRING_PERIPHERAL
from support.patience import PATIENCE_S
from support.tshark import complaints, fields, needs_tshark

COMMAND = (sys.executable, "-m", "bleio", "decode")


def decode(*arguments: str | Path) -> str:
    """Run the command in this process; it succeeds."""
    done = CliRunner().invoke(main, ["decode", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with captures of one world in which two devices pair and one reads a secret."""
    folder = tmp_path_factory.mktemp("captures")
    for name, options in (("plain", {}), ("clear", {"decipher": True}), ("lossy", {"loss": 0.2})):
        air = folder / f"{name}.pcapng"
        with World(2, capture=air, hci_capture=folder / name, **options) as world:  # type: ignore[arg-type]
            world.add(source=PAIRING_PERIPHERAL, name="sensor", stop_s=5)
            world.add(source=PAIRING_CENTRAL, name="reader")
            world.run()
            world.save_packets(folder / f"{name}-kept.pcapng")
            (folder / f"{name}.txt").write_text(world.story())
    return folder


def test_a_capture_of_the_air_names_its_devices(captures: Path) -> None:
    told = decode(captures / "clear.pcapng")
    assert re.search(r"\n +0\.\d+  reader -> sensor  LL Connect: interval 15 ms", told)
    assert 'sensor -> reader  ATT Read Response UUID 2345 (0x0012) = "secret"' in told
    assert "encrypted" not in told
    assert "malformed" not in told


@pytest.mark.parametrize("name", ["clear", "lossy"])
def test_a_capture_says_what_its_world_tells(captures: Path, name: str) -> None:
    """Where programs print, counts of empty packets are parted; and only one is in clear text."""

    def said(lines: list[str]) -> list[str]:
        return [each.partition("  (after")[0] for each in lines if " empty" not in each[50:]]

    story = (captures / f"{name}.txt").read_text().splitlines()
    expected = said([each for each in story if not each.startswith("[")])
    for path in (captures / f"{name}.pcapng", captures / f"{name}-kept.pcapng"):
        told = said(decode(path).splitlines())
        if name == "lossy":
            told = [each for each in told if " encrypted" not in each]
            assert set(told) < set(expected)
            assert len(told) > 20
        else:
            assert told == expected


def test_encrypted_packets_are_called_so(captures: Path) -> None:
    told = decode(captures / "plain.pcapng")
    assert re.search(r"reader -> sensor  LL encrypted, \d+ octets", told)
    assert "secret" not in told
    assert "malformed" not in told


def test_lost_packets_are_marked(captures: Path) -> None:
    told = decode(captures / "lossy.pcapng")
    assert re.search(r"  (ATT|SMP|LL) .*  LOST\n", told)
    assert " (again)" in told


def test_a_capture_of_hci_is_named_after_its_file(captures: Path) -> None:
    told = decode(captures / "clear" / "reader.btsnoop")
    assert "     0.000000  reader -> controller  HCI Reset\n" in told
    assert "controller -> reader  HCI Encryption Change: status Success" in told
    assert re.search(r'-> reader  ATT Read Response UUID 2345 \(0x0012\) = "secret"\n', told)
    assert "malformed" not in told


def test_a_capture_of_several_adapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "all.pcapng"
    monkeypatch.setenv("BLEIO_CAPTURE", str(path))
    with World(2) as world:
        world.add(source=PAIRING_PERIPHERAL, name="sensor", stop_s=2)
        world.add(source=PAIRING_CENTRAL, name="reader")
        world.run()
    told = decode(path)
    assert "sensor -> controller  HCI Reset" in told
    assert re.search(r'sensor -> reader  ATT Read Response .* = "secret"', told)


def test_octets(captures: Path) -> None:
    told = decode("-v", captures / "clear.pcapng")
    assert re.search(r"ATT Read UUID 2345 \(0x0012\).*\n {15}.. .. 03 00 04 00 0a 12 00\n", told)


def test_objects(captures: Path) -> None:
    objects = [
        json.loads(line) for line in decode("--json", captures / "lossy.pcapng").splitlines()
    ]
    assert len(objects) == sum(1 for _ in fields_of(captures / "lossy.pcapng"))
    assert {each["sender"] for each in objects} >= {"sensor", "reader"}
    assert sum(each["lost"] for each in objects) > 3
    (read,) = (each for each in objects if each["text"].startswith("Exchange MTU 512")
               and not each["lost"])  # fmt: skip
    assert read["protocol"] == "ATT"
    assert read["details"]["MTU"] == "512"
    assert bytes.fromhex(read["octets"])[-3:] == b"\x02\x00\x02"


def fields_of(path: Path) -> list[str]:
    """What the kept records are: one of each packet in the file."""
    from bleio.decoding.reading.files import read

    with path.open("rb") as file:
        return [str(each) for each in read(file, "host")]


@needs_tshark
def test_tshark_has_nothing_against_the_names_and_shows_them(captures: Path) -> None:
    path = captures / "clear.pcapng"
    assert complaints(path) == []
    comments = [line[0] for line in fields(path, "frame.comment", only="frame.comment")]
    assert comments.count("from sensor") >= 2  # by its address, and by its end of the link
    assert set(comments) == {"from sensor", "from reader"}
    assert len(comments) < 8


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not installed")
@pytest.mark.parametrize("kind", ["pcap", "nsecpcap", "pcapng"])
def test_files_that_wireshark_has_written(captures: Path, tmp_path: Path, kind: str) -> None:
    ours, theirs = captures / "clear.pcapng", tmp_path / "theirs"
    subprocess.run(["editcap", "-F", kind, ours, theirs], check=True, timeout=PATIENCE_S)
    told, expected = decode(theirs), decode(ours)
    if kind == "pcapng":
        assert told == expected
        return
    assert 'ATT Read Response UUID 2345 (0x0012) = "secret"' in told  # there are no names in it
    assert len(told.splitlines()) == len(expected.splitlines())


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not installed")
@pytest.mark.parametrize("kind", ["btsnoop", "pcap", "pcapng"])
def test_files_of_hci_that_wireshark_has_written(captures: Path, tmp_path: Path, kind: str) -> None:
    ours, theirs = captures / "clear" / "reader.btsnoop", tmp_path / "reader"
    subprocess.run(["editcap", "-F", kind, ours, theirs], check=True, timeout=PATIENCE_S)
    assert decode(theirs) == decode(ours)


def test_what_is_no_capture(tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_text("import _bleio\n")
    done = CliRunner().invoke(main, ["decode", str(path)])
    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: Cannot decode {str(path)!r}: it is neither pcapng nor pcap nor btsnoop.\n"
    )


def test_what_cannot_be_read(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "missing", "No such file"), (tmp_path, "Is a directory")):
        done = CliRunner().invoke(main, ["decode", str(path)])
        assert done.exit_code == 1
        assert done.stderr.startswith(f"Error: Cannot read {str(path)!r}: {words}")
        assert done.stderr.count("\n") == 1


def test_a_capture_that_is_cut_is_told_up_to_there(captures: Path, tmp_path: Path) -> None:
    octets = (captures / "clear" / "reader.btsnoop").read_bytes()
    path = tmp_path / "reader.btsnoop"
    path.write_bytes(octets[:-3])
    done = CliRunner().invoke(main, ["decode", str(path)])
    assert done.exit_code == 1
    assert "ATT Read Response" in done.stdout
    assert re.fullmatch(
        r"Error: Cannot decode '.*': it ends in the middle of a packet, at octet \d+\.\n",
        done.stderr,
    )


def test_times_of_the_real_world_begin_with_the_first_packet(tmp_path: Path) -> None:
    from bleio.core import pcapng

    path = tmp_path / "real.btsnoop"
    octets = pcapng.btsnoop_header()
    for offset_us in (0, 1_500_000):
        time_us = 1_767_225_600_000_000 + offset_us
        octets += pcapng.btsnoop_packet(time_us, b"\x01\x03\x0c\x00", to_host=False)
    path.write_bytes(octets)
    done = CliRunner().invoke(main, ["decode", str(path)])
    assert done.stderr == "The first packet is of 2026-01-01 00:00:00 UTC.\n"
    assert done.stdout.splitlines()[1] == "     1.500000  real -> controller  HCI Reset"
    (first, _) = decode("--json", path).splitlines()
    assert json.loads(first)["time_us"] == 1_767_225_600_000_000


def test_a_pipe(captures: Path) -> None:
    octets = (captures / "clear.pcapng").read_bytes()
    done = subprocess.run(
        [*COMMAND, "-"], input=octets, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0
    assert done.stdout.decode() == decode(captures / "clear.pcapng")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_that_leaves(captures: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.btsnoop"
    octets = (captures / "clear" / "reader.btsnoop").read_bytes()
    path.write_bytes(octets[:16] + octets[16:] * 200)
    command = [*COMMAND, str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "HCI Reset" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE_S) == 141


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGINT")
def test_ctrl_c() -> None:
    process = subprocess.Popen(
        [*COMMAND, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="latin-1",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("btsnoop\0\0\0\0\1\0\0\x03\xea")
    for _ in range(2):
        process.stdin.write("\0\0\0\4" * 2 + "\0" * 16 + "\1\3\x0c\0")
    process.stdin.flush()
    assert "HCI Reset" in process.stdout.readline()  # it waits for more
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in errors
    assert process.returncode == 130
