"""Something that plays bluetoothd: it has the name, objects, and answers that a test gives it.

It knows nothing of Bluetooth. What its managers are asked to register they fetch, as bluetoothd
does, and a test then calls the objects as bluetoothd would for a client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus
from dbus_fast.constants import NameFlag

from support.bluez.loops import FAULT

ADAPTER_PATH = "/org/bluez/hci0"
ADAPTER_ADDRESS = "AA:BB:CC:00:11:22"
_ADVERTISEMENT = "org.bluez.LEAdvertisement1"
_OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_SIGNATURES = {str: "s", bool: "b", int: "u", bytes: "ay", list: "as"}

__all__ = ["ADAPTER_ADDRESS", "ADAPTER_PATH", "Refusal", "StandIn", "device_path", "until"]


class Refusal(Exception):
    """An answer that is an error, or such a one that came. Args: its name, its text."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(name, text)
        self.name, self.text = name, text


def device_path(address: str, adapter: str = ADAPTER_PATH) -> str:
    return f"{adapter}/dev_{address.replace(':', '_')}"


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that is sure to come."""
    while not condition():
        await asyncio.sleep(0.001)


def typed(properties: dict[str, Any]) -> dict[str, Variant]:
    return {
        name: value if isinstance(value, Variant) else Variant(_SIGNATURES[type(value)], value)
        for name, value in properties.items()
    }


class StandIn:
    """One bluetoothd. Args: `powered`: whether its adapter, hci0, is."""

    def __init__(self, powered: bool = True) -> None:
        self.objects: dict[str, dict[str, dict[str, Variant]]] = {}
        self.calls: list[tuple[str, str, list[Any]]] = []  # path, member, body
        self.applications: dict[str, dict[str, Any]] = {}  # what was fetched, by path
        self.advertisements: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Callable[[Message], Awaitable[None] | None]] = {}  # by member
        self._tasks: set[asyncio.Task[None]] = set()
        self.client = ""  # the unique name of the last that called
        self.add_adapter(ADAPTER_PATH, ADAPTER_ADDRESS, powered)

    def add_adapter(self, path: str, address: str, powered: bool = True) -> None:
        self.objects[path] = {
            "org.bluez.Adapter1": typed(
                {
                    "Address": address,
                    "AddressType": "public",
                    "Alias": "this computer",
                    "Modalias": "usb:v1D6Bp0246d0542",
                    "Powered": powered,
                    "Roles": ["central", "peripheral"],
                }
            ),
            "org.bluez.GattManager1": {},
            "org.bluez.LEAdvertisingManager1": {
                "ActiveInstances": Variant("y", 0),
                "SupportedInstances": Variant("y", 4),
                "SupportedIncludes": Variant("as", ["tx-power", "appearance", "local-name"]),
                "SupportedFeatures": Variant("as", []),
                "SupportedCapabilities": Variant(
                    "a{sv}",
                    {"MaxAdvLen": Variant("y", 31), "MaxScnRspLen": Variant("y", 31)},
                ),
            },
        }

    async def start(self) -> None:
        self.bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
        self.bus.add_message_handler(self._heard)
        await self.bus.request_name("org.bluez", NameFlag.DO_NOT_QUEUE)

    async def stop(self) -> None:
        """Die, as `kill -9` has it."""
        self.bus.disconnect()
        await self.bus.wait_for_disconnect()
        self.applications.clear()
        self.advertisements.clear()

    # What a test does

    def add(self, path: str, interface: str, **properties: Any) -> None:
        self.objects.setdefault(path, {})[interface] = typed(properties)
        body = [path, {interface: typed(properties)}]
        self._signal(
            "/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", "oa{sa{sv}}", body
        )

    def remove(self, path: str, *interfaces: str) -> None:
        names = list(interfaces or self.objects[path])
        for name in names:
            self.objects[path].pop(name)
        body = [path, names]
        self._signal("/", _OBJECT_MANAGER, "InterfacesRemoved", "oas", body)

    def remove_all_devices(self) -> None:
        """Have none after a restart."""
        for path in [path for path in self.objects if "/dev_" in path]:
            del self.objects[path]

    def change(self, path: str, interface: str, **properties: Any) -> None:
        self.objects[path][interface].update(typed(properties))
        body = [interface, typed(properties), []]
        self._signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", body)

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: Any
    ) -> Message:
        """Call an object of the last that called. Raises: Refusal."""
        reply = await self.bus.call(
            Message(
                destination=self.client,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        assert reply is not None
        if reply.message_type is MessageType.ERROR:
            raise Refusal(reply.error_name or "", reply.body[0] if reply.body else "")
        return reply

    def called(self, member: str) -> list[list[Any]]:
        """Return the bodies of all calls of a method."""
        return [body for _, name, body in self.calls if name == member]

    # What comes

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: Sequence[Any]
    ) -> None:
        self.bus.send(Message.new_signal(path, interface, member, signature, list(body)))

    def _heard(self, message: Message) -> bool:
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        task = asyncio.ensure_future(self._answered(message))
        self._tasks.add(task)  # the loop alone does not keep one that answers nothing
        task.add_done_callback(self._tasks.discard)
        return True

    async def _answered(self, message: Message) -> None:
        body = unpack_variants(message.body)
        self.client = message.sender or ""
        if message.member != "GetManagedObjects":
            self.calls.append((message.path or "", message.member or "", body))
        try:
            answer = self.answers.get(message.member or "")
            waited = answer(message) if answer is not None else None
            if waited is not None:
                await waited
            reply = await self._answer(message, body)
        except Refusal as refusal:
            reply = Message.new_error(message, refusal.name, refusal.text)
        except Exception as error:
            if not self.bus.connected:
                return  # it has died while it asked
            # Else the caller would wait for an answer until D-Bus gives up.
            told = {"message": f"no answer to {message.member}", FAULT: error, "exception": error}
            asyncio.get_running_loop().call_exception_handler(told)
            reply = Message.new_error(message, "org.bluez.Error.Failed", repr(error))
        if self.bus.connected:
            self.bus.send(reply)

    async def _answer(self, message: Message, body: list[Any]) -> Message:
        match message.member:
            case "GetManagedObjects":
                return Message.new_method_return(message, "a{oa{sa{sv}}}", [self.objects])
            case "RegisterApplication":
                fetched = await self.call(body[0], _OBJECT_MANAGER, "GetManagedObjects")
                self.applications[body[0]] = unpack_variants(fetched.body[0])
            case "UnregisterApplication":
                if self.applications.pop(body[0], None) is None:
                    raise Refusal("org.bluez.Error.DoesNotExist", "Does Not Exist")
            case "RegisterAdvertisement":
                name = "org.freedesktop.DBus.Properties"
                fetched = await self.call(
                    body[0], name, "GetAll", "s", "org.bluez.LEAdvertisement1"
                )
                self.advertisements[body[0]] = unpack_variants(fetched.body[0])
            case "UnregisterAdvertisement":
                if self.advertisements.pop(body[0], None) is None:
                    raise Refusal("org.bluez.Error.DoesNotExist", "Does Not Exist")
        return Message.new_method_return(message)
