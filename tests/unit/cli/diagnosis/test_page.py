"""The page: without secrets, within time, judged."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bleio.cli import doctor as command
from bleio.cli.diagnosis import adapters, computer, exercise, modules
from bleio.cli.diagnosis.bounded import TimedOut, bounded
from bleio.cli.diagnosis.findings import (
    MAYBE,
    NOTE,
    OK,
    PROBLEM,
    TIMED_OUT,
    UNUSABLE,
    USABLE,
    Finding,
    FoundAdapter,
    Step,
)
from bleio.cli.diagnosis.hidden import Hider
from bleio.cli.diagnosis.page import Page, fields, lines
from bleio.cli.diagnosis.settings import SETTINGS, look_at_settings
from bleio.cli.main import main
from support.schemas import checked, complaints

HIDER = Hider("/home/alice", "alice")
KEY = "0123456789abcdef0123456789abcdef"
BASE64 = "bm90IGEga2V5LCBidXQgYXMgbG9uZyBhcyBvbmUgaXM="


def test_the_schema_is_one() -> None:
    assert complaints("doctor") == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/alice/bleio/x.py", "~/bleio/x.py"),
        ("/home/alice", "~"),
        ("/home/alicent/x", "/home/(user)/x"),
        ("/Users/bob/x", "/Users/(user)/x"),
        (r"C:\Users\bob\x", r"C:\Users\(user)\x"),
        ("/srv/alice/env", "/srv/(user)/env"),
        ("malice and alices", "malice and alices"),
        ("dev_C0_11_22_33_44_55 c0:11:22:33:44:55", "dev_C0_11_22_33_44_55 (address)"),
        ("at C0-11-22-33-44-55.", "at (address)."),
        (f"key {KEY}", "key (key)"),
        (f"key={BASE64}", "key=(key)"),
        ("passkey:123456", "passkey:(hidden)"),
        ("hci:ws-client:ws://me:secret@host/x", "hci:ws-client:ws://(hidden)@host/x"),
    ],
)
def test_what_is_hidden(text: str, shown: str) -> None:
    assert HIDER.text(text) == shown


def test_settings_without_secrets() -> None:
    environment = {
        "BLEIO_ADAPTER": "hci:usb:0",
        "BLEIO_ESPHOME_KEY": BASE64,
        "BLEIO_ESPHOMEKEY": "secret",
        "BLEIO_PAIRING": "passkey:123456",
        "BLEIO_ADDRESS": "c0:11:22:33:44:55",
        "BLEIO_STATE_DIR": "/home/alice/state",
        "BLEIO_CAPTURE_KEYS": "1",
        "PATH": "/bin",
    }
    found = look_at_settings(environment, HIDER)
    text = "\n".join(each.text for each in found)
    for secret in (BASE64, "secret", "123456", "c0:11", "alice"):
        assert secret not in text
    assert "BLEIO_CAPTURE_KEYS='1'" in text and "BLEIO_ADAPTER=hci:usb:0" in text
    (unknown,) = [each for each in found if each.state == NOTE]
    assert unknown.to_do == ["Did you mean BLEIO_ESPHOME_KEY?"]
    assert "PATH=/bin" not in text


def test_a_setting_that_is_wrong() -> None:
    (found,) = look_at_settings({"BLEIO_ADAPTER": "virtual-desk"}, HIDER)
    assert found.state == PROBLEM
    assert 'did you mean "virtual:desk"' in found.to_do[0]
    (unset, *_) = look_at_settings({}, HIDER)
    assert unset.text == "BLEIO_ADAPTER is not set: auto"


def test_every_setting_is_known() -> None:
    """Those that the documentation names."""
    text = (Path(__file__).parents[4] / "docs" / "adapters.md").read_text()
    named = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `BLEIO_")}
    assert named <= set(SETTINGS)


# Time


def test_what_hangs_is_left_alone() -> None:
    ended = threading.Event()
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"no answer within 0\.05 s"):
        bounded(0.05, ended.wait)
    assert time.monotonic() - began < 20
    ended.set()
    assert bounded(20, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        bounded(20, lambda: 1 // 0)


# The self-test


def test_the_self_test_passes_in_both_kinds_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's settings neither decide about it nor are used."""
    for name, value in {
        "BLEIO_STATE_DIR": str(tmp_path / "state"),
        "BLEIO_CAPTURE": str(tmp_path / "capture"),
        "BLEIO_SECURITY": "mitm",
        "BLEIO_ADDRESS": "c0:11:22:33:44:55",
    }.items():
        monkeypatch.setenv(name, value)
    for simulated in (True, False):
        monkeypatch.setattr(exercise, "_has_worlds", lambda found=simulated: found)
        steps = exercise.self_test()
        assert [(each.step, each.state) for each in steps] == [
            (each, OK) for each in exercise.STEPS
        ]
        assert ("simulated" if simulated else "real") in steps[-1].text
    assert list(tmp_path.iterdir()) == []


