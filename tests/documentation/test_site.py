"""The site is built without a warning, is all in one folder, and asks nobody else for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bleio.cli.main import COMMANDS
from documentation.pages import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.interop]
# What a browser fetches by itself.
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*?\bsrc=\"?([^\"> ]+)"
    r"|<link\b(?=[^>]*\brel=\"?(?:stylesheet|icon|preload|preconnect|dns-prefetch))"
    r"[^>]*?\bhref=\"?([^\"> ]+)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    return folder


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for groups in _FETCHED.findall(page.read_text("utf-8")):
            (target,) = filter(None, groups)
            assert not re.match(r"(?:https?:)?//", target), f"{page.name} fetches {target}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )['\"]?(?:https?:)?//", sheet.read_text("utf-8"))


def test_each_page_of_the_documentation_is_a_page(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".html")
        assert (site / name).exists()
    for name in ("changes.html", "contributing.html", "reporting.html", "index.html"):
        assert (site / name).exists()


def test_the_navigation_has_each_page_of_a_command(site: Path) -> None:
    front = (site / "index.html").read_text("utf-8")
    for page in (ROOT / "docs" / "commands").glob("*.md"):
        assert f"commands/{page.stem}.html" in front
        assert page.stem == "index" or page.stem in COMMANDS or page.stem.startswith("_")


def test_the_reference_has_what_is_public(site: Path) -> None:
    import bleio.aio
    import bleio.api
    import bleio.testing

    pages = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
    for module in (bleio.aio, bleio.api, bleio.testing):
        for name in module.__all__:
            assert re.search(rf'id="bleio\.(?:[\w.]+\.)?{name}"', pages), (
                f"{module.__name__}.{name}"
            )


def test_docstrings_say_what_arguments_are(site: Path) -> None:
    page = (site / "reference" / "_bleio.html").read_text("utf-8")
    assert "<strong>Args:</strong>" in page
    assert "<strong>Raises:</strong>" in page


def test_links_that_leave_the_site_lead_into_the_repository(site: Path) -> None:
    campaigns = (site / "campaigns.html").read_text("utf-8")
    assert "/blob/main/examples/studies/notifications.py" in campaigns
    for page in site.rglob("*.html"):
        assert 'href="../README.md' not in page.read_text("utf-8")
