"""`bleio bonds`: what is kept of peers, without a key of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.store import Bond, ClientState, SigningKey
from bleio.cli.main import main
from bleio.core.address import DeviceAddress
from bleio.locks import FileLock
from support.pair import until
from support.processes import SharedRadio, shared_radio  # noqa: F401
from support.schemas import checked
from support.terminal import Terminal

OWN = DeviceAddress(bytes.fromhex("0102030405c6"), random=True)
OTHER_OWN = DeviceAddress(bytes.fromhex("010203040506"), random=False)
PEER = DeviceAddress(bytes.fromhex("1112131415d6"), random=True)
OTHER_PEER = DeviceAddress(bytes.fromhex("212223242526"), random=False)
SECRET = bytes.fromhex("5ec2e7" * 6)[:16]
BONDS = (
    Bond(
        PEER,
        SECRET,
        authenticated=True,
        irk=SECRET,
        own_signing=SigningKey(SECRET, 5),
        peer_signing=SigningKey(SECRET, 7, ahead=9),
        client=ClientState(cccds=((3, 1), (9, 2))),
    ),
    Bond(OTHER_PEER, SECRET, ediv=1, rand=SECRET[:8], secure_connections=False, key_octets=7),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two own identities: the first has both bonds, the second knows the first peer too."""
    monkeypatch.setenv("BLEIO_STATE_DIR", str(tmp_path))
    bonds = tmp_path / "bonds"
    store = FileBondStore(bonds, OWN)
    store.irk()
    store.save(BONDS[0], True)
    store.save(BONDS[1], False)
    FileBondStore(bonds, OTHER_OWN).save(BONDS[0], False)
    return bonds


def run(*arguments: str, code: int = 0) -> Result:
    """Run the command; no key is in what it prints."""
    done = CliRunner().invoke(main, ["bonds", *arguments])
    assert done.exit_code == code, done.output
    for text in (done.stdout, done.stderr):
        assert "5ec2e7" not in text.lower().replace(" ", "")
        assert "Traceback" not in text
    return done


def test_a_list(folder: Path) -> None:
    lines = run().stdout.splitlines()
    assert lines == run("list").stdout.splitlines()
    assert [line.split("  ")[:3] for line in lines[1:]] == [
        ["06:05:04:03:02:01", "d6:15:14:13:12:11", "peripheral"],
        ["c6:05:04:03:02:01", "d6:15:14:13:12:11", "central"],
        ["c6:05:04:03:02:01", "26:25:24:23:22:21", "peripheral"],
    ]
    assert lines[2].split()[3:5] == ["LE", "SC"]
    assert lines[3].split()[3:5] == ["legacy", "no"]
    assert max(map(len, lines)) < 80


def test_objects(folder: Path) -> None:
    found = checked("bonds", run("--json").stdout)
    assert found["folder"] == str(folder)
    assert found["unreadable"] == []
    first = found["bonds"][1]
    assert first.pop("file_changed")
    assert first == {
        "own_address": "c6:05:04:03:02:01",
        "own_address_type": "random_static",
        "address": "d6:15:14:13:12:11",
        "address_type": "random_static",
        "role": "central",
        "pairing": "le_secure_connections",
        "authenticated": True,
        "key_octets": 16,
        "has_private_addresses": True,
        "own_sign_counter": 5,
        "peer_sign_counter": 9,
        "subscriptions": 2,
    }
    assert found["bonds"][2]["pairing"] == "le_legacy"
    assert found["bonds"][2]["own_sign_counter"] is None
    assert json.loads(run("--json-schema").stdout)["title"] == "bleio bonds --json"


def test_an_export_has_the_same(folder: Path, tmp_path: Path) -> None:
    expected = json.loads(run("--json").stdout)
    assert json.loads(run("export").stdout) == expected
    run("export", str(tmp_path / "out.json"))
    assert checked("bonds", (tmp_path / "out.json").read_text()) == expected
    assert (tmp_path / "out.json").stat().st_mode & 0o777 == 0o600
    run("export", str(tmp_path / "no" / "out.json"), code=1)


@pytest.mark.parametrize("address", ["D6:15:14:13:12:11", "d6-15-14-13-12-11"])
def test_forgetting_a_peer(folder: Path, address: str) -> None:
    done = run("forget", address)
    assert done.stderr.splitlines() == [
        "06:05:04:03:02:01 has forgotten d6:15:14:13:12:11.",
        "c6:05:04:03:02:01 has forgotten d6:15:14:13:12:11.",
    ]
    assert [each["address"] for each in json.loads(run("--json").stdout)["bonds"]] == [
        "26:25:24:23:22:21"
    ]
    done = run("forget", address, code=3)
    assert f"There is no bond with {address} in {folder}" in done.stderr


