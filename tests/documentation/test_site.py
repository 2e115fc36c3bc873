"""The site is built without a warning, is all in one folder, and asks nobody else for anything."""

from __future__ import annotations

import os
import re
import shutil
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


def build(source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Not with `--quiet`: strict builds count the warnings that are shown."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)


def test_the_site(tmp_path: Path) -> None:
    """One test, as a build takes seconds."""
    site = tmp_path / "site"
    built = build(ROOT, site)
    assert built.returncode == 0, built.stdout + built.stderr
    nothing_is_fetched_from_elsewhere(site)
    each_page_of_the_documentation_is_a_page(site)
    the_navigation_has_each_page_of_a_command(site)
    the_reference_has_what_is_public(site)
    docstrings_say_what_arguments_are(site)
    links_that_leave_the_site_lead_into_the_repository(site)


def test_what_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    for each in ROOT.glob("*.*"):
        (tmp_path / each.name).symlink_to(each)
    for name in ("docs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "src").symlink_to(ROOT / "src")
    page = tmp_path / "docs" / "asyncio.md"
    links = "[a](os.md#no-anchor) [a](no-page.md) [a](../no-file)\n"
    page.write_text(page.read_text("utf-8") + links, "utf-8")
    (tmp_path / "docs" / "no-navigation.md").write_text("# Alone\n")
    built = build(tmp_path, tmp_path / "site")
    assert built.returncode == 1
    for told in ("no-anchor", "no-page", "no-file", "no-navigation"):
        assert re.search(rf"WARNING(?:.*\n){{1,3}}?.*{told}|WARNING.*{told}", built.stderr), told


def nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for groups in _FETCHED.findall(page.read_text("utf-8")):
            (target,) = filter(None, groups)
            assert not re.match(r"(?:https?:)?//", target), f"{page.name} fetches {target}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )['\"]?(?:https?:)?//", sheet.read_text("utf-8"))


def each_page_of_the_documentation_is_a_page(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".html")
        assert (site / name).exists()
    for name in ("changes.html", "contributing.html", "reporting.html", "index.html"):
        assert (site / name).exists()


def the_navigation_has_each_page_of_a_command(site: Path) -> None:
    front = (site / "index.html").read_text("utf-8")
    for page in (ROOT / "docs" / "commands").glob("*.md"):
        assert f"commands/{page.stem}.html" in front
    index = (site / "commands" / "index.html").read_text("utf-8")
    assert all(f"<code>{name}</code>" in index for name in COMMANDS)


def the_reference_has_what_is_public(site: Path) -> None:
    import bleio.aio
    import bleio.api
    import bleio.bleak
    import bleio.testing

    pages = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
    for module in (bleio.aio, bleio.api, bleio.bleak, bleio.testing):
        for name in module.__all__:
            assert re.search(rf'id="bleio\.(?:[\w.]+\.)?{name}"', pages), (
                f"{module.__name__}.{name}"
            )


def test_the_reference_has_each_fixture_and_option() -> None:
    page = (ROOT / "docs" / "reference" / "testing.md").read_text("utf-8")
    plugin = (ROOT / "src" / "bleio" / "testing" / "plugin.py").read_text("utf-8")
    fixtures = re.findall(r"^@pytest\.fixture\ndef (\w+)", plugin, re.MULTILINE)
    assert set(re.findall(r"^\| `(ble_\w+)`", page, re.MULTILINE)) == set(fixtures)
    options = re.findall(r'^        "(--[\w-]+)",', plugin, re.MULTILINE)
    assert set(re.findall(r"^\| `(--[\w-]+)", page, re.MULTILINE)) == set(options)


def docstrings_say_what_arguments_are(site: Path) -> None:
    page = (site / "reference" / "_bleio.html").read_text("utf-8")
    assert "<strong>Args:</strong>" in page
    assert "<strong>Raises:</strong>" in page
    assert "<li><code>rts</code>, <code>cts</code>: its flow control pins" in page  # of one line
    page = (site / "reference" / "testing.html").read_text("utf-8")
    assert "<li><code>loss</code>: the part of all packets that is lost" in page  # a line for each


def links_that_leave_the_site_lead_into_the_repository(site: Path) -> None:
    campaigns = (site / "campaigns.html").read_text("utf-8")
    assert "/blob/main/examples/studies/notifications.py" in campaigns
    for page in site.rglob("*.html"):
        assert 'href="../README.md' not in page.read_text("utf-8")
