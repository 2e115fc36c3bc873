"""What worlds write for packet analysers, as tshark reads it."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest

from bleio.testing import World
from support.pairing_pair import PAIRING_CENTRAL, PAIRING_PERIPHERAL
from support.tshark import complaints, fields, needs_tshark

BEACON = """
import time
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
time.sleep(3)
"""

SCANNER = """
import _bleio
from bleio.api import Adapter
for entry in _bleio.adapter.start_scan(timeout=2):
    pass
Adapter("virtual").start_advertising(b"")
"""


@needs_tshark
def test_each_device_has_a_btsnoop_file(tmp_path: Path) -> None:
    with World(hci_capture=tmp_path / "hci") as world:
        for name in ("beacon", "a/b", "a:b", "A_B"):
            world.add(source=BEACON, name=name)
        world.add(source=SCANNER, name="scanner")
        world.run()
        world["beacon"].power_on()
        world.run()
    files = {path.name: path for path in (tmp_path / "hci").iterdir()}
    assert set(files) == {
        *("beacon.btsnoop", "a_b.btsnoop", "a_b-2.btsnoop", "A_B-3.btsnoop"),
        *("scanner.btsnoop", "adapter_1.btsnoop"),
    }
    resets = dict.fromkeys(files, 0)
    for name, path in files.items():
        assert complaints(path) == []
        packets = fields(path, "frame.time_epoch", "hci_h4.direction", "bthci_cmd.opcode")
        times = [float(time_s) for time_s, _, _ in packets]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] < 7
        assert packets[0][1:] == ["0x00", "0x0c03"]
        assert {direction for _, direction, _ in packets} == {"0x00", "0x01"}
        resets[name] = sum(opcode == "0x0c03" for _, _, opcode in packets)
    assert resets["beacon.btsnoop"] == 2 * resets["a_b.btsnoop"]


def test_names_that_differ_little_have_files_of_their_own(tmp_path: Path) -> None:
    with World(hci_capture=tmp_path) as world:
        for name in ("x-2", "x", "X"):
            world.add(source="", name=name)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("x-2.btsnoop", "x.btsnoop", "X-3.btsnoop")
    }


@needs_tshark
def test_bleio_capture_has_an_interface_for_each_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "all.pcapng"
    monkeypatch.setenv("BLEIO_CAPTURE", str(path))
    with World() as world:
        world.add(source=BEACON, name="beacon")
        world.add(source=SCANNER, name="scanner")
        world.run()
    assert complaints(path) == []
    packets = fields(path, "frame.interface_name", "frame.time_epoch")
    assert {name for name, _ in packets} == {"beacon", "scanner", "adapter 1"}
    assert min(float(time_s) for _, time_s in packets) >= 0
    assert max(float(time_s) for _, time_s in packets) < 4


@needs_tshark
@pytest.mark.parametrize("decipher", [False, True])
def test_what_was_encrypted_can_be_read_on_request(decipher: bool, tmp_path: Path) -> None:
    live, kept = tmp_path / "live.pcapng", tmp_path / "kept.pcapng"
    with World(capture=live, decipher=decipher) as world:
        world.add(source=PAIRING_PERIPHERAL, name="peripheral")
        central = world.add(source=PAIRING_CENTRAL, name="central")
        world.run(until=lambda: not central.running)
        world.save_packets(kept)
    for path in (live, kept):
        values = [value for (value,) in fields(path, "btatt.value", only="btatt.opcode == 0x0b")]
        assert (b"secret".hex() in values) == decipher


@needs_tshark
def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    def written(folder: str, seed: int) -> list[bytes]:
        with World(seed, hci_capture=tmp_path / folder) as world:
            world.add(source=BEACON, name="beacon")
            world.add(source=SCANNER, name="scanner")
            world.run()
        return [path.read_bytes() for path in sorted((tmp_path / folder).iterdir())]

    assert written("1", 1) == written("2", 1)
    assert written("3", 2) != written("1", 1)


def test_keys_are_saved_when_asked_for(tmp_path: Path) -> None:
    with World() as world:
        world.add(source=PAIRING_PERIPHERAL, name="peripheral")
        central = world.add(source=PAIRING_CENTRAL, name="central")
        world.save_keys(tmp_path / "before")
        world.run(until=lambda: not central.running)
        world.save_keys(tmp_path / "after")
    (header,) = (tmp_path / "before").read_text().splitlines()
    assert header.startswith("# seconds central peripheral")
    _, line = (tmp_path / "after").read_text().splitlines()
    assert re.fullmatch(r"\d+\.\d{6} \S+/random \S+/random [0-9a-f]{32}", line)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
def test_nobody_else_reads_keys_and_what_was_deciphered(tmp_path: Path) -> None:
    with World(capture=tmp_path / "air", decipher=True) as world:
        world.save_packets(tmp_path / "packets")
        world.save_keys(tmp_path / "keys")
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600] * 3


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        World(hci_capture=tmp_path / "file" / "hci")
