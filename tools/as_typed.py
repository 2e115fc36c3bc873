"""Makes a program of what a page has its reader do, and judges what comes of it.

    python tools/as_typed.py PAGE                 prints a program for bash
    python tools/as_typed.py PAGE --check FOLDER  compares what it has written there with the page

The program saves each file that the page names, and types each command of its `console` blocks,
as one person does in one terminal; what the page has go on in another terminal goes on in the
background. It types what the run of the documentation's tests has to skip, such as installing.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from documentation.commands import Command, commands_of  # noqa: E402
from documentation.comparing import difference  # noqa: E402
from documentation.pages import Block, blocks_of  # noqa: E402

# Only with these is a command of the page the reader's; others show what this program cannot do.
CANNOT = {"ctrl-c", "input", "terminal", "with"}

HEAD = """\
# Made by tools/as_typed.py. Writes what each command prints into the folder $SAID.
failed=0
typed() {
    printf '\\n$ %s\\n' "$2"
    { eval "$2"; } > >(tee "$SAID/$1") 2>&1 </dev/null
    status=$?
    wait $! 2>/dev/null
    [ "$status" = 0 ] || { echo "[exit status $status]"; failed=1; }
}
in_another_terminal() {
    printf '\\n$ %s    # in another terminal\\n' "$2"
    : >"$SAID/$1"  # here, since what follows may be ended before it has begun
    set -m  # a group of its own, which ends as a whole
    ( eval "$2" ) >"$SAID/$1" 2>&1 </dev/null &
    set +m
}
"""
TAIL = '\nfor job in $(jobs -p); do kill -- "-$job"; done 2>/dev/null\nexit $failed\n'


def typed(page: str) -> Iterator[tuple[Block, Command | None]]:
    """Yield what the reader saves, as a block alone, and what they type."""
    for block in blocks_of(page):
        if block.language == "console":
            if left := CANNOT & set(block.marks):
                raise SystemExit(f"{block.place}: cannot do what is marked {', '.join(left)}")
            for command in commands_of(block):
                yield block, command
        elif block.file:
            yield block, None


def program(page: str) -> Iterator[str]:
    yield HEAD
    for block, command in typed(page):
        if command is None:
            yield f"printf '\\n[saved as %s]\\n' {shlex.quote(block.file)}"
            yield f"cat >{shlex.quote(block.file)} <<'END OF FILE'\n{block.text}END OF FILE"
        else:
            how = "in_another_terminal" if "background" in block.marks else "typed"
            yield f"{how} {command.line} {shlex.quote(command.text)}"
    yield TAIL


def differences(page: str, folder: Path) -> Iterator[str]:
    """Yield how what was printed differs from what the page says, for each command."""
    for block, command in typed(page):
        if command is None:
            continue
        file = folder / str(command.line)
        if not file.exists():
            yield f"{block.place}: $ {command.text}\nwas not typed"
        elif command.said:
            printed, said = file.read_text("utf-8", errors="replace"), "\n".join(command.said)
            if differs := difference(said, printed, exact=command.is_simulated):
                yield f"{block.place}: $ {command.text}\n{differs}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", help="such as README.md")
    parser.add_argument("--check", metavar="FOLDER", type=Path)
    arguments = parser.parse_args()
    if arguments.check is None:
        print("\n".join(program(arguments.page)))
        return
    found = list(differences(arguments.page, arguments.check))
    print("\n".join(found) or f"What was printed is what {arguments.page} says.")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
