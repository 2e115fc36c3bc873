"""What programs of bleak see of our errors: bleak's own exceptions, with their codes.

One map, by the inner error where there is one, since that has the code. What is the caller's own
mistake (TypeError, ValueError) and time limits (TimeoutError, which bleak raises, too) pass as they
are. The original is the cause, with its notes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason as Reason,
    BleakError,
    BleakGATTProtocolError,
)

from bleio.errors import (
    AttError,
    BluetoothError,
    ConnectionError,
    ConnectTimeout,
    ControllerLost,
    add_note,
    notes_of,
)
from bleio.runtime.gap import ALREADY_SCANNING

NOT_CONNECTED = "Not connected"
SCANS_ELSEWHERE = (
    "The adapter is scanning already, for another event loop or for _bleio, and can do one scan"
    " at a time; stop that one first, or scan for both in one event loop"
)


@contextmanager
def as_bleak() -> Iterator[None]:
    """Raise bleak's exceptions in place of ours."""
    try:
        yield
    except (BluetoothError, NotImplementedError) as error:
        raise _translated(error) from error


def att_code(error: BaseException) -> int:
    """Return the code of the ATT_ERROR_RSP that is behind one of our errors; 0 if there is none."""
    inner = getattr(error, "inner", None)
    return inner.code if isinstance(inner, AttError) else 0


def _translated(error: Exception) -> Exception:
    inner = getattr(error, "inner", None)
    if code := att_code(error):
        return _noted(BleakGATTProtocolError(code), error)
    if isinstance(inner, ConnectTimeout):
        return _noted(asyncio.TimeoutError(str(error)), error)  # another one in Python 3.10
    if isinstance(inner, ControllerLost):
        return _noted(BleakBluetoothNotAvailableError(str(error), _why(inner)), error)
    text = NOT_CONNECTED if isinstance(error, ConnectionError) else str(error)
    if text == ALREADY_SCANNING:
        text = SCANS_ELSEWHERE
    return _noted(BleakError(text), error)


def _why(error: BaseException) -> Reason:
    """Return bleak's word for it, where bleak is also what we use the system by."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, BleakBluetoothNotAvailableError):
        return cause.reason
    return Reason.NO_BLUETOOTH


def _noted(new: Exception, old: Exception) -> Exception:
    for note in notes_of(old):
        add_note(new, note)
    return new
