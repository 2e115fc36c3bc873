"""Processes that share a radio by its name: starting, leaving, dying."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from support.patience import PATIENCE_S
from support.radio_processes import RESET_ANSWER, Radios, holds_within

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


def test_ten_that_start_at_once_make_one_radio(radios: Radios) -> None:
    members = [radios.member("desk", f"member {index}") for index in range(10)]
    for member in members:
        member.says(RESET_ANSWER)
    radio = radios.process_id("desk")
    assert radio is not None
    assert _background_radios(radios) == [radio]
    for member in members:
        member.type("\n")
        member.ends_well()
    holds_within(lambda: not radios.left_over(), "the radio has left nothing behind")
    holds_within(lambda: not _background_radios(radios), "the radio's process has ended")


def _background_radios(radios: Radios) -> list[int]:
    """The processes whose current folder is the radios' own, as that of background ones is."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                if os.readlink(f"/proc/{entry}/cwd") == str(radios.runtime):
                    found.append(int(entry))
            except OSError:
                continue
    return found


def test_two_names_are_two_radios(radios: Radios) -> None:
    for name in ("desk", "kitchen"):
        radios.member(name, name).says(RESET_ANSWER)
    assert radios.process_id("desk") != radios.process_id("kitchen")


def test_the_radio_outlives_its_starter_and_ctrl_c(radios: Radios) -> None:
    starter = radios.member("desk", "starter")
    starter.says(RESET_ANSWER)
    other = radios.member("desk", "other")
    other.says(RESET_ANSWER)
    radio = radios.process_id("desk")
    assert radio is not None
    assert os.getsid(radio) == os.getpgid(radio) != os.getpgid(starter.process.pid)
    starter.kill()
    third = radios.member("desk", "third")
    third.says(RESET_ANSWER)
    assert radios.process_id("desk") == radio
    other.type("\n")
    other.ends_well()


def test_starting_a_radio_holds_no_pipe_open(radios: Radios) -> None:
    """Whoever reads a program's output to its end is not kept waiting by the radio."""
    stay = radios.member("desk", "stay")
    stay.says(RESET_ANSWER)
    starter = radios.member("kitchen", "starter")
    starter.says(RESET_ANSWER)
    radio = radios.process_id("kitchen")
    starter.type("\n")
    starter.ends_well()  # reads the pipe up to its end
    assert starter._ended
    assert radio is not None
    targets = {os.readlink(f"/proc/{radio}/fd/{number}") for number in (0, 1)}
    assert targets == {os.devnull}


def test_a_killed_radio_is_noticed_and_the_next_takes_its_place(radios: Radios) -> None:
    member = radios.member("desk")
    member.says(RESET_ANSWER)
    radio = radios.process_id("desk")
    assert radio is not None
    os.kill(radio, signal.SIGKILL)
    member.says("lost")
    assert "desk.sock" in radios.files()
    successors = [radios.member("desk", f"successor {index}") for index in range(3)]
    for successor in successors:
        successor.says(RESET_ANSWER)
    assert radios.process_id("desk") not in (None, radio)


def test_joining_while_the_radio_is_about_to_leave(radios: Radios) -> None:
    """Each comes when the last has just gone, at another moment of the radio's end."""
    for index in range(4):
        member = radios.member("desk", f"member {index}")
        member.says(RESET_ANSWER)
        member.type("\n")
        member.ends_well()
        if index % 2:
            radio = radios.process_id("desk")
            if radio is not None:
                os.kill(radio, signal.SIGTERM)


def test_strangers_do_not_fill_the_radios_log(radios: Radios) -> None:
    member = radios.member("desk")
    member.says(RESET_ANSWER)
    for _ in range(123):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(str(radios.runtime / "desk.sock"))
            stranger.sendall(b"hello?\n")
            assert stranger.recv(1) == b""
    words = "virtual:desk: a program connected that does not speak our language"
    member.type("\n")
    member.ends_well()
    holds_within(lambda: radios.files() == ["desk.log"], "the radio has ended")
    log = radios.runtime / "desk.log"
    holds_within(lambda: "123 times" in log.read_text(), "it has told all")
    texts = [line.split(maxsplit=2)[2] for line in log.read_text().splitlines()]
    assert texts == [words, *(f"{count} times: {words}" for count in (10, 100, 123))]


def test_a_foreground_radio_is_joined_by_its_name(radios: Radios) -> None:
    radio = radios.foreground("desk")
    radio.says("^Listening on virtual:desk$", "^Ready")
    assert radios.process_id("desk") == radio.process.pid
    member = radios.member("desk")
    member.says(RESET_ANSWER)
    radio.says(r"^\+ virtual:desk$")
    member.kill()
    radio.says("^- virtual:desk$")
    radio.interrupt()
    assert radio.wait() == 0
    assert radios.files() == []


def test_the_end_of_a_foreground_radio_is_noticed(radios: Radios) -> None:
    radio = radios.foreground("desk")
    radio.says("^Ready")
    member = radios.member("desk")
    member.says(RESET_ANSWER)
    radio.process.send_signal(signal.SIGTERM)
    assert radio.wait() == 0
    member.says("lost")


def test_the_second_radio_of_a_name_is_refused_in_one_sentence(radios: Radios) -> None:
    first = radios.foreground("desk")
    first.says("^Ready")
    second = radios.foreground("desk")
    assert second.wait() == 1
    assert second.lines == [
        f"Error: A radio named 'desk' is running already (process {first.process.pid}); "
        "join it with BLEIO_ADAPTER=virtual:desk, end it, or use another name."
    ]


def test_a_bad_name_is_one_sentence(radios: Radios) -> None:
    member = radios.member("no/name")
    assert member.wait() == 1
    assert len(member.lines) == 1
    assert member.lines[0].startswith("CallerError: 'no/name' is no name for a radio")


@pytest.mark.parametrize("name", ["asyncio.py", "bleio.py", "random.py"])
def test_modules_beside_the_program_do_not_get_into_the_radio(radios: Radios, name: str) -> None:
    (radios.folder / name).write_text("raise SystemExit('not for you')")
    ended = subprocess.run(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-I", "-c", _JOIN_AND_LEAVE],
        cwd=radios.folder,
        env={**os.environ, "XDG_RUNTIME_DIR": str(radios.folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "joined\n", "")


_JOIN_AND_LEAVE = """
import asyncio
from bleio.radio.sharing import shared

async def main():
    port = await shared.join("desk", lambda packet: None, lambda: None)
    print("joined")
    port.close()

asyncio.run(main())
"""