def test_a_self_test_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(done: list[str]) -> None:
        done += ["advertise", "scan"]
        raise RuntimeError("nothing connects")

    monkeypatch.setattr(exercise, "_in_world", broken)
    steps = exercise.self_test()
    assert [each.state for each in steps[:4]] == [OK, OK, PROBLEM, NOTE]
    assert steps[2] == Step("connect", PROBLEM, "RuntimeError: nothing connects")


def test_a_self_test_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(exercise, "_in_world", lambda done: ended.wait())
    monkeypatch.setattr(exercise, "WITHIN_S", 0.05)
    assert exercise.self_test()[0].state == TIMED_OUT
    ended.set()


# The verdict

GOOD = [Step(each, OK) for each in exercise.STEPS]
BAD = [Step("advertise", PROBLEM, "x"), *(Step(each, NOTE) for each in exercise.STEPS[1:])]
HCI0 = FoundAdapter("os:hci0", USABLE, "BlueZ")
OFF = FoundAdapter("os:hci0", UNUSABLE, "off", ["rfkill unblock bluetooth"])
DONGLE = FoundAdapter("hci:usb:0", MAYBE, "a dongle")
LOCKED = FoundAdapter("hci:usb:0", UNUSABLE, "no rights", ["the rule"])
BOARD = FoundAdapter("hci:serial:/dev/ttyACM0,1000000", MAYBE, "a board")
HUNG = FoundAdapter("virtual:desk", UNUSABLE, "does not answer", ["End it."])

