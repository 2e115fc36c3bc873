"""A link to the device that is meant, for as long as a block of a command lasts.

A device that was heard may still not answer: its packet was lost, or another central was faster. So
a connect is tried again while there is time. Once there is a link, its loss in the middle of
whatever the command does is one sentence and exit code 5, by whatever error it shows. What the
device refuses for security is one with what to type, and exit code 6.
"""

from __future__ import annotations

import asyncio
import builtins
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bleio import aio
from bleio.api import Adapter, Connection
from bleio.cli.devices.finding import Heard, find, repr_of
from bleio.cli.devices.problems import Gone, Refused
from bleio.cli.devices.retyping import typed_with
from bleio.cli.devices.target import Target
from bleio.core import words
from bleio.errors import (
    AttError,
    BluetoothError,
    KeysLost,
    LinkLost,
    PairingFailed,
    SecurityError,
)

_MOST_TRIES = 4
_PAUSE_S = 0.2
_LEAST_S = 5.0  # for connecting, however long the search took


@dataclass
class Device:
    """A device that a command has a link to."""

    heard: Heard
    connection: Connection

    def __str__(self) -> str:
        return str(self.heard)


@asynccontextmanager
async def connected(
    adapter: Adapter, target: Target, *, timeout_s: float = 10.0, pair: bool = False
) -> AsyncIterator[Device]:
    """Find a device and have a link to it in an `async with` block.

    Args: timeout_s: for finding and connecting, though connecting has 5 s at least. pair: encrypt
        the link first, pairing if there is no bond.
    Raises: NotFound; Gone, also when the link is lost within the block; Refused.
    """
    began_s = asyncio.get_running_loop().time()
    heard = await find(adapter, target, timeout_s=timeout_s)
    left_s = began_s + timeout_s - asyncio.get_running_loop().time()
    async with linked(adapter, heard, max(_LEAST_S, left_s)) as device:
        if pair:
            await pair_with(device)
        yield device


@asynccontextmanager
async def linked(adapter: Adapter, heard: Heard, timeout_s: float) -> AsyncIterator[Device]:
    """Have a link to a device that was heard, in an `async with` block.

    Raises: Gone, also when the link is lost within the block; Refused.
    """
    connection = await connect(adapter, heard, timeout_s)
    device = Device(heard, connection)
    try:
        yield device
    except BrokenPipeError:
        raise  # a ConnectionError, but of the output
    except (BluetoothError, builtins.ConnectionError) as error:
        raise _told(error, device) from error
    finally:
        await aio.disconnect(connection)


async def connect(adapter: Adapter, heard: Heard, timeout_s: float) -> Connection:
    """Connect to a device that was heard. Raises: Gone if there is no link within that time."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    failure = "it did not answer"
    for _ in range(_MOST_TRIES):
        left_s = deadline_s - loop.time()
        if left_s <= 0:
            break
        try:
            connection: Connection = await aio.connect(adapter, heard.address, timeout=left_s)
            return connection
        except BluetoothError as error:
            failure = str(error).rstrip(".")
            if isinstance(error, SecurityError):
                raise Refused(keys_lost(heard)) from error
        await asyncio.sleep(_PAUSE_S)
    raise Gone(
        f"{heard} was heard on {repr_of(adapter)}, but no link came up within {timeout_s:.0f} s"
        f" ({failure}): it may be far away, or have a link to another device. Try again."
    )


async def pair_with(device: Device) -> None:
    """Encrypt the link. Raises: Gone; Refused."""
    try:
        await aio.pair(device.connection)
    except SecurityError as error:
        if isinstance(getattr(error, "inner", None), LinkLost):
            raise gone(device) from error
        raise Refused(_why_not_paired(device, error)) from error


def _told(error: Exception, device: Device) -> Exception:
    """Return what a command says of an error of the block."""
    if not device.connection.connected or isinstance(getattr(error, "inner", None), LinkLost):
        return gone(device)
    if isinstance(getattr(error, "inner", None), KeysLost):
        return Refused(keys_lost(device.heard))
    if is_about_security(error):
        return Refused(needs_pairing(device, str(error)))
    return error


def gone(device: Device) -> Gone:
    """Return the error for a link that is gone, with why it ended."""
    reason = device.connection._link.reason
    why = f" ({words.hci_error(reason)}, 0x{reason:02x})" if reason else ""
    return Gone(f"{device} is gone: the link ended{why}. Try again when it advertises.")


def is_about_security(error: BaseException) -> bool:
    """Whether more security is what a device wants."""
    inner = getattr(error, "inner", None)
    return isinstance(error, SecurityError) or (
        isinstance(inner, AttError) and inner.about_security
    )


def keys_lost(heard: Heard) -> str:
    """Return the sentence on a bond that fits no more, with what to type."""
    return (
        f"{heard} has lost the keys of its bond with this computer, or is another device. If it is"
        f" the right one, pair anew:\n  {typed_with('--pair')}\nor forget the bond:\n"
        f"  bleio bonds forget {heard.address_text}"
    )


def needs_pairing(device: Device, what: str) -> str:
    """Return the sentence on a value that wants more security, with what to type."""
    said = f"{device} wants a link that is better secured for that ({what.rstrip('.').lower()})."
    typed = sys.argv[1:]
    if "--pair" not in typed and not any(each.startswith("--pairing") for each in typed):
        return f"{said} Pair with it:\n  {typed_with('--pair')}"
    if not any(each.startswith("--pairing") for each in typed):
        return (
            f"{said} It may want a passkey or a comparison:\n"
            f"  {typed_with('--pairing', 'terminal')}"
        )
    return f"{said} What the two have agreed on in pairing is not enough for it."


def _why_not_paired(device: Device, error: SecurityError) -> str:
    inner = getattr(error, "inner", None)
    reason = inner.reason if isinstance(inner, PairingFailed) else None
    why = f"{words.pairing_reason(reason)} (0x{reason:02x})" if reason else str(error).rstrip(".")
    return f"{device} and this computer could not pair: {why}."
