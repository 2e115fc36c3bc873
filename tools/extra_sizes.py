"""Installs bleio with each of its extras and prints what that takes on disk, in MB.

    python tools/extra_sizes.py [EXTRA...]    rows for the table of docs/install.md
    python tools/extra_sizes.py --write       puts the figures into the rows that are there

Takes a minute or two and the package index. A figure is what an extra adds to bleio alone, with all
that it brings and no compiled Python, on the machine that this is run on.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "install.md"
ALONE = "(none)"


def rows(page: str) -> list[str]:
    """Return the names of the extras that have a row; the first is bleio alone."""
    return re.findall(r"^\| `?([\w()]+)`? \| \d+ MB \|", page, re.MULTILINE)


def size_mb(extra: str) -> float:
    """Install bleio with an extra into a folder of its own, and return how large that is."""
    what = f"{ROOT}[{extra}]" if extra != ALONE else str(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
        subprocess.run([*command, "--target", folder, what], check=True)
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files) / 1e6


def main() -> None:
    page = PAGE.read_text("utf-8")
    arguments = [each for each in sys.argv[1:] if each != "--write"]
    alone = size_mb(ALONE)
    for extra in arguments or rows(page):
        size = round(alone if extra == ALONE else size_mb(extra) - alone)
        print(f"{extra}: {size} MB", flush=True)
        row = rf"^(\| `?{re.escape(extra)}`? \| )\d+( MB \|)"
        page = re.sub(row, rf"\g<1>{size}\g<2>", page, flags=re.MULTILINE)
    if "--write" in sys.argv:
        PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
