"""Prints what a new user sees on the first evening, for docs/first-evening.md.

    tools/first_evening.py            print the page
    tools/first_evening.py --write    put it into docs/first-evening.md

All commands are typed on a pseudo-terminal, on one shared radio, beside unmodified examples. A test
holds that the page is what is printed (tests/evening/test_page.py).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "first-evening.md"
sys.path.insert(0, str(ROOT / "tests"))

from support.evening import Evening, Typed  # noqa: E402
from support.terminal import Terminal  # noqa: E402

_STRAP = "python examples/heart_rate_peripheral.py"

HEAD = """\
# The first evening

What a new user sees who has just [installed](install.md) `bleio[examples]`, in the folder that has
[`examples/`](../examples/README.md), with a few terminals and nothing else: no dongle, no device,
no second computer. All of it happens on a simulated radio, `virtual:desk`, which all programs of
one user share that use that name. With a dongle, or the computer's own Bluetooth, the commands are
the same; [adapters](adapters.md) has the strings to put in place of `virtual:desk`.

Everything here was typed in a terminal as it stands. Lines that are left out are `...`. Times,
readings and addresses will be others: those of devices were chosen here (`BLEIO_ADDRESS`), so that
they can be told apart.
"""


NEXT = """\
- Programs of your own, in ten minutes: the [tutorial](tutorial.md).
- Tests in which a minute of radio takes no time: [testing](testing.md), with the twin as a device.
- Devices of plastic and metal: [adapters](adapters.md), [dongles](dongles.md), [systems](os.md).
- All commands, each with its page: [commands](commands/index.md)."""


def page() -> str:
    """Live through the evening, and tell of it."""
    with Evening() as evening:
        return HEAD + "".join(_told(evening))


def _told(evening: Evening) -> Iterator[str]:
    yield _section("What works here", "Each terminal is told once which radio is meant.")
    yield _block("export BLEIO_ADAPTER=virtual:desk")
    yield "\n[`bleio doctor`](commands/doctor.md) looks at this computer, and tries itself out.\n"
    yield _first_and_last(evening.type("bleio doctor"))

    yield _section("What is on the air", "A heart-rate monitor is started in the other terminal.")
    strap = evening.start(_STRAP, "Advertising as Pulse")
    yield _block(_STRAP, "Advertising as Pulse")
    yield "\nNow there is something to be heard.\n"
    yield _shown(evening.type("bleio scan --duration 2s"))

    yield _section("What is in it", "A name is enough to look into a device, or its address.")
    yield _shown(evening.type("bleio explore Pulse --tree"))
    yield "\nOne value, and what comes by itself:\n"
    yield _shown(evening.type("bleio read Pulse battery_level"))
    yield _shown(evening.type("bleio notify Pulse heart_rate_measurement --count 3"))

    yield from _packets(evening)
    yield from _twin(evening, strap)
    yield from _mishaps(evening)


def _packets(evening: Evening) -> Iterator[str]:
    yield _section(
        "What was said on the air",
        "Whatever programs on this radio do can be recorded, without a sniffer. While this goes on,"
        "\nthe battery is read in the other terminal.",
    )
    with evening.typing("bleio capture --quiet evening.pcapng", "Recording") as capturing:
        evening.type("bleio read Pulse battery_level")
        capturing.press_ctrl_c()
        capturing.end()
        shown = f"Recording{capturing.shown}"
    yield _block("bleio capture --quiet evening.pcapng", shown.replace("^C", "^C\n", 1))
    decoded = evening.type("bleio decode evening.pcapng | grep ' ATT '")
    lines = [each for each in decoded.shown.splitlines() if "Read" in each]
    yield _block(decoded.command, "\n".join(["...", *lines[-2:]]))


def _twin(evening: Evening, strap: Terminal) -> Iterator[str]:
    yield _section(
        "A twin of it",
        "[`bleio clone`](commands/clone.md) writes a program that is to others what it was.",
    )
    yield _shown(evening.type("bleio clone Pulse -o twin.py --record 4"))
    twin = evening.start("bleio run twin.py", "Advertising as 'Pulse'")
    yield "\nIt is run beside the original, in a third terminal, and both are there.\n"
    yield _block("bleio run twin.py", "Advertising as 'Pulse'")
    yield _shown(evening.type("bleio scan --duration 2s"))
    yield "\nNow Ctrl-C in the terminal of the original: the example that reads it has the twin.\n"
    evening.stop(strap)
    yield _shown(evening.type("python examples/heart_rate_central.py"))
    evening.stop(twin)


def _mishaps(evening: Evening) -> Iterator[str]:
    yield _section(
        "What goes wrong",
        "Each error is a sentence that says what was tried, what is wrong and what to do, and an\n"
        "[exit code](commands/index.md#exit-codes) for scripts. An adapter that is not there:",
    )
    yield _shown(evening.type("bleio scan --adapter hci:serial:/dev/ttyUSB9,1000000"))
    strap = evening.start(_STRAP, "Advertising as Pulse")
    yield "\nA wrong name, and a wrong address:\n"
    yield _shown(evening.type("bleio clone Plus --timeout 2"))
    yield _shown(evening.type("bleio read c0:11:22:33:44:56 battery_level --timeout 2"))
    yield "\nNo such characteristic:\n"
    yield _shown(evening.type("bleio read Pulse battery_levle"), most=4)
    yield "\nA device that refuses, such as `python examples/hid_keyboard.py`:\n"
    keyboard = evening.start("python examples/hid_keyboard.py", "Waiting for a computer")
    yield _shown(evening.type("bleio read 'Bluetooth keyboard' hid_information"))
    evening.stop(keyboard)
    yield "\nA device that goes away without a word, here by `kill -9`:\n"
    notify = "bleio notify Pulse heart_rate_measurement"
    yield _while_it_goes(evening, strap, notify, "heart rate")
    strap = evening.start(_STRAP, "Advertising as Pulse")
    yield _while_it_goes(evening, strap, "bleio clone Pulse -o gone.py", "Recording")
    evening.start(_STRAP, "Advertising as Pulse")
    yield "\nCtrl-C ends each command at once; what it did on the air ends with it.\n"
    with evening.typing(notify, "heart rate") as it:
        it.press_ctrl_c()
        code = it.end()
    yield _block(notify, f"...\n^C\n[exit code {code}]")
    yield _section("What comes next", NEXT)


def _while_it_goes(evening: Evening, strap: Terminal, command: str, until: str) -> str:
    """Type a command, and take the strap's power when it has shown something."""
    with evening.typing(command, until) as it:
        strap.process.kill()
        strap.process.wait()
        code = it.end()
        lines = it.shown.rstrip().split("\n")
    first = min(index for index, line in enumerate(lines) if line.startswith(("Error", "gone.py")))
    return _block(command, "\n".join(["...", *lines[first:], f"[exit code {code}]"]))


def _section(title: str, told: str) -> str:
    return f"\n## {title}\n\n{told}\n"


def _block(command: str, shown: str = "") -> str:
    lines = [each.rstrip() for each in shown.strip("\n").splitlines()]
    text = "\n".join([f"$ {command}", *lines])
    return f"\n<!-- shown: tests/evening/test_page.py -->\n```text\n{text}\n```\n"


def _shown(typed: Typed, most: int = 100) -> str:
    """Return a command with what it showed, at most so many lines, and an exit code beside 0."""
    lines = typed.shown.rstrip("\n").split("\n")
    if len(lines) > most:
        lines = [*lines[:most], "..."]
    if typed.code:
        lines.append(f"[exit code {typed.code}]")
    return _block(typed.command, "\n".join(lines))


def _first_and_last(typed: Typed) -> str:
    """Return a command with the beginning of what it showed, and its last section."""
    lines = typed.shown.rstrip("\n").split("\n")
    last = max(index for index, line in enumerate(lines) if not line)
    return _block(typed.command, "\n".join([lines[0], "...", *lines[last + 1 :]]))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--write", action="store_true", help=f"put it into {PAGE.name}")
    text = page()
    if arguments.parse_args().write:
        PAGE.write_text(text, "utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
