"""Programs inside the machine, as on a Raspberry Pi: Debian's python3, its kernel and bluetoothd.

Here bluetoothd's descriptors, the kernel's list of links and its monitor channel are at hand, which
no program has that reaches the machine's bus from outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from interop.os.conftest import Bench
from support.processes import Program
from support.stacks import bluez_image, python_tree

MISSING = bluez_image.missing() or python_tree.missing()
pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
]

ROOT = Path(__file__).parents[3]


def readme(name: str, folder: Path) -> Path:
    """Write one of the README's programs to a file, as a newcomer does."""
    text = (ROOT / "README.md").read_text("utf-8")
    code = re.search(rf"`{name}`:\n\n```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    (folder / name).write_text(code[1])
    return folder / name


def lines_of_page(begin: str, end: str) -> list[str]:
    """Return the indented lines of docs/os.md from one that begins so to one that begins so."""
    lines = [line.strip() for line in (ROOT / "docs" / "os.md").read_text("utf-8").splitlines()]
    first = next(number for number, line in enumerate(lines) if line.startswith(begin))
    last = next(number for number, line in enumerate(lines) if line.startswith(end))
    return lines[first : last + 1]


def test_the_first_minute(bench: Bench, tmp_path: Path) -> None:
    """The README's two programs print what docs/os.md says: no setting, no root."""
    neighbour = bench.on_radio("neighbour")
    finder = bench.inside(readme("finder.py", tmp_path))
    finder.says(r"^Found <Address [0-9a-f:]{17}> at -60 dBm$")
    finder.ends_well()
    beacon = bench.inside(readme("beacon.py", tmp_path))
    if "5.66" in bench.machine.run("bluetoothctl --version"):
        said = " ".join(lines_of_page("BlueZ 5.66 advertises at", "takes the program's"))
        beacon.says(f"^{re.escape(said)}$")
    neighbour.says("^heard a battery of <Address 00:ff:f1:")
    beacon.ends_well()


class Newcomer:
    """Types `python finder.py`, again and again."""

    def __init__(self, program: Program) -> None:
        self._program = program
        program.says("^ready$")

    def sees(self, setting: str = "") -> list[str]:
        """Run it with a variable set. Returns: the lines of the error that ends it."""
        begin = len(self._program.lines)
        self._program.type(f"{setting}\n")
        assert self._program.wait_for("^status (.*)$")[1] == "1"
        text = "\n".join(self._program.lines[begin:-1])
        return text.partition("_bleio.BluetoothError: ")[2].splitlines()


def test_what_is_wrong_and_what_helps(bench: Bench, tmp_path: Path) -> None:
    """docs/os.md has words of each error, and of one of them all lines."""
    readme("finder.py", bench.kept.tested / "programs")
    newcomer = Newcomer(bench.inside("again", "programs/finder.py"))
    machine = bench.machine
    machine.block(True)
    page = lines_of_page("_bleio.BluetoothError: ", "`bleio doctor` looks")
    page[0] = page[0].partition(": ")[2]
    for line, documented in zip(newcomer.sees(), page, strict=True):
        assert line.strip().startswith(documented.removesuffix("(...)"))
    machine.block(False)
    machine.power(0, True)
    machine.power(0, False)
    assert "it is powered off" in newcomer.sees()[1]
    machine.power(0, True)
    assert "BlueZ has no such adapter" in newcomer.sees("BLEIO_ADAPTER=os:hci7")[0]
    nowhere = newcomer.sees("DBUS_SYSTEM_BUS_ADDRESS=unix:path=/tmp/no-bus")
    assert "the system bus cannot be reached" in nowhere[1]
    with denied(bench):
        assert "D-Bus does not allow this user to speak to" in newcomer.sees()[1]
    machine.stop_bluetoothd()
    # D-Bus tries to start it, and there is no systemd here.
    assert "bluetoothd could not be started" in newcomer.sees()[1]
    machine.start_bluetoothd()
    machine.powered()
    machine.detach(0)
    assert "BlueZ has none" in newcomer.sees()[1]
    machine.powered(machine.attach(0))


@contextmanager
def denied(bench: Bench) -> Iterator[None]:
    """Have D-Bus keep the user from bluetoothd, as it does elsewhere than on Debian."""
    deny = '<deny send_destination="org.bluez"/>'
    policy = f'<busconfig><policy user="pi">{deny}</policy></busconfig>'
    bus = "--system --dest=org.freedesktop.DBus --print-reply /org/freedesktop/DBus"
    reload = f"dbus-send {bus} org.freedesktop.DBus.ReloadConfig"
    file = "/etc/dbus-1/system.d/tested.conf"
    bench.machine.run(f"mkdir -p /etc/dbus-1/system.d; echo '{policy}' >{file}; {reload}")
    try:
        yield
    finally:
        bench.machine.run(f"rm {file}; {reload}")


def test_a_scan_by_the_kernels_monitor_channel(bench: Bench) -> None:
    """Each packet as it was on air, scan responses apart, where a process may read the channel."""
    neighbour = bench.on_radio("neighbour")
    address = neighbour.wait_for("^address (.*)$")[1]
    scans = bench.inside("scans", address, "20", user="root")
    scans.says("^done")
    scans.ends_well()
    packets = [line for line in scans.lines if line.startswith("heard ")]
    assert set(packets) == {
        "heard 02010603030f18 False -60",
        "heard 0709426573696465 True -60",
    }
    assert len(packets) == 20


def test_a_link_of_another_program_is_not_taken_for_a_visitor(bench: Bench) -> None:
    """The kernel says which side asked for a link; a visitor is noticed as one meanwhile."""
    bench.on_radio("peripheral", "Elsewhere").says("^advertising")
    serves = bench.inside("peripheral", "Here")
    serves.says("^advertising")
    uses = bench.inside("central", "each", "Elsewhere")
    uses.says("^links 1")
    visitor = bench.on_radio("central", "all", "Here")
    visitor.says("^500 octets", "^indicated", "^done")
    visitor.ends_well()
    serves.says("^connections 1", "^confirmed hello", "^connections 0")
    assert [line for line in serves.lines if line == "connections 1"] == ["connections 1"]
    uses.type("\n")
    uses.ends_well()


def test_notifications_go_to_the_client_that_wants_them(bench: Bench) -> None:
    serves = bench.inside("peripheral", "Serves", "2")
    serves.says("^advertising")
    deaf = bench.on_radio("central", "deaf", "Serves")
    deaf.says("^deaf")
    hears = bench.on_radio("central", "count 500", "Serves")
    hears.says("^counted 500", "^done")
    hears.ends_well()
    deaf.type("\n")
    deaf.says("^heard nothing", "^done")
    deaf.ends_well()


def test_packets_of_500_octets_by_a_socket_for_each_client(bench: Bench) -> None:
    version = bench.machine.run("bluetoothctl --version").split()[-1]
    if float(version.partition(".")[2]) < 69:
        pytest.skip(f"BlueZ {version} has no sockets for each client; see docs/stacks.md")
    sends = bench.inside("sends", "300")
    sends.says("^advertising")
    receives = bench.on_radio("receives", "300", "virtual:kept")
    receives.says("^both are there", "^all came to one")
    receives.ends_well()
    sends.type("\n")
    sends.ends_well()


def test_a_bonded_central_that_does_not_encrypt_is_not_paired(bench: Bench) -> None:
    doorman = bench.inside("doorman")
    doorman.says("^advertising")
    guest = bench.on_radio("guest")
    guest.type("connect\n")
    doorman.says("^came, paired False")
    guest.type("pair\n")
    doorman.says("^paired True")
    guest.type("leave\n")
    doorman.says("^went", "^advertising")
    guest.type("forget\nconnect\n")
    doorman.says("^came, paired False")
