"""Prints where this project lives and which files say so, or moves it: tools/home.py [NEW-ADDRESS]

The address is `Source` in [project.urls] of pyproject.toml. Pages that a forge or a package index
shows have to say it in full, so moving means to change it in each of them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {"node_modules", "dist", "build", "site", "__pycache__"}
HIDDEN_BUT_OURS = {".ci", ".github"}
TEXTS = {".cfg", ".css", ".html", ".js", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yml"}


def home(root: Path = ROOT) -> str:
    """Return the project's address."""
    text = (root / "pyproject.toml").read_text("utf-8")
    found = re.search(r'^Source = "(https://[^"]+)"$', text, re.MULTILINE)
    if not found:
        raise SystemExit('pyproject.toml has no line  Source = "https://..."  in [project.urls]')
    return found[1]


def texts(folder: Path = ROOT) -> Iterator[Path]:
    """Yield the files of the project in which people or programs may read an address."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name in NOT_OURS:
            continue
        if path.is_dir():
            if not path.name.startswith(".") or path.name in HIDDEN_BUT_OURS:
                yield from texts(path)
        elif path.suffix in TEXTS:
            yield path


def saying(address: str, root: Path = ROOT) -> dict[Path, str]:
    """Return the files that say the address, and their texts."""
    found = ((path, path.read_text("utf-8", errors="surrogateescape")) for path in texts(root))
    return {path: text for path, text in found if address in text}


def main() -> None:
    old = home()
    files = saying(old)
    if len(sys.argv) == 1:
        print(old)
        for path in files:
            print("   ", path.relative_to(ROOT))
        return
    new = sys.argv[1].rstrip("/")
    if not re.fullmatch(r"https://\S+", new):
        raise SystemExit(f"The new address must begin with https://, and {new!r} does not")
    for path, text in files.items():
        path.write_text(text.replace(old, new), "utf-8", errors="surrogateescape")
        print("changed", path.relative_to(ROOT))


if __name__ == "__main__":
    main()
