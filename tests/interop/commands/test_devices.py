"""Commands for devices against the project's own examples, as a person uses them."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.patience import PATIENCE_S
from support.processes import Program, SharedRadio
from support.schemas import checked, checked_lines

from .conftest import BLEIO, OnTerminal, Run, Start

pytestmark = pytest.mark.interop

LISTENING = "Listening to Heart Rate Measurement"
GUARDED = """
import time
import _bleio
from _bleio import UUID, Attribute, Characteristic, Service

service = Service(UUID(0x181A))
Characteristic.add_to_service(
    service, UUID(0x2A6E), properties=Characteristic.READ, initial_value=b"\\xc4\\x09",
    read_perm=Attribute.ENCRYPT_WITH_MITM,
)
while True:
    _bleio.adapter.start_advertising(b"\\x02\\x01\\x06\\x06\\x09Vault")
    print("Advertising", flush=True)
    while _bleio.adapter.advertising or _bleio.adapter.connected:
        time.sleep(0.02)
"""


def test_one_shot_commands(pulse: Program, run: Run) -> None:
    done = run("read", "Pulse", "Battery Level")
    assert (done.returncode, done.stdout, done.stderr) == (0, "87 %  (57)\n", "")
    done = run("notify", "pulse", "2a37", "--count", "2", "--json")
    lines = checked_lines("notify", done.stdout)
    assert [line["event"] for line in lines] == ["subscribed", "value", "value", "ended"]
    assert 50 <= lines[1]["decoded"]["heart_rate"] <= 180
    value = checked("explore", run("explore", "pulse", "--json").stdout)
    names = [service.get("name") for service in value["services"]]
    assert {"Heart Rate", "Battery Service", "Device Information"} <= set(names)
    done = run("read", "pulse", "hart rate measurement")
    assert done.returncode == 3
    assert "bleio read pulse heart_rate_measurement  # Heart Rate Measurement of" in done.stderr


def test_lines_to_a_uart(start: Start, run: Run, on_terminal: OnTerminal) -> None:
    server = start("uart_echo_server")
    server.says("^Waiting for a client$")
    assert run("write", "CIRCUIT", "uart_rx", "text:hello").returncode == 0
    server.says("^Client connected$", "^Waiting for a client$")
    with on_terminal("explore", "CIRCUIT", "--no-read") as terminal:
        prompt = terminal.expect("> ").rpartition("\n")[2]
        assert prompt.startswith("CIRCUITPY")
        terminal.type("subscribe uart_tx")
        terminal.expect("UART TX is shown as it comes")
        terminal.type("write uart_rx hex:686921 0a")
        terminal.expect('UART TX: "')
        terminal.type("quit")
        assert terminal.end() == 0


WORDS = [
    ("help", "quit                leave, as Ctrl-D does"),
    ("read battery", "87 %  (57)"),
    ("read 2aff", "Error: The device has no characteristic '2aff'. It has:"),
    ("read heart_rate_measurement", "cannot be read (it has notify)"),
    ("write body 1", "cannot be written (it has read)."),
    ("write 2b29 u8:1", "Wrote: 01"),
    ("write 2b29 u8:999", "999 is not from 0 to 255"),
    ("write", "Write a characteristic and a value"),
    ('read "x', "has no characteristic"),
    ("frobnicate", "'frobnicate' is nothing that can be done here; help lists"),
    ("unsubscribe", "That is not subscribed to."),
    ("subscribe body", "sends nothing by itself"),
    ("subscribe heart_rate_measurement", "is shown as it comes"),
    ("info", "subscribed to Heart Rate Measurement"),
    ("", ": heart rate "),
    ("subscribe 2a37", "is subscribed to already"),
    ("pair", "The link is encrypted"),
    ("unsub", "Heart Rate Measurement is shown no longer."),
    ("list", "Serial Number String"),
    ("refresh", "Serial Number String"),
]


@pytest.mark.parametrize("kind", ["dumb", "xterm"])
def test_the_prompt(pulse: Program, on_terminal: OnTerminal, kind: str) -> None:
    with on_terminal("explore", "pulse", TERM=kind, NO_COLOR="1") as terminal:
        terminal.expect("Ctrl-D leaves.")
        terminal.expect("Pulse>")
        for line, answer in WORDS:
            terminal.type(line)
            terminal.expect(answer)
        terminal.type("quit")
        assert terminal.end() == 0
        assert terminal.is_sane()
    pulse.says("^Disconnected$")


def test_tab_completes_names_and_ctrl_c_drops_the_line(
    pulse: Program, on_terminal: OnTerminal
) -> None:
    with on_terminal("explore", "pulse", "--no-read", TERM="xterm", NO_COLOR="1") as terminal:
        terminal.expect("Pulse>")
        terminal.type("read batt\t")
        terminal.expect("87 %  (57)")
        terminal.expect("Pulse>")
        terminal.press_ctrl_c()
        terminal.expect("Pulse>")
        terminal.type("info")
        terminal.expect("not encrypted, MTU")
        terminal.expect("Pulse>")  # else it is typed at no prompt
        terminal.type("\x04")
        assert terminal.end() == 0
        assert terminal.is_sane()


@pytest.mark.parametrize("kind", ["dumb", "xterm"])
def test_the_device_dies_at_the_prompt(pulse: Program, on_terminal: OnTerminal, kind: str) -> None:
    with on_terminal("explore", "pulse", "--no-read", TERM=kind) as terminal:
        terminal.expect("Pulse>")
        pulse.kill()
        terminal.expect("is gone: the link ended (")
        assert terminal.end() == 5
        assert terminal.is_sane()


def test_the_device_dies_while_it_notifies(pulse: Program, on_terminal: OnTerminal) -> None:
    with on_terminal("notify", "pulse", "2a37") as terminal:
        terminal.expect(LISTENING)
        terminal.expect("  heart rate ")
        pulse.kill()
        terminal.expect("is gone: the link ended (")
        assert terminal.end() == 5


INTERRUPTED = {
    "searching": (["read", "Nobody", "2a19", "--timeout", "60"], None),
    "notifying": (["notify", "pulse", "2a37"], "  heart rate "),
    "exploring": (["explore", "Nobody", "--timeout", "60"], None),
}


@pytest.mark.parametrize("case", INTERRUPTED)
def test_ctrl_c(
    shared_radio: SharedRadio, pulse: Program, on_terminal: OnTerminal, case: str
) -> None:
    words, text = INTERRUPTED[case]
    with on_terminal(*words) as terminal:
        if text is None:
            _heard_on(shared_radio)
        else:
            terminal.expect(text)
        terminal.press_ctrl_c()
        assert terminal.end() == 130
        assert "Traceback" not in terminal.shown
        assert terminal.is_sane()


@pytest.mark.parametrize("kind", ["dumb", "xterm"])
def test_a_prompt_that_is_killed_twice_leaves_the_terminal_as_it_was(
    shared_radio: SharedRadio, start: Start, on_terminal: OnTerminal, kind: str
) -> None:
    command = [*BLEIO, "radio", shared_radio.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as radio:
        assert radio.stdout is not None
        radio.stdout.readline()
        try:
            start("heart_rate_peripheral").says("^Advertising as Pulse$")
            with on_terminal("explore", "pulse", "--no-read", TERM=kind) as terminal:
                terminal.expect("Pulse>")
                radio.send_signal(signal.SIGSTOP)  # so the link cannot be ended
                end_s = time.monotonic() + PATIENCE_S
                while terminal.process.poll() is None:
                    assert time.monotonic() < end_s
                    terminal.process.terminate()
                    time.sleep(0.3)
                assert terminal.end() == 128 + signal.SIGTERM
                assert "Traceback" not in terminal.shown
                assert terminal.is_sane()
        finally:
            radio.send_signal(signal.SIGCONT)
            radio.terminate()


def _heard_on(radio: SharedRadio) -> None:
    """Wait until something scans on a radio: until the command has begun to."""
    import time

    time.sleep(3)  # no condition can be seen from outside; too early is a test of that, too


def test_what_wants_a_passkey(
    shared_radio: SharedRadio, run: Run, tmp_path: Path, on_terminal: OnTerminal
) -> None:
    program = tmp_path / "vault.py"
    program.write_text(GUARDED)
    vault = shared_radio.start(program, BLEIO_PAIRING="passkey:123456")
    vault.says("^Advertising$")
    done = run("read", "vault", "temperature")
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.endswith("Pair with it:\n  bleio read vault temperature --pair\n")
    done = run("read", "vault", "temperature", "--pairing", "passkey:654321")
    assert done.returncode == 6
    assert "could not pair: " in done.stderr
    with on_terminal("read", "vault", "temperature", "--pairing", "terminal:keyboard") as terminal:
        terminal.expect("Type the six digits that it shows:")
        terminal.type("123456")
        terminal.expect("25 °C  (c4 09)")
        assert terminal.end() == 0
    done = run("read", "vault", "temperature", "--pair")  # by the bond
    assert (done.returncode, done.stdout) == (0, "25 °C  (c4 09)\n")
