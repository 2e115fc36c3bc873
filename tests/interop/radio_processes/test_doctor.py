"""`bleio doctor` as it is typed: on a terminal, in a container without a bus, interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.patience import PATIENCE_S
from support.schemas import checked
from support.terminal import Terminal

DOCTOR = [sys.executable, "-m", "bleio", "doctor"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of somebody whose secrets are known, where there is no D-Bus."""
    monkeypatch.delenv("BLEIO_ADAPTER", raising=False)
    home = tmp_path / "home" / "alice"
    home.mkdir(parents=True)
    return {
        "XDG_RUNTIME_DIR": str(tmp_path),
        "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no/such/bus",
        "HOME": str(home),
        "USER": "alice",
        "LOGNAME": "alice",
        "BLEIO_STATE_DIR": str(home / "state"),
        "BLEIO_ESPHOME_KEY": "bm90IGEga2V5LCBidXQgYXMgbG9uZyBhcyBvbmUgaXM=",
        "BLEIO_PAIRING": "passkey:314159",
        "BLEIO_ADDRESS": "C0:11:22:33:44:55",
    }


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DOCTOR, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_a_container_without_a_bus(environment: dict[str, str], tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = run(environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0].endswith("the simulated radio works.")
    assert "unix:path=/no/such/bus" in done.stdout
    assert "advertise, scan, connect, discover, read, notify, pair, disconnect (" in done.stdout
    assert done.stderr == ""
    told = checked("doctor", run(environment, "--json").stdout)
    for secret in ("alice", "314159", "bm90IGEg", "C0:11", "c0:11"):
        assert secret not in done.stdout
        assert secret not in str(told)
    assert sorted(tmp_path.rglob("*")) == before  # nothing is written by looking
    assert told["usable"] and told["chosen"] == "auto"


def test_a_chosen_adapter_that_cannot_be_used(environment: dict[str, str]) -> None:
    done = run(environment | {"BLEIO_ADAPTER": "os"})
    assert done.returncode == 4
    assert "os cannot be used." in done.stdout.splitlines()[0]
    assert "the system bus cannot be reached" in done.stdout.splitlines()[1]
    wrong = run(environment | {"BLEIO_ADAPTER": "virtual-desk"})
    assert wrong.returncode == 4
    assert 'did you mean "virtual:desk" (BLEIO_ADAPTER=virtual:desk)?' in wrong.stdout


def test_a_python_that_prefers_another(environment: dict[str, str]) -> None:
    (module, *_) = checked("doctor", run(environment | {"BLEIO_PRECEDENCE": "0"}, "--json").stdout)[
        "module"
    ]
    assert "as BLEIO_PRECEDENCE=0 asks" in module["text"]


def test_on_a_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    with Terminal(DOCTOR, tmp_path, size=(80, 60), **environment) as terminal:
        page = terminal.expect("Self-test: two devices on a simulated radio")
        terminal.expect("disconnect")
        assert terminal.end() == 0
        assert terminal.is_sane()
    assert "\x1b" not in page


def test_ctrl_c_while_an_adapter_does_not_answer(
    environment: dict[str, str], tmp_path: Path
) -> None:
    waits: dict[str, Any] = environment
    with Terminal([*DOCTOR, "--adapter", "hci:tcp-server:127.0.0.1:0"], tmp_path, **waits) as it:
        it.expect("Trying hci:tcp-server:127.0.0.1:0 ...")
        it.press_ctrl_c()
        assert it.end() == 130
    assert "Traceback" not in it.shown


def test_a_pipe_that_closes(environment: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        DOCTOR,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
    )
    os.close(writing)
    assert done.returncode in (141, -13)
    assert "Traceback" not in done.stderr
