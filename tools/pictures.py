"""Makes the pictures of the README from real runs: tools/pictures.py [NAME...]

A picture of a terminal is what `bleio` has put on a pseudo-terminal, drawn by rich and turned into
a PNG by Chromium (apt install chromium), which is also what shows pages.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
sys.path.insert(0, str(ROOT / "tests"))

from rich.console import Console  # noqa: E402
from rich.text import Text  # noqa: E402

from support.browser import screenshot  # noqa: E402
from support.terminal import Terminal  # noqa: E402

COLUMNS = 110
# What programs of nobody's advertise, and how strongly: the others are the project's examples.
OTHERS = {
    "scales": 'advertise(b"\\x02\\x01\\x06\\x03\\x03\\x1d\\x18\\x10\\x09Bathroom scales", -14)',
    "lamp": 'advertise(b"\\x02\\x01\\x06\\x03\\x03\\x15\\x18\\x05\\x09Lamp", -8)',
}
SOURCE = """\
import time, _bleio
def advertise(data, dbm):
    _bleio.adapter.start_advertising(data, connectable=True, interval=0.2, tx_power=dbm)
{}
time.sleep(1000)
"""
EXAMPLES = ("heart_rate_peripheral", "hid_keyboard", "raw_bleio_peripheral", "beacon")


@contextmanager
def devices(folder: Path) -> Iterator[dict[str, str]]:
    """Run devices on a radio of their own. Yields: an environment that hears them."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BLEIO_")},
        "BLEIO_ADAPTER": "virtual:desk",
        "BLEIO_STATE_DIR": str(folder / "state"),
        "XDG_RUNTIME_DIR": str(folder),  # where radios are, so this desk is nobody else's
    }
    programs = [ROOT / "examples" / f"{name}.py" for name in EXAMPLES]
    for name, line in OTHERS.items():
        (folder / f"{name}.py").write_text(SOURCE.format(line))
        programs.append(folder / f"{name}.py")
    with ExitStack() as ends:
        for program in programs:
            process = subprocess.Popen(
                [sys.executable, program], env=environment, stdout=subprocess.DEVNULL
            )
            ends.callback(process.wait)
            ends.callback(process.terminate)
        yield environment


def coloured(terminal: Terminal, rows: int) -> Text:
    """Return what can be seen on a terminal, with its colours."""
    screen = terminal._screen._screen
    text = Text()
    for row in range(rows):
        for column in range(screen.columns):
            cell = screen.buffer[row][column]
            style = [colour for colour in (_colour(cell.fg),) if colour]
            style += [name for name in ("bold", "italics") if getattr(cell, name)]
            text.append(cell.data, " ".join(style).replace("italics", "italic"))
        text.append("\n")
    return text


def _colour(name: str) -> str:
    if name == "default":
        return ""
    if name.startswith("bright"):
        return f"bright_{name.removeprefix('bright')}"
    if len(name) == 6 and not name.isalpha():
        return f"#{name}"
    return {"brown": "yellow"}.get(name, name)


def drawn(text: Text, title: str, folder: Path, file: Path) -> None:
    """Write a picture of a terminal with this title to a PNG file."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(text, end="")
    svg = console.export_svg(title=title)
    page = folder / "terminal.html"
    page.write_text(f"<style>body{{margin:0}} svg{{width:1240px}}</style>{svg}", "utf-8")
    screenshot(page, file, size=f"1240,{44 + round(22.4 * len(text.plain.splitlines()))}")


def scan(folder: Path, file: Path) -> None:
    """`bleio scan` with six devices around."""
    with devices(folder) as environment:
        command = [sys.executable, "-m", "bleio", "scan"]
        with Terminal(command, folder, size=(COLUMNS, 40), **environment) as terminal:
            terminal.expect_picture(
                lambda lines: (
                    any("6 devices" in line for line in lines)
                    and not any(line.startswith("+") for line in lines)
                ),
                "a scan with six devices that are no longer new",
            )
            seen = coloured(terminal, 11)
    drawn(seen, "bleio scan", folder, file)


PICTURES = {"scan": scan}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            PICTURES[name](Path(folder), FOLDER / f"{name}.png")
        print((FOLDER / f"{name}.png").relative_to(ROOT))


if __name__ == "__main__":
    main()
