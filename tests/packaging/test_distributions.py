"""What the wheel and the sdist hold."""

from __future__ import annotations

import re
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from bleio import __version__

pytestmark = pytest.mark.packaging
ROOT = Path(__file__).parents[2]


def test_wheel_holds_the_package_the_hook_and_the_stubs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {PurePosixPath(name).parts[0] for name in names}
    assert tops == {
        "bleio",
        "_bleio-stubs",
        "bleio-precedence.pth",
        f"bleio-{__version__}.dist-info",
    }, "and nothing in _bleio/, which is another distribution's"
    modules = {path.relative_to(ROOT / "src").as_posix() for path in ROOT.glob("src/bleio/**/*.py")}
    parts = {path.name for path in (ROOT / "src/bleio/pages").iterdir() if path.suffix != ".py"}
    others = {"bleio/py.typed", *(f"bleio/pages/{name}" for name in parts if "." in name)}
    assert {name for name in names if name.startswith("bleio/")} == {*modules, *others}
    assert "_bleio-stubs/__init__.pyi" in names


def test_the_page_of_the_package_index_has_no_dead_links(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"bleio-{__version__}.dist-info/METADATA").decode()
    page = metadata.partition("\n\n")[2]
    assert page.startswith("# bleio\n") and "docs/adapters.md has the whole list" in page
    assert not re.findall(r"\]\((?!https?://)[^)]*\)", page)


def test_sdist_holds_what_is_needed_to_build_test_and_read(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "src/_bleio-stubs/__init__.pyi",
        "src/bleio-precedence.pth",
        "tests/packaging/test_distributions.py",
    } <= names
    assert not [name for name in names if name.startswith((".venv", "dist", "node_modules"))]
