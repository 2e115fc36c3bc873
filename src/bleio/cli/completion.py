"""`bleio completion SHELL`: prints what makes a shell complete bleio's commands and options.

The script is click's. It asks the program itself at each Tab, so it never has to be renewed.
"""

from __future__ import annotations

import click

_HOW = {
    "bash": 'eval "$(bleio completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(bleio completion zsh)"   # in ~/.zshrc, after compinit',
    "fish": "bleio completion fish > ~/.config/fish/completions/bleio.fish",
}


@click.command(
    epilog="\b\n" + "\n".join(f"{shell:5} {line}" for shell, line in _HOW.items()),
)
@click.argument("shell", type=click.Choice(list(_HOW)))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes commands, options and files.

    Put one line where the shell reads it when it starts:
    """
    from click.shell_completion import get_completion_class

    from bleio.cli.main import main

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "bleio", "_BLEIO_COMPLETE").source())
