"""No link of the documentation is dead, within the project or outside, if it can be asked."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from documentation.links import Link, anchors, dead, links
from documentation.pages import ROOT, pages

ASKED_FOR = "BLEIO_TEST_LINKS"
# The project's own pages: they are there with the first release.
OWN = ("https://github.com/bleio/bleio", "https://bleio.github.io/bleio")
# What says something of the address itself, not of the network or of whom the server likes.
GONE = {404, 410}


def all_links() -> list[Link]:
    return [each for page in pages() for each in links(page, (ROOT / page).read_text("utf-8"))]


@pytest.mark.parametrize("page", pages())
def test_links_within_the_project(page: str) -> None:
    found = links(page, (ROOT / page).read_text("utf-8"))
    problems = [dead(link) for link in found if not link.is_outside]
    assert not any(problems), "\n".join(filter(None, problems))


def test_dead_links_are_found() -> None:
    text = '[a](no.md) [b](README.md#nothing) <img src="no.png"> [c](#here)\n\n# Here\n'
    said = [dead(link) for link in links("CHANGELOG.md", text) if not link.is_outside]
    assert [_.rpartition(": ")[2] for _ in said] == [
        "no.md is not there",
        "README.md has no heading #nothing",
        "CHANGELOG.md has no heading #here",
        "no.png is not there",
    ]


def test_anchors_are_those_of_github() -> None:
    text = "# From `import _bleio` to the air\n## What's new?\n## What's new?\n### A & B, c-d\n"
    assert anchors(text) == {
        "from-import-_bleio-to-the-air",
        "whats-new",
        "whats-new-1",
        "a--b-c-d",
    }


def test_outside_links_are_encrypted() -> None:
    local = ("http://127.0.0.1", "http://localhost")
    plain = [each for each in all_links() if each.target.startswith("http:")]
    assert [each.place for each in plain if not each.target.startswith(local)] == []


@pytest.mark.interop
@pytest.mark.skipif(ASKED_FOR not in os.environ, reason=f"asks other servers; {ASKED_FOR}=1 does")
def test_links_to_elsewhere() -> None:
    """Those that cannot be asked are told, and are no failure."""
    targets = {each.target.partition("#")[0]: each.place for each in all_links() if each.is_outside}
    asked = [each for each in sorted(targets) if each.startswith("https:")]
    asked = [each for each in asked if not each.startswith(OWN)]
    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(asked, pool.map(_status, asked), strict=True))
    for target, answer in answers.items():
        print(f"{answer}  {target}  {targets[target]}")
    gone = [
        f"{targets[each]}: {each}: {answers[each]}"
        for each in asked
        if answers[each] in GONE and _is_itself(each)
    ]
    assert not gone, "\n".join(gone)
    if not any(isinstance(answer, int) for answer in answers.values()):
        pytest.skip("there is no network")


def _is_itself(target: str) -> bool:
    """Whether its server has a front page: proxies and mirrors of a network may have nothing."""
    return _status("/".join(target.split("/")[:3]) + "/") == 200


def _status(target: str) -> int | str:
    request = urllib.request.Request(target, headers={"User-Agent": "Mozilla/5.0"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return str(error)
