"""Pages of the site that are not in docs/, links that leave docs/, and the list of commands.

A hook of MkDocs. In the repository `../CHANGELOG.md` is a file; on the site it is a page, and
`../src/bleio/cli` is in the repository. A link to what is not there is an error.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
# Pages made of files of the repository.
MADE = {
    "changes.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "reporting.md": "SECURITY.md",
}
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
_log = logging.getLogger("mkdocs.hooks.pages")


def on_config(config: Any) -> Any:
    """Put the pages of commands into the navigation, by their names."""
    commands = sorted(path.name for path in (ROOT / "docs" / "commands").glob("*.md"))
    first = [name for name in commands if name == "index.md"]
    others = [name for name in commands if name != "index.md"]
    for part in config["nav"]:
        if part.get("Commands") == "commands":
            part["Commands"] = [f"commands/{name}" for name in first + others]
    return config


def on_files(files: Files, config: Any) -> Files:
    for page, source in MADE.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, page, content=_relinked(text, source, page, config)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    if page.file.src_uri in MADE:
        return markdown
    return _relinked(markdown, f"docs/{page.file.src_uri}", page.file.src_uri, config)


def _relinked(text: str, source: str, page: str, config: Any) -> str:
    """Return the text with links as they are on the site.

    source: the file in the repository, relative to which links are; page: its place in the site.
    """

    def replaced(match: re.Match[str]) -> str:
        path, anchor = match[1], match[2] or ""
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        of_site = {made: name for name, made in MADE.items()} | {"README.md": "index.md"}
        if target in of_site and not anchor:
            place = of_site[target]
        elif target.startswith("docs/"):
            place = target.removeprefix("docs/")
        else:
            if not (ROOT / target).exists():
                _log.warning("%s links to %s, which is not there", source, path)
            return f"{config['extra']['source']}/blob/main/{target}{anchor}"
        return posixpath.relpath(place, posixpath.dirname(page) or ".") + anchor

    return _LINK.sub(replaced, text)
