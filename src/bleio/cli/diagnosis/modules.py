"""Which `_bleio` a program gets, and why; versions of what belongs to it.

This process has bleio's finder, since it has imported bleio. What a program gets that says nothing
of bleio is seen by one alone: a Python of the same kind, in the same folder and environment, is
asked how it would find the module, without importing it.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from bleio.cli.diagnosis.findings import NOTE, OK, PROBLEM, TIMED_OUT, Finding

ASK_S = 15.0
_PROBE = """
import json, sys
started = "bleio" in sys.modules
import importlib.util, os
from importlib.machinery import PathFinder
def where(spec):
    if spec is None:
        return None
    places = spec.submodule_search_locations
    return spec.origin or (list(places)[0] if places else "somewhere")
def find(search, name):
    try:
        return search(name)
    except Exception:
        return None
ours = [type(each).__module__ for each in sys.meta_path]
spec = find(importlib.util.find_spec, "_bleio")
folders = [each for each in sys.path if os.path.exists(os.path.join(each, "bleio-precedence.pth"))]
print(json.dumps({
    "started": started,
    "finder": "bleio" in ours,
    "gives_ours": type(spec.loader).__module__ == "bleio" if spec else False,
    "gives": where(spec) if spec else None,
    "other": where(find(PathFinder.find_spec, "_bleio")),
    "bleio": where(find(importlib.util.find_spec, "bleio")),
    "pth": [os.path.join(each, "bleio-precedence.pth") for each in folders],
    "no_site": sys.flags.no_site, "isolated": sys.flags.isolated,
    "cwd": os.getcwd(),
}))
"""
_DISTRIBUTIONS = (
    *("bleio", "bumble", "bleak", "dbus-fast", "adafruit-circuitpython-ble"),
    *("adafruit-blinka-bleio", "cryptography", "greenlet", "libusb1", "pyserial"),
    *("aioesphomeapi", "bluetooth-numbers", "bluetooth-sig"),
)
_MAIN = ("bleio", "bumble", "bleak")


def ask_python(within_s: float = ASK_S) -> dict[str, Any]:
    """Ask a Python of its own. Raises: OSError; subprocess.TimeoutExpired; ValueError."""
    flags = [*(["-S"] if sys.flags.no_site else []), *(["-I"] if sys.flags.isolated else [])]
    asked = subprocess.run(
        [sys.executable, *flags, "-c", _PROBE],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=within_s,
        check=False,
    )
    lines = asked.stdout.decode(errors="replace").splitlines()
    answer = json.loads(lines[-1] if lines else "")
    if not isinstance(answer, dict):
        raise ValueError("no answer")
    return answer


def look_at_module(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Return which `_bleio` it is, and why."""
    try:
        answer = ask_python()
    except subprocess.TimeoutExpired:
        return [Finding(TIMED_OUT, f"{sys.executable} did not start within {ASK_S:g} s")]
    except (OSError, ValueError) as error:
        return [Finding(PROBLEM, f"{sys.executable} cannot be asked: {error}")]
    return list(judged(answer, environment, str(Path(__file__).parents[2])))


def judged(
    answer: Mapping[str, Any], environment: Mapping[str, str], home: str
) -> Iterator[Finding]:
    """Say what an answer means. Args: home: the folder of the bleio that runs now."""
    if answer["gives_ours"]:
        yield Finding(OK, f"import _bleio gives bleio's, of {home}, {_by_what(answer)}")
    else:
        yield _not_ours(answer, environment)
    if (other := answer["other"]) is not None and answer["gives_ours"]:
        kind = _kind(other, answer["cwd"])
        yield Finding(
            NOTE,
            f"{kind} is there too: {other}; bleio's finder comes first"
            " (BLEIO_PRECEDENCE=0 gives the other)",
        )
    found = answer["bleio"]
    if found is None:
        yield Finding(
            PROBLEM,
            "A program of this folder does not find bleio, which runs here",
            [f"Install it there: {sys.executable} -m pip install bleio"],
        )
    elif not _same(os.path.dirname(found), home):
        yield Finding(
            PROBLEM,
            f"A program of this folder finds another bleio: {found}; this one is {home}",
            ["Rename the file or folder of that name, or uninstall one of the two."],
        )


def _by_what(answer: Mapping[str, Any]) -> str:
    if answer["pth"]:
        return f"by its finder, which {answer['pth'][0]} puts first"
    return "by its finder"


def _not_ours(answer: Mapping[str, Any], environment: Mapping[str, str]) -> Finding:
    """Say what a program gets in place of ours, why, and what to do."""
    gives = answer["gives"]
    if gives is None:
        text = "import _bleio finds nothing"
    else:
        text = f"import _bleio gives {_kind(gives, answer['cwd'])}: {gives}"
    run = "bleio run PROGRAM.py gives a program bleio's in any case."
    if environment.get("BLEIO_PRECEDENCE") == "0":
        return Finding(NOTE, f"{text}, as BLEIO_PRECEDENCE=0 asks", ["unset BLEIO_PRECEDENCE", run])
    if answer["no_site"]:
        why, help_ = "Python was started with -S, which reads no .pth files", run
    elif answer["finder"]:
        why, help_ = "another finder comes first, as those of some test tools do", run
    elif not answer["pth"]:
        why = "there is no bleio-precedence.pth in a folder where Python reads such files"
        help_ = (
            f"Install bleio there: {sys.executable} -m pip install bleio (a folder in PYTHONPATH or"
            " --target is not enough), or write `import bleio` before `import _bleio`."
        )
    else:
        why, help_ = f"{answer['pth'][0]} was not read", run
    return Finding(PROBLEM, f"{text}, since {why}", list(dict.fromkeys((help_, run))))


def _kind(path: str, folder: str) -> str:
    """Say whose module a file is."""
    parent = os.path.dirname(path)
    if _same(parent, folder) or _same(os.path.dirname(parent), folder):
        return "a _bleio of the current folder"
    if "site-packages" in path or "dist-packages" in path:
        return "adafruit-blinka-bleio" if _version("adafruit-blinka-bleio") else "another _bleio"
    return "another _bleio"


def _same(first: str, second: str) -> bool:
    return os.path.realpath(first) == os.path.realpath(second)


def look_at_versions() -> list[Finding]:
    """Return the versions of Python, the system and what bleio uses."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    found = [Finding(OK, f"{python} ({sys.executable})"), Finding(OK, _system())]
    versions = {each: _version(each) for each in _DISTRIBUTIONS}
    there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    absent = ", ".join(name for name, version in versions.items() if not version)
    found.append(Finding(OK, there))
    if lacking := [name for name in _MAIN if not versions[name]]:
        found.append(Finding(NOTE, f"not installed as distributions: {', '.join(lacking)}"))
    elif absent:
        found.append(Finding(OK, f"not installed: {absent}"))
    return found


def _system() -> str:
    text = platform.platform()
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {text}"
    except (OSError, KeyError):
        return text


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
