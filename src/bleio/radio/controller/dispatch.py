"""HCI commands as a table: opcode, name, layout, bit in Supported Commands, handler.

Handlers are plain functions `handler(controller, *fields)`; the `command` decorator puts them into
the table. Layouts are checked before a handler runs, so a handler only judges values: by `require`
whether they are in range, by `allow` whether it is the time for them. It checks first and changes
afterwards. What the table holds is exactly what Read Local Supported Commands reports.

A command has one answer, in one of two events, and the table knows which (Spec: Vol 4, Part E,
4.4): Command Complete with what the handler returns, or, for what takes time (`pending`), Command
Status. The answer goes out before anything that follows from the command; a handler that would make
an event at once does so by `Controller.after_reply`. Hosts rely on that order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from bleio.core.codes import HciErrorCode

Handler = Callable[..., "bytes | None"]


class CommandError(Exception):
    """A command ends with this status."""

    def __init__(self, status: HciErrorCode) -> None:
        super().__init__(status)
        self.status = status


def require(condition: bool) -> None:
    """Raises: CommandError Invalid HCI Command Parameters unless the condition holds."""
    if not condition:
        raise CommandError(HciErrorCode.INVALID_PARAMETERS)


def allow(condition: bool) -> None:
    """Raises: CommandError Command Disallowed unless the condition holds."""
    if not condition:
        raise CommandError(HciErrorCode.COMMAND_DISALLOWED)


def support(condition: bool) -> None:
    """Raises: CommandError Unsupported Feature unless the condition holds."""
    if not condition:
        raise CommandError(HciErrorCode.UNSUPPORTED_FEATURE)


class Command(NamedTuple):
    """One row of the table.

    `tail`: octets beyond the layout go to the handler as its last argument. `pending`: answered by
    Command Status, the result comes in an event. `returns`: octets after the status that are zero
    in an error; the first `echo` of them repeat the parameters (a connection handle, an address).
    """

    opcode: int
    name: str
    layout: struct.Struct
    handler: Handler
    tail: bool
    pending: bool
    silent: bool
    returns: int
    echo: int


COMMANDS: dict[int, Command] = {}
_LISTED_AT: dict[int, tuple[int, int]] = {}


def command(
    opcode: int,
    name: str,
    layout: str = "",
    *,
    bit: tuple[int, int] | None,
    tail: bool = False,
    pending: bool = False,
    silent: bool = False,
    returns: int = 0,
    echo: int = 0,
) -> Callable[[Handler], Handler]:
    """Enter the decorated function into the table.

    Args: bit: octet and bit in the Supported Commands bitmap, None where there is none.
    Raises: ValueError when the opcode has a handler already.
    """

    def enter(handler: Handler) -> Handler:
        if opcode in COMMANDS:
            raise ValueError(f"the command {COMMANDS[opcode].name} has this opcode: {opcode:#06x}")
        COMMANDS[opcode] = Command(
            opcode,
            name,
            struct.Struct("<" + layout),
            handler,
            tail,
            pending,
            silent,
            returns,
            echo,
        )
        if bit is not None:
            _LISTED_AT[opcode] = bit
        return handler

    return enter


_COMPLETE = struct.Struct("<BBBBHB")
_STATUS = struct.Struct("<BBBBBH")


def _complete(opcode: int, status: int, returned: bytes) -> bytes:
    return _COMPLETE.pack(0x04, 0x0E, 4 + len(returned), 1, opcode, status) + returned


def _status(opcode: int, status: int) -> bytes:
    return _STATUS.pack(0x04, 0x0F, 4, status, 1, opcode)


def unknown(opcode: int) -> bytes:
    """Return the answer to a command that the controller does not know."""
    return _complete(opcode, HciErrorCode.UNKNOWN_HCI_COMMAND, b"")


def supported_commands(unknown_commands: frozenset[int]) -> bytes:
    """Return the bitmap of Read Local Supported Commands."""
    bitmap = bytearray(64)
    for opcode, (octet, bit) in _LISTED_AT.items():
        if opcode not in unknown_commands:
            bitmap[octet] |= 1 << bit
    return bytes(bitmap)


def execute(controller: object, opcode: int, parameters: bytes, whole: bool) -> bytes:
    """Run one command.

    Args: whole: whether `parameters` has the length that the packet's header states.
    Returns: the H4 event that answers it; empty for the commands that have no answer.
    """
    entry = COMMANDS.get(opcode)
    if entry is None:
        return unknown(opcode)
    returned = b""
    try:
        require(whole)
        returned = entry.handler(controller, *_fields(entry, parameters)) or b""
        status = HciErrorCode.SUCCESS
    except CommandError as error:
        status = error.status
        returned = parameters[: entry.echo].ljust(entry.returns, b"\0")
    if entry.pending:
        return _status(opcode, status)
    if entry.silent and status is HciErrorCode.SUCCESS:
        return b""
    return _complete(opcode, status, returned)


def _fields(entry: Command, parameters: bytes) -> tuple[Any, ...]:
    size = entry.layout.size
    if entry.tail:
        require(len(parameters) >= size)
        return (*entry.layout.unpack_from(parameters), parameters[size:])
    require(len(parameters) == size)
    return entry.layout.unpack(parameters)
