"""The command `bleio`, which is also `python -m bleio`."""

# Modules that Python has built in, which are there at once: a Ctrl-C while one is loaded from a
# file would come before `main` can take it.
import errno
import gc
import sys

# When to look for garbage in circles. Loading modules makes many objects and hardly any of those;
# to look as often as Python does, after 700 objects, takes a tenth of a start.
_NEW_OBJECTS = 50_000
# Nothing but standard output is written without a name, by what cannot be said better.
_NO_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_INTERRUPTED = 130  # Ctrl-C, as a shell reports it
_UNREAD = 141  # what was to read the output has ended


def main() -> None:
    """Parse the command line and do what it says.

    A command may return a callable; it is called outside click, which would take a Ctrl-C or an
    OSError of the user's program for its own.
    """
    usual = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS)
    try:
        from bleio.cli.ending import ENDING

        ENDING.begin()
        try:
            outcome = _parse()
        finally:
            ENDING.calm()
    except KeyboardInterrupt:
        from bleio.cli.ending import ENDING

        ENDING.calm()
        outcome = ENDING.exit_code
    finally:
        gc.freeze()  # Python looks through all that is there three times before it ends
    if callable(outcome):
        gc.unfreeze()
        gc.set_threshold(*usual)
        ENDING.give_back()
        outcome()
    else:
        _let_errors_go()
        sys.exit(outcome if isinstance(outcome, int) else 0)


def _let_errors_go() -> None:
    """Keep the exit code where the terminal is gone: Python would make it 120 for what is left."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        from bleio.cli.shared.stdout import stop_printing

        stop_printing(sys.stderr)


def _parse() -> object:
    """Return what the command has returned, or its exit code."""
    from bleio.cli.ending import ENDING

    try:
        try:
            return _commanded()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # what cannot be written is told here, not as Python ends
    except BrokenPipeError:
        from bleio.cli.shared.stdout import stop_printing

        stop_printing()
        return ENDING.exit_code if ENDING.number else _UNREAD
    except OSError as error:
        if error.errno not in _NO_OUTPUT or error.filename is not None:
            raise
        import click

        from bleio.cli.shared.stdout import stop_printing

        stop_printing()
        if ENDING.number:  # the terminal is gone, which is why it ends
            return ENDING.exit_code
        click.echo(f"Error: Cannot write the output: {error.strerror}.", err=True)
        return 1


def _commanded() -> object:
    """Carry out the command. Returns: as `_parse`; an error of click is told."""
    import click

    from bleio.cli.main import main as commands

    try:
        return commands.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _INTERRUPTED


if __name__ == "__main__":
    main()
