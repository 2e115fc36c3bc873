"""bleak's examples, which its distributions leave out, from Debian's package of an older bleak."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from support.stacks import CACHE, HOW, CannotFetch, debian

PACKAGE = "python3-bleak"
FOLDER = CACHE / "bleak-examples"


def missing() -> str:
    """Why tests cannot use them; empty if they can."""
    return "" if FOLDER.is_dir() else f"bleak's examples are not in {FOLDER}; {HOW} where it may"


def fetch() -> Path:
    """Take them out of the package; give their folder. Raises: CannotFetch, CalledProcessError."""
    if FOLDER.is_dir():
        return FOLDER
    if not shutil.which("apt-get"):
        raise CannotFetch(f"they are in Debian's {PACKAGE}, and there is no apt-get")
    debian.refresh_lists()
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        (archive,) = debian.download([PACKAGE], Path(folder))
        examples = Path(folder) / "examples"
        examples.mkdir()
        for member, content in debian.files(archive):
            path = Path(member.name)
            if path.suffix == ".py" and path.parent.name == "examples":
                (examples / path.name).write_bytes(content)
        examples.rename(FOLDER)
    return FOLDER
