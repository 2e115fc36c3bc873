"""Tab in a real bash completes bleio's words; scripts for other shells are click's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bleio.cli.main import COMMANDS
from support.patience import PATIENCE_S
from support.terminal import Terminal

SCRIPTS = Path(sys.executable).parent
PATH = f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"
pytestmark = pytest.mark.skipif(
    shutil.which("bash") is None or not (SCRIPTS / "bleio").exists(),
    reason="needs bash, and bleio installed",
)


def completed(line: str) -> set[str]:
    """Return what bash would offer for the last word of a line."""
    program = (
        'eval "$(bleio completion bash)"\n'
        "complete -p bleio >&2\n"
        f"COMP_WORDS=({line})\n"
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
        "_bleio_completion bleio\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, "PATH": PATH},
    )
    assert "_bleio_completion" in done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("bleio ''", set(COMMANDS)),
        ("bleio sc", {"scan"}),
        ("bleio scan --re", {"--record"}),
        ("bleio scan --service heart-r", {"heart-rate"}),
        ("bleio scan --sort ''", {"rssi", "name", "address"}),
        ("bleio scan --adapter vir", {"virtual", "virtual:desk"}),
        ("bleio completion f", {"fish"}),
    ],
)
def test_bash_offers_what_may_follow(line: str, some: set[str]) -> None:
    assert some <= completed(line)


def test_tab_on_a_terminal(tmp_path: Path) -> None:
    settings = {
        "PATH": PATH,
        "PS1": "> ",
        "INPUTRC": "/dev/null",
        "BASH_SILENCE_DEPRECATION_WARNING": "1",
    }
    with Terminal(["bash", "--norc", "--noprofile", "-i"], tmp_path, (100, 24), **settings) as bash:
        bash.type('eval "$(bleio completion bash)"; echo rea""dy')
        bash.expect("ready")
        bash.press("bleio comple\t")
        bash.expect_picture(
            lambda lines: any("bleio completion " in line + " " for line in lines), "it"
        )
        bash.press("zs\t")
        bash.expect_picture(
            lambda lines: any("bleio completion zsh" in line for line in lines), "zsh"
        )
        bash.type("")
        bash.expect("compdef _bleio_completion bleio")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_asks_bleio(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bleio", "completion", shell],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0
    assert f"_BLEIO_COMPLETE={shell}_complete" in done.stdout
