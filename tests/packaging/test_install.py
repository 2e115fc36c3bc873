"""bleio beside adafruit_ble, whose dependency adafruit-blinka-bleio owns the folder `_bleio`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.environment import Environment
from support.patience import PATIENCE_S

pytestmark = [pytest.mark.packaging, pytest.mark.slow, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
FILE = "import _bleio; print(_bleio.__file__)"


def file_of_bleio(environment: Environment) -> Path:
    return environment.packages / "bleio" / "dropin.py"


def is_ours(environment: Environment, *options: str, **variables: str) -> bool:
    found = Path(environment.python(*options, "-c", FILE, **variables))
    return found == file_of_bleio(environment)


def is_adafruits(environment: Environment, **variables: str) -> bool:
    program = "import importlib.util as i; print(i.find_spec('_bleio').origin)"
    found = environment.python("-c", program, **variables)
    return Path(found) == environment.packages / "_bleio" / "__init__.py"


def modules_at_start(environment: Environment, *options: str, **variables: str) -> set[str]:
    program = "import sys; print(*sys.modules)"
    return set(environment.python(*options, "-c", program, **variables).split())


def missing_files(environment: Environment, distribution: str) -> list[str]:
    """List what the distribution installed and is not there."""
    program = (
        "import sys, importlib.metadata as m; "
        "print(*(f for f in m.files(sys.argv[1]) if not f.locate().exists()))"
    )
    return environment.python("-c", program, distribution).split()


def test_bleio_module_is_ours(both: Environment) -> None:
    assert is_ours(both)
    assert is_ours(both, "-I")


def test_adafruit_ble_uses_ours(both: Environment) -> None:
    program = "import adafruit_ble; print(adafruit_ble._bleio.__file__)"
    assert both.python("-c", program) == str(file_of_bleio(both))


def test_uninstalling_bleio_leaves_the_other_whole(both: Environment, wheel: Path) -> None:
    both.pip("uninstall", "--yes", "bleio")
    try:
        assert is_adafruits(both)
        assert missing_files(both, "adafruit-blinka-bleio") == []
        assert "bleio" not in modules_at_start(both)
        assert [*both.packages.glob("bleio*"), *both.packages.glob("_bleio-*")] == []
        assert not (both.scripts / "bleio").exists()
    finally:
        both.pip("install", "--no-deps", wheel)
    assert is_ours(both)


def test_uninstalling_the_other_leaves_bleio_whole(both: Environment) -> None:
    both.pip("uninstall", "--yes", "adafruit-blinka-bleio")
    try:
        assert not (both.packages / "_bleio").exists()
        assert missing_files(both, "bleio") == []
        assert is_ours(both)
    finally:
        both.pip("install", "--no-deps", "adafruit-blinka-bleio")
    assert is_ours(both)


def test_precedence_is_switched_off_by_the_environment(both: Environment) -> None:
    assert is_adafruits(both, BLEIO_PRECEDENCE="0")
    assert is_ours(both, BLEIO_PRECEDENCE="1")
    imported = both.python("-c", f"import bleio; {FILE}", BLEIO_PRECEDENCE="0")
    assert Path(imported).parent == both.packages / "_bleio"


def test_start_up_imports_one_module_more(both: Environment) -> None:
    without = modules_at_start(both, BLEIO_PRECEDENCE="0")
    assert modules_at_start(both) - without == {"bleio"}


def test_where_start_up_files_are_not_read(both: Environment, tmp_path: Path) -> None:
    path = str(both.packages)
    assert "bleio" not in modules_at_start(both, "-S", PYTHONPATH=path)
    program = tmp_path / "program.py"
    program.write_text(FILE)
    by_import = both.python("-S", "-c", f"import bleio; {FILE}", PYTHONPATH=path)
    by_run = both.python("-S", "-m", "bleio", "run", program, PYTHONPATH=path)
    assert by_import == by_run == str(file_of_bleio(both))


def test_command_runs_a_program(both: Environment, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys, _bleio; print(*sys.argv[1:], _bleio.UUID(0x180D)); sys.exit(3)")
    ended = both.run(both.scripts / "bleio", "run", program, "--flag", "x")
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "--flag x UUID(0x180d)\n", "")


PROGRAM_WITH_TYPES = """
import _bleio

entry: _bleio.ScanEntry
for entry in _bleio.adapter.start_scan(timeout=1):
    reveal_type(entry.rssi)
reveal_type(_bleio.adapter)
_bleio.adapter.connect()
"""


def test_type_checkers_see_our_types(both: Environment, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM_WITH_TYPES)
    checker = [sys.executable, "-m", "mypy", "--strict", "--python-executable", both.executable]
    ended = subprocess.run(
        [*checker, program], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert 'Revealed type is "int"' in ended.stdout, ended.stdout + ended.stderr
    assert 'Revealed type is "bleio.api.adapter.Adapter"' in ended.stdout
    assert "[call-arg]" in ended.stdout, "a wrong call is found"
    assert "import-" not in ended.stdout, "no import is unknown"


def test_editable_install(bare: Environment) -> None:
    bare.pip("install", "--no-deps", "--editable", ROOT)
    bare.pip("install", "--no-deps", "adafruit-blinka-bleio")
    assert Path(bare.python("-c", FILE)) == ROOT / "src" / "bleio" / "dropin.py"
    assert is_adafruits(bare, BLEIO_PRECEDENCE="0")
    assert (bare.packages / "_bleio-stubs" / "__init__.pyi").exists()
    bare.pip("uninstall", "--yes", "bleio")
    assert "bleio" not in modules_at_start(bare)
    assert is_adafruits(bare)
    assert list(bare.packages.glob("*bleio-[ps]*")) == [], "the hook and the stubs are gone"
