"""Begins to connect and gives up, as it is told line by line: as we do it, and as others do.

    cancels.py ADAPTER ADDRESS GRACE_LOOKS

connect, cancel: ours, without limit. call, hang up: another program's, by D-Bus alone, without any
grace. visit: connects and disconnects. links: says what links to the address the kernel lists.
"""

import asyncio
import os
import sys

import _bleio
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from bleio import aio
from bleio.backends.os.bluez import reaching
from bleio.backends.os.bluez.kernel_links import KernelLinks

adapter, kernel = _bleio.adapter, KernelLinks(sys.argv[1])
octets = bytes.fromhex(sys.argv[2])
reaching.GRACE_LOOKS = int(sys.argv[3])
address = _bleio.Address(octets, _bleio.Address.RANDOM_STATIC)
path = f"/org/bluez/{sys.argv[1]}/dev_{octets[::-1].hex('_').upper()}"


def say(*words):
    print(*words, flush=True)


def typed(lines):
    for line in os.read(0, 4096).decode().splitlines() or [""]:
        lines.put_nowait(line)


async def bluez(member):
    """Call a method of the device as another program does. Returns: the error's text, or ""."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    device = {"path": path, "interface": "org.bluez.Device1"}
    answer = await bus.call(Message(destination="org.bluez", member=member, **device))
    bus.disconnect()
    return " ".join(answer.body) if answer.error_name else ""


async def hear():
    """Have BlueZ know the device."""
    async with aio.scan(adapter) as entries:
        async for entry in entries:
            if entry.address == address:
                return


async def call():
    await hear()
    say("calling")
    return await bluez("Connect")


async def visit():
    try:
        connection = await aio.connect(adapter, address, timeout=120)
    except _bleio.BluetoothError as error:
        say(type(error).__name__, error)
    else:
        say("connected")
        await aio.disconnect(connection)
        say("visited")


async def main():
    connecting = calling = None
    await aio.address(adapter)
    lines = asyncio.Queue()
    asyncio.get_running_loop().add_reader(0, typed, lines)  # so that Ctrl-C ends it
    say("ready")
    while line := await lines.get():
        match line:
            case "connect":
                connecting = asyncio.ensure_future(aio.connect(adapter, address))
            case "cancel":
                connecting.cancel()
                say("cancelling")
                await asyncio.wait({connecting})
                say("cancelled" if connecting.cancelled() else "too late")
            case "call":
                calling = asyncio.ensure_future(call())
            case "hang up":
                answers = await bluez("Disconnect"), await calling
                say("hung up", *answers)
            case "visit":
                await visit()
            case "links":
                say("links", sum(each.octets == octets for each in kernel.all()))


asyncio.run(main())
