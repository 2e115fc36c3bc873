"""Write the pictures of the live page that the documentation shows: docs/pictures/page-*.png.

Five example programs in one world, before and after one of them is dragged. It takes headless
Chromium, as the tests of the page do.

    python tools/page_pictures.py [FOLDER]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.live_browser import Browser, Tab  # noqa: E402

PROGRAMS = ("heart_rate_peripheral", "heart_rate_central", "beacon", "scanner", "uart_echo_server")
SIZE = (1200, 820)
LARGEST_OCTETS = 200_000


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    programs = [f"examples/{name}.py" for name in PROGRAMS]
    command = [sys.executable, "-m", "bleio", "sim", "--web", *programs]
    sim = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert sim.stdout is not None
    try:
        url = sim.stdout.readline().removeprefix("Page: ").strip()
        with tempfile.TemporaryDirectory() as profile, Browser(Path(profile)) as browser:
            tab = browser.tab(url, size=SIZE)
            tab.until("there().length === 5 && data.end_us > 3.1e6")
            tab.click("[data-id='1']")
            take(tab, folder / "page-before.png")
            tab.drag("[data-id='0']", 190, -30)
            tab.click("#lose")
            tab.until("levelOf(0, 1)[3] > 5 && levelOf(0, 1)[2] !== -60")
            take(tab, folder / "page-after.png")
    finally:
        sim.terminate()
        sim.wait()
        sim.stdout.close()


def take(tab: Tab, file: Path) -> None:
    """Take a picture in which packets fly."""
    tab.until("flying.length > 3")
    tab.screenshot(file)
    octets = file.stat().st_size
    print(f"{file.name}: {octets} octets")
    assert octets < LARGEST_OCTETS, "make it smaller"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
