"""Exit codes of all commands, and the one map from errors to them.

Scripts decide by the code, people by the sentence. docs/commands/index.md has the table.
"""

from __future__ import annotations

import builtins
from enum import IntEnum
from typing import IO, Any

import click

from bleio.core.codes import AttErrorCode
from bleio.errors import (
    AttError,
    BluetoothError,
    CallerError,
    ConnectTimeout,
    ControllerLost,
    InnerError,
    KeysLost,
    LinkLost,
    PairingFailed,
    SecurityError,
    TransactionTimeout,
    notes_of,
)


class Exit(IntEnum):
    """How a command has ended."""

    DONE = 0
    FAILED = 1
    WRONG_ARGUMENTS = 2
    NOT_FOUND = 3  # a device, a characteristic, a bond
    NO_ADAPTER = 4  # or no permission to use it
    GONE = 5  # the device went away or hung on the way
    REFUSED = 6  # by the device: permission, security, pairing
    INTERRUPTED = 130  # Ctrl-C, as a shell reports it
    BROKEN_PIPE = 141  # nothing reads the output any more


class Failure(click.ClickException):
    """A command could not do what it was asked to. The text is a sentence for the user."""

    def __init__(self, message: str, code: int = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence on standard error; what others have put into it is escaped."""
        from bleio.decoding.octets import printable_lines

        text = printable_lines(self.format_message())
        click.echo(f"Error: {text}", file=file, err=file is None)


def as_failure(error: BaseException) -> Failure | None:
    """Return what a command ends with by an error; None if it is a bug, of which all is shown."""
    if (code := code_of(error)) is None:
        return None
    text = str(error) or type(error).__name__
    return Failure("\n".join([text, *notes_of(error)]), code)


def code_of(error: BaseException) -> int | None:
    """Return the exit code of an error of the library; None for others."""
    inner = error if isinstance(error, InnerError) else getattr(error, "inner", None)
    if isinstance(inner, InnerError):
        return _of_inner(inner)
    match error:
        case SecurityError():
            return Exit.REFUSED
        case BluetoothError() if isinstance(error, builtins.ConnectionError):
            return Exit.GONE
        case BluetoothError() | NotImplementedError():
            return Exit.FAILED
    return None


def _of_inner(error: InnerError) -> int:
    match error:
        case AttError(code=AttErrorCode.ATTRIBUTE_NOT_FOUND | AttErrorCode.INVALID_HANDLE):
            return Exit.NOT_FOUND
        case AttError() | PairingFailed() | KeysLost():
            return Exit.REFUSED
        case LinkLost() | TransactionTimeout():
            return Exit.GONE
        case ConnectTimeout():
            return Exit.NOT_FOUND
        case ControllerLost():
            return Exit.NO_ADAPTER
        case CallerError():
            return Exit.WRONG_ARGUMENTS
    return Exit.FAILED