VERDICTS: dict[str, tuple[str, list[FoundAdapter], list[Step], bool, str]] = {
    "system": ("auto", [HCI0], GOOD, True, "os:hci0 can be used"),
    "simulated": ("auto", [OFF], GOOD, True, "the simulated radio works"),
    "nothing": ("auto", [OFF], BAD, False, "no adapter can be used, and the self-test fails"),
    "dongle may": ("auto", [OFF, DONGLE], GOOD, True, "no real adapter can be used as it is"),
    "os": ("os", [HCI0], GOOD, True, "os can be used"),
    "os off": ("os", [OFF], GOOD, False, "os cannot be used"),
    "os:hci1": ("os:hci1", [HCI0], GOOD, False, "os:hci1 cannot be used"),
    "usb": ("hci:usb:0", [DONGLE], GOOD, True, "hci:usb:0 is chosen, and may work"),
    "usb locked": ("hci:usb:0", [LOCKED], GOOD, False, "hci:usb:0 cannot be used"),
    "usb absent": ("hci:usb:3", [DONGLE], GOOD, False, "hci:usb:3 cannot be used"),
    "serial": ("hci:serial:/dev/ttyACM0,115200", [BOARD], GOOD, True, "may work"),
    "tcp": ("hci:tcp-client:127.0.0.1:1", [], GOOD, True, "may work"),
    "virtual": ("virtual:desk", [], GOOD, True, "virtual:desk works"),
    "virtual hung": ("virtual:desk", [HUNG], GOOD, False, "virtual:desk does not work"),
    "virtual bad": ("virtual", [], BAD, False, "virtual does not work"),
    "wrong": ("virtual-desk", [HCI0], GOOD, False, "the chosen adapter is none"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_the_verdict(case: str) -> None:
    chosen, found, steps, usable, words = VERDICTS[case]
    page = Page("0", chosen, adapters=found, self_test=steps)
    command.judge(page)
    assert page.usable is usable
    assert words in page.verdict
    assert usable or page.to_do


@pytest.mark.parametrize("state", [OK, NOTE, PROBLEM, TIMED_OUT])
def test_the_verdict_of_a_trial(state: str) -> None:
    trial = [Step("open", OK), Step("scan", state, "why")]
    page = Page("0", "os", adapters=[OFF], self_test=GOOD, trial=trial)
    command.judge(page)
    assert page.usable is (state in (OK, NOTE))
    if not page.usable:
        assert page.to_do == ["why", "off", "rfkill unblock bluetooth"]


def test_the_page_as_text() -> None:
    page = Page("1.0", "os", verdict="os works.", to_do=["do"], usable=True)
    page.module = [Finding(OK, "of /home/alice/x"), Finding(PROBLEM, "two\nlines\x1b", ["help"])]
    page.adapters = [HCI0]
    page.self_test = [Step("a", OK), Step("b", OK, "fast"), Step("c", TIMED_OUT, "slow")]
    page.trial = [Step("open", OK), Step("close", NOTE, "cannot")]
    assert list(lines(page, HIDER)) == [
        "bleio 1.0: os works.",
        "  do",
        "",
        "Module",
        "  ok        of ~/x",
        "  PROBLEM   two",
        "            lines\\x1b",
        "            > help",
        "",
        "Adapters (values of BLEIO_ADAPTER)",
        "  ok        os:hci0: BlueZ",
        "",
        "Self-test: two devices on a simulated radio",
        "  ok        a, b (fast)",
        "  TIMED OUT c: slow",
        "",
        "Trial of os",
        "  ok        open",
        "  note      close: cannot",
    ]
    assert fields(page, HIDER)["module"][0]["text"] == "of ~/x"


# The command


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("BLEIO_ADAPTER", raising=False)
    monkeypatch.setattr(command, "self_test", lambda: GOOD)
    monkeypatch.setattr(adapters, "of_the_system", lambda machine: [OFF])


@pytest.mark.usefixtures("quick")
def test_exit_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run().exit_code == 0
    monkeypatch.setenv("BLEIO_ADAPTER", "os")
    result = run("--json")
    assert result.exit_code == 4
    told = checked("doctor", result.stdout)
    assert (told["usable"], told["chosen"]) == (False, "os")
    assert told["to_do"] == ["off", "rfkill unblock bluetooth"]
    assert run("--adapter", "virtual-desk").exit_code == 2


@pytest.mark.usefixtures("quick")
def test_a_trial_of_the_simulated_radio() -> None:
    result = run("--adapter", "virtual", "--json")
    assert result.exit_code == 0, result.output
    trial = checked("doctor", result.stdout)["trial"]
    assert [each["step"] for each in trial] == ["open", "address", "advertise", "scan", "close"]
    assert {each["state"] for each in trial} == {"ok"}
    assert "c0:" not in result.stdout


@pytest.mark.usefixtures("quick")
def test_a_trial_of_what_is_not_there() -> None:
    result = run("--adapter", "hci:tcp-client:127.0.0.1:9", "--json")
    assert result.exit_code == 4
    (step,) = checked("doctor", result.stdout)["trial"]
    assert step["step"] == "open" and "nothing answers there" in step["text"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", ["hangs", "fails"])
def test_parts_that_hang_or_fail_do_not_hide_the_others(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def bad(*args: Any) -> Any:
        if how == "hangs":
            ended.wait()
        raise OSError("broken")

    monkeypatch.setattr(command, "_PROBE_S", 0.05)
    for module, name in (
        (modules, "look_at_module"),
        (modules, "look_at_versions"),
        (adapters, "of_the_system"),
        (adapters, "of_usb"),
        (adapters, "of_radios"),
        (computer, "machine_here"),
    ):
        monkeypatch.setattr(module, name, bad)
    result = run("--json")
    ended.set()
    told = checked("doctor", result.stdout)
    state = "timed_out" if how == "hangs" else "problem"
    assert told["module"][0]["state"] == state
    assert told["adapters"][0]["state"] == ("timed_out" if how == "hangs" else "unusable")
    assert told["usable"]  # the simulated radio is
