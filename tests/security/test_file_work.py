"""Files are worked with where no link waits for it: not on the engine's thread.

A disk may take seconds, one on a network for ever, and all links of all adapters would stand still
meanwhile. So a program does here all that has to do with files, and tells which of its threads
worked with any.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

TESTS = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files of POSIX")

BEGIN = """
import sys
sys.path.insert(0, sys.argv[1])
from support.file_work import FileWork
work = FileWork()

import resource, threading, time
from pathlib import Path
import _bleio
from bleio.backends.hci.bonds.file import FileBondStore
from bleio.core.address import DeviceAddress

adapter_string, state = sys.argv[2], Path(sys.argv[3])
central, peripheral = _bleio.Adapter(adapter_string), _bleio.Adapter(adapter_string)

def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)

def connect():
    known = set(peripheral.connections)
    if not peripheral.advertising:
        peripheral.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
    connection = central.connect(peripheral.address, timeout=60)
    until(lambda: set(peripheral.connections) - known)
    return connection

def part(connection):
    connection.disconnect()
    until(lambda: not peripheral.connections)

def own(adapter):
    address = adapter.address
    octets = bytes(address.address_bytes)
    return FileBondStore(state / "bonds", DeviceAddress(octets, address.type != address.PUBLIC))

def end():
    for adapter in central, peripheral:
        adapter.enabled = False
    (engine,) = (each for each in threading.enumerate() if each.name == "bleio-engine")
    mine, others = work.of(engine), work.of_others(engine)
    assert any("bonds" in each for each in others) or not state.exists(), others
    print(*mine, sep="\\n\\n")
"""

OPENS = """
for _ in range(2):
    connection = connect()
    part(connection)
    peripheral.enabled = central.enabled = False
    peripheral.enabled = central.enabled = True
"""

PAIRS = """
_bleio.set_adapter(peripheral)
service = _bleio.Service(_bleio.UUID(0x1234))
C, A = _bleio.Characteristic, _bleio.Attribute
secret = C.add_to_service(service, _bleio.UUID(0x2345), initial_value=b"secret",
    properties=C.READ | C.NOTIFY, read_perm=A.ENCRYPT_NO_MITM)
signed = C.add_to_service(service, _bleio.UUID(0x2346),
    properties=C.WRITE_NO_RESPONSE, write_perm=A.SIGNED_NO_MITM)
_bleio.set_adapter(central)

def remote(connection):
    (found,) = connection.discover_remote_services((_bleio.UUID(0x1234),))
    return found.characteristics

connection = connect()
connection.pair()
values = remote(connection)
assert values[0].value == b"secret"
values[0].set_cccd(notify=True)
part(connection)
until(lambda: len(own(central).all()) == len(own(peripheral).all()) == 1)
connection = connect()  # with the bond
until(lambda: connection.paired)
assert remote(connection)[0].value == b"secret"
part(connection)
"""

SIGNS = """
from bleio.backends.hci.security.link_security import Security
encrypt_if_bonded, Security.encrypt_if_bonded = Security.encrypt_if_bonded, lambda self: None
connection = connect()
for number in range(100):
    remote_signed = remote(connection)[1] if number == 0 else remote_signed
    remote_signed.value = number.to_bytes(2, "little")
until(lambda: signed.value == (99).to_bytes(2, "little"))
part(connection)
Security.encrypt_if_bonded = encrypt_if_bonded
"""

ANOTHER_PROCESS = """
kept = [own(adapter).all()[0][1] for adapter in (central, peripheral)]
for adapter in central, peripheral:
    own(adapter).erase()
connection = connect()
time.sleep(0.2)
assert not connection.paired
part(connection)
own(central).save(kept[0], central=True)
own(peripheral).save(kept[1], central=False)
connection = connect()
until(lambda: connection.paired)
part(connection)
"""

DAMAGED = """
own(peripheral).path.write_bytes(b"damaged")
connection = connect()
until(lambda: list(state.glob("bonds/*.damaged")))
part(connection)
"""

FULL_DISK = """
none, hard = 0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (none, hard))
central.erase_bonding()
peripheral.erase_bonding()
connection = connect()
connection.pair()
part(connection)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
until(lambda: len(own(central).all()) == len(own(peripheral).all()) == 1)
"""

ERASES = """
central.erase_bonding()
peripheral.erase_bonding()
assert own(central).all() == own(peripheral).all() == []
"""

SETTINGS = """
peripheral.stop_advertising()
central.address = _bleio.Address(b"\\x01\\x02\\x03\\x04\\x05\\xc6", _bleio.Address.RANDOM_STATIC)
for entry in central.start_scan(timeout=0.1):
    pass
connection = connect()
part(connection)
central.enabled = False
central.enabled = True
"""


def run(tmp_path: Path, adapter: str, *parts: str, **settings: str) -> list[str]:
    """Returns: what the engine's thread has done with files."""
    arguments = [str(TESTS), adapter, str(tmp_path / "state")]
    done = subprocess.run(
        [sys.executable, "-c", "".join((BEGIN, *parts, "end()\n")), *arguments],
        env={**os.environ, "BLEIO_STATE_DIR": arguments[-1], **settings},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [each for each in done.stdout.split("\n\n") if each.strip()]


@pytest.mark.parametrize(
    "parts",
    [
        (OPENS,),
        (PAIRS,),
        (PAIRS, SIGNS),
        (PAIRS, ANOTHER_PROCESS),
        (PAIRS, DAMAGED),
        (PAIRS, FULL_DISK),
        (PAIRS, ERASES, SETTINGS),
    ],
    ids=["opening", "pairing", "signing", "another process", "damage", "full disk", "settings"],
)
def test_no_file_work_where_links_are_served(parts: tuple[str, ...], tmp_path: Path) -> None:
    assert run(tmp_path, "virtual", *parts) == []


def test_nor_where_a_shared_radio_is_joined(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="bleio-") as folder:  # sockets have short names
        assert run(tmp_path, "virtual:desk", PAIRS, ERASES, XDG_RUNTIME_DIR=folder) == []
        while Path(folder, "bleio", "desk.sock").exists():  # until the radio has ended
            time.sleep(0.05)


def test_only_a_capture_is_written_there(tmp_path: Path) -> None:
    """By programs that were asked for one: it is to hold what came before they ended badly."""
    done = run(tmp_path, "virtual", PAIRS, ERASES, BLEIO_CAPTURE=str(tmp_path / "capture.pcapng"))
    assert len(done) > 100
    assert all(
        each.startswith("write ") and "bleio/files.py" in each.splitlines()[1] for each in done
    ), done