def test_forgetting_of_one_own_address(folder: Path) -> None:
    run("forget", "all", "--own", "06:05:04:03:02:01", "--yes")
    assert len(json.loads(run("--json").stdout)["bonds"]) == 2
    own_key = FileBondStore(folder, OWN).irk()
    run("forget", "all", "--yes")
    assert FileBondStore(folder, OWN).irk() == own_key  # it is the device's, not the bonds'


def test_all_are_asked_for(folder: Path) -> None:
    assert "without a terminal it takes --yes" in run("forget", "all", code=2).stderr
    command = [os.sys.executable, "-m", "bleio", "bonds", "forget", "all"]  # type: ignore[attr-defined]
    for answer, code in (("n", 130), ("y", 0)):
        with Terminal(command, folder) as terminal:
            terminal.expect("Forget all 3 bonds? [y/N]: ")
            terminal.type(answer)
            assert terminal.end() == code
    assert "There are no bonds in" in run(code=3).stderr


def test_none_is_an_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEIO_STATE_DIR", str(tmp_path))
    done = run(code=3)
    assert done.stdout == ""
    assert "bluetoothctl devices Paired" in done.stderr
    assert checked("bonds", run("--json", code=3).stdout)["bonds"] == []
    run("forget", "all", "--yes", code=3)
    run("export", code=3)
    assert not (tmp_path / "bonds").exists()


def test_what_is_damaged_is_named_and_left_alone(folder: Path) -> None:
    path = folder / "c60504030201-random.json"
    path.write_text(path.read_text().replace("true", "false", 1))
    done = run()
    assert done.stderr.splitlines() == [f"{path} cannot be read: its checksum is wrong."]
    assert len(done.stdout.splitlines()) == 2
    found = checked("bonds", run("--json").stdout)
    assert found["unreadable"] == [{"file": str(path), "reason": "its checksum is wrong"}]
    assert path.exists()


def test_what_others_may_write_is_not_believed(folder: Path) -> None:
    path = folder / "c60504030201-random.json"
    path.chmod(0o666)
    assert "other users may write it" in run().stderr


def test_a_file_that_somebody_holds_is_said(folder: Path) -> None:
    lock = FileLock(folder / "c60504030201-random.lock")
    assert lock.try_acquire()
    try:
        done = run("forget", "26:25:24:23:22:21", code=1)
        assert f"26:25:24:23:22:21 is not forgotten in {folder}" in done.stderr
        assert done.stderr.endswith("keeps it locked.\n")
    finally:
        lock.release()
    run("forget", "26:25:24:23:22:21")


@pytest.mark.parametrize("arguments", [("forget", "me"), ("forget", "all", "--own", "x")])
def test_addresses_that_are_none(folder: Path, arguments: tuple[str, ...]) -> None:
    assert "is not a device address such as" in run(*arguments, code=2).stderr


PERIPHERAL = """
import time, _bleio
service = _bleio.Service(_bleio.UUID(0x1234))
_bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0x2345), initial_value=b"secret",
    properties=_bleio.Characteristic.READ, read_perm=_bleio.Attribute.ENCRYPT_NO_MITM)
while True:
    _bleio.adapter.start_advertising(b"\\x02\\x01\\x06")
    print("up")
    while not _bleio.adapter.connected:
        time.sleep(0.02)
    while _bleio.adapter.connected:
        time.sleep(0.02)
"""
CENTRAL = """
import _bleio
entry = next(iter(_bleio.adapter.start_scan()))
_bleio.adapter.stop_scan()
for _ in range(2):
    input()
    connection = _bleio.adapter.connect(entry.address, timeout=20)
    before = connection.paired
    connection.pair()
    print("paired", before)
    connection.disconnect()
"""


def test_forgetting_while_programs_run(
    shared_radio: SharedRadio,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both find out at the next link, and pair anew."""
    programs = {}
    for name, source in (("peripheral", PERIPHERAL), ("central", CENTRAL)):
        (tmp_path / f"{name}.py").write_text(source)
        programs[name] = shared_radio.start(tmp_path / f"{name}.py")
    programs["peripheral"].wait_for("up")
    programs["central"].type("\n")
    programs["central"].wait_for("paired False")
    programs["peripheral"].wait_for("up")
    for name in programs:
        monkeypatch.setenv("BLEIO_STATE_DIR", shared_radio.environment(name)["BLEIO_STATE_DIR"])
        until(lambda: CliRunner().invoke(main, ["bonds"]).exit_code == 0, "bonds to be written")
        (bond,) = json.loads(run("--json").stdout)["bonds"]
        assert bond["role"] == name
        run("forget", bond["address"])
    programs["central"].type("\n")
    programs["central"].wait_for("paired False")
    programs["central"].ends_well()
    assert len(json.loads(run("--json").stdout)["bonds"]) == 1
