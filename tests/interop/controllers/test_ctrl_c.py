"""Ctrl-C in a real terminal at bad moments: one traceback, a quick end, and no process left."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import Program
from support.radio_processes import Radios, holds_within

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.platform != "linux", reason="of terminals, signals and /proc"),
]

SOON_S = 50.0  # below what they would wait for; two at most where nothing else runs

# The program's session and process group get the terminal, so Ctrl-C typed there reaches them.
IN_TERMINAL = """
import fcntl, os, signal, sys, termios, threading, time
os.setsid()
terminal = os.open(os.environ["TERMINAL"], os.O_RDWR)
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
import _bleio
adapter = _bleio.adapter

def say(word):
    print(word, flush=True)
"""
CONNECTED = """
peripheral = _bleio.Adapter(os.environ["BLEIO_ADAPTER"])
_bleio.set_adapter(peripheral)
service = _bleio.Service(_bleio.UUID(0x180F))
_bleio.Characteristic.add_to_service(service, _bleio.UUID(0x2A19), properties=0x1C)
peripheral.start_advertising(b"", interval=0.02)
connection = adapter.connect(peripheral.address, timeout=120)
(service,) = connection.discover_remote_services([_bleio.UUID(0x180F)])
(remote,) = service.characteristics
peripheral.start_advertising(b"", interval=0.02)  # a radio that stands still misses something
say("connected")
sys.stdin.readline()
say("ready")
"""
WAITS = {
    "write": "remote.value = b'x'",
    "discover": "connection.discover_remote_services()",
    "pair": "connection.pair()",
    "buffer": "_bleio.CharacteristicBuffer(remote, timeout=60).read()",
}


class Terminal:
    """A terminal to type Ctrl-C in, and the program that runs there."""

    def __init__(self, radios: Radios) -> None:
        self._radios = radios
        self._ours, self._theirs = os.openpty()

    def run(self, source: str, monkeypatch: pytest.MonkeyPatch) -> Program:
        monkeypatch.setenv("TERMINAL", os.ttyname(self._theirs))
        monkeypatch.setenv("BLEIO_ADAPTER", "virtual:desk")
        program = self._radios.folder / "program.py"
        program.write_text(IN_TERMINAL + source)
        return self._radios.start("program", str(program))

    def type_ctrl_c(self) -> None:
        os.write(self._ours, b"\x03")

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def terminal(radios: Radios) -> Iterator[Terminal]:
    terminal = Terminal(radios)
    yield terminal
    terminal.close()


def is_interrupted(program: Program) -> None:
    """It ends by Ctrl-C, with one traceback, which begins in the program."""
    assert program.wait(SOON_S) == -signal.SIGINT, program.lines
    assert sum("Traceback" in line for line in program.lines) == 1
    start = program.lines.index("Traceback (most recent call last):")
    assert "program.py" in program.lines[start + 1]
    assert program.lines[-1] == "KeyboardInterrupt"


@pytest.mark.parametrize("what", WAITS)
def test_a_waiting_program(
    terminal: Terminal, radios: Radios, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    program = terminal.run(CONNECTED + WAITS[what], monkeypatch)
    program.says("^connected")
    radio = radios.process_id("desk")
    assert radio is not None
    # A radio that stands still answers nothing, also not the goodbye of the program.
    os.kill(radio, signal.SIGSTOP)
    program.type("\n")
    program.says("^ready")
    holds_within(lambda: state(program.process.pid) == "S", f"it waits in {what}")
    terminal.type_ctrl_c()
    is_interrupted(program)
    os.kill(radio, signal.SIGCONT)
    holds_within(lambda: not radios.left_over(), "the radio has left")
    holds_within(lambda: not alive(radio), "the radio's process has ended")


def state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def alive(process: int) -> bool:
    try:
        return state(process) != "Z"
    except FileNotFoundError:
        return False


def test_while_the_radio_starts(
    terminal: Terminal, radios: Radios, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = terminal.run("say('opening')\nadapter.address\n", monkeypatch)
    program.says("^opening")
    holds_within(lambda: radios.files(), "somebody starts the radio")
    terminal.type_ctrl_c()
    is_interrupted(program)
    holds_within(lambda: not radios.left_over(), "the radio has left")


def test_others_on_the_radio_go_on(
    terminal: Terminal, radios: Radios, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = terminal.run(
        "adapter.start_advertising(b'')\nsay('ready')\nwhile True: time.sleep(1)\n", monkeypatch
    )
    program.says("^ready")
    radio = radios.process_id("desk")
    other = radios.member("desk")
    other.says("^answer")
    terminal.type_ctrl_c()
    is_interrupted(program)
    third = radios.member("desk", "third")
    third.says("^answer")
    assert radios.process_id("desk") == radio
    assert "lost" not in other.lines


AT_EXIT = """
import atexit
from bleio.runtime.engine import portal

stop = type(portal()).stop.__code__

def interrupt_the_goodbye():
    main = threading.main_thread().ident
    def press():
        while True:
            frame = sys._current_frames()[main]
            while frame is not None:
                if frame.f_code is stop:
                    say("pressed")
                    os.kill(os.getpid(), signal.SIGINT)
                    return
                frame = frame.f_back
    threading.Thread(target=press, daemon=True).start()

atexit.register(interrupt_the_goodbye)
"""


def test_while_it_ends(terminal: Terminal, radios: Radios, monkeypatch: pytest.MonkeyPatch) -> None:
    program = terminal.run(CONNECTED + AT_EXIT, monkeypatch)
    program.says("^connected")
    radio = radios.process_id("desk")
    assert radio is not None
    os.kill(radio, signal.SIGSTOP)
    program.type("\n")
    program.wait(SOON_S)
    assert program.lines == ["connected", "ready", "pressed"]
    os.kill(radio, signal.SIGCONT)
