"""A page's files are saved, its commands are typed, and what is printed is judged by the page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "as_typed.py"
PAGE = """\
Save this as `says.py`:

```python
print("It's", "$HOME", 3 + 4)
```

<!-- skip: only where there is nobody else -->
```console
$ export PLACE=here
$ cd /
```

```console
$ cd - >/dev/null; echo $PLACE
here
$ python3 says.py
It's $HOME 7
```

<!-- background -->
```console
$ sleep 1000
```
"""


def tool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)


def typed(page: str, folder: Path) -> tuple[subprocess.CompletedProcess[str], str]:
    """Do as the page says in an empty folder. Returns: what bash did, and the verdict."""
    file, said, home = folder / "page.md", folder / "said", folder / "home"
    file.write_text(page, "utf-8")
    said.mkdir()
    home.mkdir()
    program = tool(file)
    assert program.returncode == 0, program.stderr
    done = subprocess.run(
        ["bash"],
        input=program.stdout,
        cwd=home,
        env={"PATH": os.environ["PATH"], "SAID": str(said)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return done, tool(file, "--check", said).stdout


def test_all_commands_are_of_one_terminal(tmp_path: Path) -> None:
    done, verdict = typed(PAGE, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "\n[saved as says.py]\n\n$ export PLACE=here\n\n$ cd /\n"
        "\n$ cd - >/dev/null; echo $PLACE\nhere\n\n$ python3 says.py\nIt's $HOME 7\n"
        "\n$ sleep 1000    # in another terminal\n"
    )
    assert verdict.endswith("page.md says.\n")


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("It's $HOME 7\n", "It's $HOME 8\n", "-It's $HOME 8\n+It's $HOME 7\n"),
        ("here\n", "there\n", "+here\n"),
    ],
)
def test_what_is_printed_is_compared(right: str, wrong: str, says: str, tmp_path: Path) -> None:
    _, verdict = typed(PAGE.replace("\n" + right, "\n" + wrong), tmp_path)
    assert says in verdict


def test_a_command_that_fails(tmp_path: Path) -> None:
    done, _ = typed(PAGE.replace("cd /", "false"), tmp_path)
    assert done.returncode == 1
    assert "$ false\n[exit status 1]\n" in done.stdout


def test_a_mark_that_it_cannot_do_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.replace("background", "ctrl-c"), "utf-8")
    assert "cannot do what is marked ctrl-c" in tool(page).stderr


def test_all_that_the_readme_has_can_be_typed() -> None:
    program = tool("README.md")
    assert program.returncode == 0, program.stderr
    for line in ("'sudo apt install python3-venv'", "cat >beacon.py", "cat >test_beacon.py"):
        assert line in program.stdout
    checked = subprocess.run(["bash", "-n"], input=program.stdout, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("arguments", "says"), [([], "say which release"), (["bookworm", "--kep"], "no option --kep")]
)
def test_the_bare_debian_says_what_it_wants(arguments: list[str], says: str) -> None:
    command = ["bash", str(ROOT / "tools" / "bare_debian.sh"), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 1
    assert says in ended.stderr
