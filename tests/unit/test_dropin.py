"""`import _bleio` is ours, and costs little."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import _bleio
import pytest

import bleio
from bleio import api, dropin
from support.patience import PATIENCE_S

SOURCES = Path(bleio.__file__).parents[1]
DEADLINE_S = PATIENCE_S


def python(*arguments: str, **variables: str) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.strip()


def test_module_is_made_of_our_file_and_has_the_name() -> None:
    assert _bleio.__name__ == "_bleio"
    assert _bleio.__spec__.name == "_bleio"
    assert _bleio.__file__ == dropin.__file__


def test_names_are_those_of_the_api() -> None:
    assert sorted(_bleio.__all__) == dir(_bleio)
    for name in set(_bleio.__all__) - {"adapter", "set_adapter"}:
        assert getattr(_bleio, name) is getattr(api, name, None) or issubclass(
            getattr(_bleio, name), Exception
        )


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"^module '_bleio' has no attribute 'antenna'$"):
        _bleio.antenna
    with pytest.raises(ImportError, match="antenna"):
        from _bleio import antenna  # noqa: F401


def test_adapter_is_the_current_one_at_each_look() -> None:
    before = _bleio.adapter
    other = _bleio.Adapter("virtual")
    _bleio.set_adapter(other)
    try:
        assert _bleio.adapter is other
    finally:
        _bleio.set_adapter(before)
    assert _bleio.adapter is before


def test_from_import_gives_every_name() -> None:
    program = "from _bleio import *; from _bleio import adapter, UUID; print(adapter is not None)"
    assert python("-c", program, BLEIO_ADAPTER="virtual") == "True"


def test_reload_keeps_the_module() -> None:
    program = "import _bleio, importlib; print(importlib.reload(_bleio) is _bleio)"
    assert python("-c", program) == "True"


def test_finder_is_for_one_name_only() -> None:
    (finder,) = [each for each in sys.meta_path if type(each).__module__ == "bleio"]
    assert finder.find_spec("_bleio", None) is not None
    assert finder.find_spec("_bleio.adapter", None) is None
    assert finder.find_spec("bleio", None) is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("_bleio.adapter")


@pytest.mark.parametrize("adapter", ["virtual", "hci:usb:0", "os", "nonsense", ""])
def test_import_opens_nothing_and_starts_nothing(adapter: str) -> None:
    program = (
        "import os, sys, threading\n"
        "fds = '/proc/self/fd' if os.path.exists('/proc/self/fd') else '/dev/fd'\n"
        "before = sorted(os.listdir(fds))\n"
        "import _bleio\n"
        "assert sorted(os.listdir(fds)) == before\n"
        "assert threading.active_count() == 1\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = set(python("-c", program, BLEIO_ADAPTER=adapter).split())
    assert "_bleio" in loaded
    unwanted = {"asyncio", "bumble", "bleak", "dbus_fast", "cryptography", "click", "usb", "serial"}
    assert not loaded & unwanted


def test_import_works_from_a_zip_file(tmp_path: Path) -> None:
    archive = tmp_path / "library.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in SOURCES.rglob("bleio/**/*.py"):
            file.write(path, path.relative_to(SOURCES))
    program = "import bleio, _bleio; print(_bleio.__file__, _bleio.UUID(0x180D))"
    found = python("-S", "-c", program, PYTHONPATH=str(archive))
    assert found == f"{archive / 'bleio' / 'dropin.py'} UUID(0x180d)"


def test_start_of_python_imports_one_module_more() -> None:
    """What a start costs is measured in bench/startup.py; this is what keeps it small."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "pass"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    names = [line.rpartition("|")[2][1:] for line in ended.stderr.splitlines()]
    (position,) = (place for place, name in enumerate(names) if name.strip() == "bleio")
    depth = [len(name) - len(name.lstrip()) for name in names]
    # What a module imports is listed before it, and further to the right.
    assert depth[position - 1] <= depth[position], f"bleio imports {names[position - 1].strip()}"
    assert not [name for name in names if name.strip().startswith("bleio.")]


def test_part_of_an_installation_says_so_when_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "bleio").mkdir()
    (tmp_path / "bleio" / "__init__.py").write_bytes(Path(bleio.__file__).read_bytes())
    ended = subprocess.run(
        [sys.executable, "-S", "-c", "import bleio, _bleio"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        f"ImportError: Cannot import _bleio: {tmp_path / 'bleio'} has no dropin.py; install bleio"
        " again"
    )


def test_it_cannot_be_run_and_says_what_can() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "_bleio"], capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        "_bleio is a module to import; run a program that imports it: bleio run PROGRAM.py\n"
    )
