"""What is typed at the prompt of `bleio explore`, and what it does."""

from __future__ import annotations

import asyncio
import datetime
import shlex
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

from bleio import aio
from bleio.cli.devices.acts import (
    check_readable,
    check_subscribable,
    indicates,
    is_readable,
    is_subscribable,
    is_writable,
    learn_presentation,
    read_row,
    write_row,
)
from bleio.cli.devices.choosing import Row, choose, label, selector
from bleio.cli.devices.connecting import Device, is_about_security, pair_with
from bleio.cli.devices.showing import decoded, hex_text, value_line
from bleio.cli.devices.table import CharacteristicRow, Table, learn
from bleio.cli.exploring.tree import tree
from bleio.cli.shared.exits import Exit, Failure
from bleio.cli.shared.output import print_line, stdout_console
from bleio.decoding.octets import counted
from bleio.errors import BluetoothError
from bleio.values import parse_value


class Quit(Exception):
    """Enough."""


class Word(NamedTuple):
    """A word that can be typed first."""

    does: Callable[[Words, list[str]], Awaitable[None]]
    form: str
    help: str
    fits: Callable[[Row], bool] | None = None  # which values complete it


async def _print_now(line: str) -> None:
    print_line(line)


class Words:
    """Does what is typed, and holds the subscriptions of this link.

    Attributes: print_meanwhile: prints what comes by itself.
    """

    print_meanwhile: Callable[[str], Awaitable[None]]

    def __init__(self, device: Device, table: Table) -> None:
        self._device = device
        self._table = table
        self.print_meanwhile = _print_now
        self._listening: dict[CharacteristicRow, asyncio.Task[None]] = {}

    async def do(self, line: str) -> None:
        """Do what a line says. Raises: Quit; Failure and what the link raises."""
        try:
            words = shlex.split(line)
        except ValueError:
            words = line.split()  # such as a lone quotation mark
        if not words:
            return
        first, rest = words[0].lower(), words[1:]
        word = _WORDS.get(_SHORT.get(first, first))
        if word is None:
            raise _wrong(f"{words[0]!r} is nothing that can be done here; help lists what can.")
        try:
            await word.does(self, rest)
        except BluetoothError as error:
            if not is_about_security(error):
                raise
            raise Failure(
                f"{str(error).rstrip('.')}: type pair, and try again.", Exit.REFUSED
            ) from error

    async def end(self) -> None:
        """End all subscriptions."""
        tasks = [*self._listening.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def completions(self, before: str) -> Iterator[tuple[str, str]]:
        """Yield what may stand in place of the last word, each with what it is."""
        first, space, rest = before.partition(" ")
        if not space:
            yield from (
                (name, each.help) for name, each in _WORDS.items() if name.startswith(first)
            )
            return
        word = _WORDS.get(_SHORT.get(first, first))
        if word is None or word.fits is None or " " in rest:
            return
        for row in self._table.characteristics:
            text = selector(self._table, row)
            if word.fits(row) and text.startswith(rest.casefold()):
                yield text, label(row)

    # What the words do

    async def read(self, words: list[str]) -> None:
        row = self._chosen(words, is_readable)
        check_readable(self._device, row)
        octets = await read_row(row)
        print_line(value_line(decoded(row, octets), octets))

    async def write(self, words: list[str]) -> None:
        if len(words) < 2:
            raise _wrong("Write a characteristic and a value, such as: write 2a06 u8:1")
        row = choose(self._table, words[0], is_writable)
        try:
            octets = parse_value(" ".join(words[1:]))
        except ValueError as error:
            raise _wrong(f"{error}.") from None
        answered = await write_row(self._device, row, octets, None)
        sent = "Wrote" if answered else "Sent without response"
        print_line(f"{sent}: {hex_text(octets)}")

    async def subscribe(self, words: list[str]) -> None:
        row = check_subscribable(self._device, self._chosen(words, is_subscribable))
        if row in self._listening and not self._listening[row].done():
            raise _wrong(f"{label(row)} is subscribed to already; unsubscribe ends that.")
        await learn_presentation(row)
        begun = asyncio.get_running_loop().create_future()
        self._listening[row] = asyncio.ensure_future(self._listen(row, begun))
        await begun
        print_line(f"{label(row)} is shown as it comes; unsubscribe ends that.")

    async def _listen(self, row: CharacteristicRow, begun: asyncio.Future[None]) -> None:
        values = aio.notifications(row.characteristic, indicate=indicates(row, False))
        try:
            async with values:
                begun.set_result(None)
                async for octets in values:
                    now = datetime.datetime.now()
                    line = value_line(decoded(row, octets), octets)
                    time = f"{now:%H:%M:%S}.{now.microsecond // 1000:03}"
                    await self.print_meanwhile(f"{time}  {label(row)}: {line}")
        except Exception as error:
            if not begun.done():
                begun.set_exception(error)
            elif self._device.connection.connected:  # else the prompt says that it is gone
                await self.print_meanwhile(f"{label(row)} is shown no longer: {error}")
        finally:
            if values.dropped:
                print_line(f"{counted(values.dropped, 'value')} came too fast to be shown.")

    async def unsubscribe(self, words: list[str]) -> None:
        rows = list(self._listening)
        if words:
            rows = [check_subscribable(self._device, self._chosen(words, is_subscribable))]
        rows = [row for row in rows if row in self._listening]
        if not rows:
            raise _wrong("That is not subscribed to.")
        tasks = [self._listening.pop(row) for row in rows]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for row in rows:
            print_line(f"{label(row)} is shown no longer.")

    async def show(self, words: list[str]) -> None:
        stdout_console().print(tree(self._device, self._table))

    async def refresh(self, words: list[str]) -> None:
        await learn(self._table)
        await self.show(words)

    async def info(self, words: list[str]) -> None:
        connection = self._device.connection
        print_line(f"{self._device}, {self._device.heard.rssi_dbm} dBm when it was found")
        print_line(
            f"link: {'encrypted' if connection.paired else 'not encrypted'},"
            f" MTU {aio.mtu(connection)} octets"
        )
        for row in self._listening:
            print_line(f"subscribed to {label(row)}")

    async def pair(self, words: list[str]) -> None:
        if self._device.connection.paired:
            print_line("The link is encrypted already.")
            return
        await pair_with(self._device)
        print_line("The link is encrypted; refresh reads what can be read now.")

    async def help(self, words: list[str]) -> None:
        width = max(len(each.form) for each in _WORDS.values())
        for each in _WORDS.values():
            print_line(f"{each.form:{width}}  {each.help}")
        print_line(
            "NAME is a name, a UUID, handle:N, SERVICE/NAME or NAME/DESCRIPTOR, as list shows."
        )
        print_line(
            "VALUE is hexadecimal, or text:..., u8:1, u16:1000, f32:1.5; numbers little-endian."
        )

    async def quit(self, words: list[str]) -> None:
        raise Quit

    def _chosen(self, words: list[str], fits: Callable[[Row], bool]) -> Row:
        if not words:
            raise _wrong("Name a characteristic, such as battery_level or 2a19; list shows all.")
        return choose(self._table, " ".join(words), fits)


def _wrong(sentence: str) -> Failure:
    return Failure(sentence, Exit.WRONG_ARGUMENTS)


_WORDS = {
    "list": Word(Words.show, "list", "the tree of services and values"),
    "read": Word(Words.read, "read NAME", "read a value", is_readable),
    "write": Word(Words.write, "write NAME VALUE", "write a value", is_writable),
    "subscribe": Word(
        Words.subscribe, "subscribe NAME", "show a value whenever it comes", is_subscribable
    ),
    "unsubscribe": Word(
        Words.unsubscribe, "unsubscribe [NAME]", "show it, or all, no longer", is_subscribable
    ),
    "pair": Word(Words.pair, "pair", "encrypt the link, and pair if need be"),
    "refresh": Word(Words.refresh, "refresh", "read all again, and list it"),
    "info": Word(Words.info, "info", "how the link is"),
    "help": Word(Words.help, "help", "these lines"),
    "quit": Word(Words.quit, "quit", "leave, as Ctrl-D does"),
}
_SHORT = {
    "ls": "list",
    "tree": "list",
    "r": "read",
    "get": "read",
    "w": "write",
    "set": "write",
    "sub": "subscribe",
    "notify": "subscribe",
    "unsub": "unsubscribe",
    "?": "help",
    "h": "help",
    "q": "quit",
    "exit": "quit",
    "disconnect": "quit",
}
