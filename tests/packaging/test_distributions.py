"""What the wheel and the sdist hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from bleio import __version__

pytestmark = pytest.mark.packaging
ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path, umask: int = -1) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, umask=umask)


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
    files = {
        path.relative_to(ROOT / "src").as_posix()
        for path in ROOT.glob("src/bleio/**/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"bleio/py.typed", "bleio/pages/report.html"} <= files
    assert {name for name in names if name.startswith("bleio/")} == files
    assert "_bleio-stubs/__init__.pyi" in names


def test_the_wheel_and_the_sdist_are_fit_for_the_package_index(wheel: Path, sdist: Path) -> None:
    checked = run("-m", "twine", "check", "--strict", wheel, sdist)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("PASSED") == 2
    looked_into = run("-m", "check_wheel_contents", "--config", ROOT / "pyproject.toml", wheel)
    assert looked_into.returncode == 0, looked_into.stdout + looked_into.stderr


def test_a_wheel_with_a_stray_module_is_found(wheel: Path, tmp_path: Path) -> None:
    stray = tmp_path / wheel.name
    name = "bleio/__pycache__/core.cpython-311.pyc"
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(stray, "w") as copy:
        for each in archive.namelist():
            octets = archive.read(each)
            copy.writestr(each, octets + f"{name},,\n".encode() * each.endswith("/RECORD"))
        copy.writestr(name, b"")
    looked_into = run("-m", "check_wheel_contents", "--config", ROOT / "pyproject.toml", stray)
    assert looked_into.returncode == 1
    assert "W001" in looked_into.stdout


def test_who_builds_it_later_and_elsewhere_gets_the_same_octets(
    wheel: Path, sdist: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    for path in tree.rglob("*"):
        os.utime(path, (978_307_200, 978_307_200))
    again = tmp_path / "dist"
    built = run("-m", "build", "--outdir", again, tree, umask=0o077)
    assert built.returncode == 0, built.stdout + built.stderr
    assert (again / wheel.name).read_bytes() == wheel.read_bytes()
    assert (again / sdist.name).read_bytes() == sdist.read_bytes()


def test_links_on_the_page_of_the_package_index_lead_to_files_of_that_version(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"bleio-{__version__}.dist-info/METADATA").decode()
    page = metadata.partition("\n\n")[2]
    assert page.startswith("# bleio\n")
    targets = re.findall(r"\]\(([^)]*)\)", page)
    assert targets
    assert [each for each in targets if not each.startswith(("https://", "#"))] == []
    here = f"https://github.com/bleio/bleio/{{}}/v{__version__}/"
    of_this_version = [
        target.removeprefix(start).partition("#")[0]
        for target in targets
        for start in (here.format("blob"), here.format("raw"))
        if target.startswith(start)
    ]
    assert "docs/adapters.md" in of_this_version
    assert [path for path in of_this_version if not (ROOT / path).exists()] == []
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", page)
    assert [each for each in pictures if "/blob/" in each] == [], "a page about it is no picture"


def test_sdist_holds_what_is_needed_to_build_test_and_read(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
        ".ci/run",
        ".github/workflows/ci.yml",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "pyproject.toml",
        "src/_bleio-stubs/__init__.pyi",
        "src/bleio-precedence.pth",
        "tests/packaging/test_distributions.py",
    } <= names
    assert not [name for name in names if name.startswith((".venv", "dist", "node_modules"))]
