"""What BlueZ says on D-Bus, as lines of JSON: written in the machine, read by tests that need none.

    BLEIO_TEST_DEBIAN=trixie python -m interop.os.record    (in the folder `tests`)

The first line is BlueZ's reply to GetManagedObjects, the others are its signals, in order. JSON
has no octets, and texts alone as keys; octets are {"hex": ...}, tables {"pairs": [[key, value]]}.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.unpack import unpack_variants

FOLDER = Path(__file__).parents[2] / "unit" / "backends" / "os" / "traces"
_BUS = "org.freedesktop.DBus"


class Line(NamedTuple):
    """One message; of the reply only the body."""

    path: str
    interface: str
    member: str
    body: list[Any]


class Recording:
    """Records from `begin` to `end`."""

    def __init__(self, address: str) -> None:
        self._bus = MessageBus(bus_type=BusType.SYSTEM, bus_address=address)
        self._lines: list[Line] = []

    async def begin(self) -> None:
        await self._bus.connect()
        self._bus.add_message_handler(self._heard)
        await self._call(
            _BUS, "/org/freedesktop/DBus", _BUS, "AddMatch", "type='signal',sender='org.bluez'"
        )
        objects = await self._call("org.bluez", "/", f"{_BUS}.ObjectManager", "GetManagedObjects")
        self._lines.insert(0, Line("/", f"{_BUS}.ObjectManager", "GetManagedObjects", objects))

    async def end(self, file: Path) -> None:
        await asyncio.sleep(0.5)  # for what is under way
        self._bus.disconnect()
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(_plain(each), separators=(",", ":")) for each in self._lines]
        file.write_text("\n".join(lines) + "\n", "utf-8")

    def _heard(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.interface != _BUS:
            body = unpack_variants(message.body)
            self._lines.append(Line(message.path, message.interface, message.member, body))

    async def _call(self, to: str, path: str, interface: str, member: str, *body: str) -> list[Any]:
        message = Message(
            destination=to,
            path=path,
            interface=interface,
            member=member,
            signature="s" * len(body),
            body=list(body),
        )
        reply = await self._bus.call(message)
        assert reply is not None and reply.message_type is MessageType.METHOD_RETURN, reply
        body_of_reply: list[Any] = unpack_variants(reply.body)
        return body_of_reply


def read(file: Path) -> Iterator[Line]:
    """Go through what was recorded."""
    for line in file.read_text("utf-8").splitlines():
        yield Line(*_back(json.loads(line)))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return {"hex": bytes(value).hex()}
    if isinstance(value, dict):
        return {"pairs": [[_plain(key), _plain(each)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _back(value: Any) -> Any:
    if isinstance(value, dict):
        if "hex" in value:
            return bytes.fromhex(value["hex"])
        return {_back(key): _back(each) for key, each in value["pairs"]}
    if isinstance(value, list):
        return [_back(each) for each in value]
    return value
