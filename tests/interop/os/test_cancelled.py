"""Connects that are given up, at each moment of a link's coming up; a gate makes the moments."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interop.os.conftest import Bench
from support.processes import Program
from support.stacks import bluez_image, python_tree
from support.stacks.gate import CANCEL_CONNECTION, CREATE_CONNECTION, Gate

MISSING = bluez_image.missing() or python_tree.missing()
pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
]

CONTROLLER = 1  # of the machine; its first one has no gate
TRIES = 10


class Behind:
    """A device in the air, and programs inside that have the adapter behind the gate."""

    def __init__(self, bench: Bench, gate: Gate, adapter: str) -> None:
        self._bench, self.gate, self._adapter = bench, gate, adapter
        self.doorman = bench.on_radio("doorman", "0.02")
        self._octets = self.doorman.wait_for("^address (.*)$")[1]

    def cancels(self, grace_looks: int) -> Program:
        """Start the program. Args: see there."""
        words = (self._adapter, self._octets, str(grace_looks))
        started = self._bench.inside("cancels", *words, BLEIO_ADAPTER=f"os:{self._adapter}")
        started.says("^ready")
        return started

    def off_and_on(self) -> None:
        for on in (False, True):
            self._bench.machine.power(CONTROLLER, on)

    def until_in_time(self, attempt: Callable[[], bool]) -> None:
        """Try until the kernel has not given up the answer that was held meanwhile; if it has, it
        makes no other link to that device for now."""
        for _ in range(TRIES):
            if attempt():
                return
            self.off_and_on()
        raise AssertionError("the machine is too busy for what the kernel allows")

    def forget(self) -> None:
        """Have BlueZ forget the device, as it does by itself after some time."""
        adapter = f"/org/bluez/{self._adapter}"
        device = bytes.fromhex(self._octets)[::-1].hex("_").upper()
        call = f"{adapter} org.bluez.Adapter1.RemoveDevice objpath:{adapter}/dev_{device}"
        self._bench.machine.run(f"dbus-send --system --print-reply --dest=org.bluez {call}")


@pytest.fixture
def behind(bench: Bench) -> Iterator[Behind]:
    machine, folder = bench.machine, Path(tempfile.mkdtemp(dir=bench.kept.folder))
    gate = Gate(folder / "gate", bench.kept.socket)
    machine.cut(CONTROLLER)
    former = machine.rewire(CONTROLLER, gate.path)
    try:
        adapter = machine.attach(CONTROLLER)
        machine.powered(adapter)
        yield Behind(bench, gate, adapter)
    finally:
        gate.let_go()
        try:
            bench.stop()
        finally:
            machine.detach(CONTROLLER)
            machine.rewire(CONTROLLER, former)
            gate.close()


MOMENTS = {
    "before it is asked for": Gate.end_of_scan,
    "before it is told": Gate.link_up,
    "before its services are known": Gate.data,
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=list(MOMENTS))
def test_nothing_is_left_of_a_link_that_is_cancelled(
    behind: Behind, moment: Callable[[Gate, bytes], bool]
) -> None:
    """It comes up within the grace, and is ended."""
    cancels = behind.cancels(grace_looks=6000)
    behind.until_in_time(lambda: _cancelled(behind, cancels, moment))
    behind.doorman.says("^came", "^went", "^advertising")
    cancels.type("visit\n")
    cancels.says("^connected", "^visited")


def _cancelled(behind: Behind, cancels: Program, moment: Callable[[Gate, bytes], bool]) -> bool:
    """Have our connect cancelled then. Returns: whether that was in time."""
    behind.gate.hold(moment)
    cancels.type("connect\n")
    behind.gate.wait_until_held()
    cancels.type("cancel\n")
    cancels.says("^cancelling")
    in_time = behind.gate.let_go()
    cancels.says("^cancelled")
    return in_time


def test_a_link_that_linux_keeps_is_told_and_what_helps_helps(behind: Behind) -> None:
    """Linux 6.1 tells its controller to give up before it tells it to connect."""
    cancels = behind.cancels(grace_looks=0)
    behind.until_in_time(lambda: _hung_up(behind, cancels))
    while not CREATE_CONNECTION & set(behind.gate.commands):
        cancels.type("links\n")
        if cancels.wait_for(r"^links (\d+)$")[1] == "0":
            pytest.skip("this Linux keeps none")
    opcodes = [
        each for each in behind.gate.commands if each in {CANCEL_CONNECTION, *CREATE_CONNECTION}
    ]
    assert opcodes[0] == CANCEL_CONNECTION
    behind.doorman.says("^came")
    for forgets in (False, True):
        if forgets:
            behind.forget()
        cancels.type("visit\n")
        told = cancels.wait_for("bluetoothctl power off")
        assert "Linux keeps a link" in told.string
    behind.off_and_on()
    cancels.type("visit\n")
    cancels.says("^connected", "^visited")


def _hung_up(behind: Behind, cancels: Program) -> bool:
    """Have another program give up just when the kernel is about to ask for a link.

    Returns: whether that was in time.
    """
    behind.gate.hold(Gate.end_of_scan)
    cancels.type("call\n")
    behind.gate.wait_until_held()
    cancels.type("hang up\n")
    cancels.says("^hung up")
    return behind.gate.let_go()
