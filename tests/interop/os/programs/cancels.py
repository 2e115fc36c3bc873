"""Gives up connecting just as the link may come up: as we do it, and then as other programs do,
until the kernel keeps a link, or for some tries. Connects for each line that is typed.

    cancels.py ADDRESS TRIES
"""

import asyncio
import sys
import time

import _bleio
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from bleio.backends.os.bluez.kernel_links import KernelLinks

adapter, kernel = _bleio.adapter, KernelLinks("hci0")
octets = bytes.fromhex(sys.argv[1])
address = _bleio.Address(octets, _bleio.Address.RANDOM_STATIC)
path = "/org/bluez/hci0/dev_" + octets[::-1].hex("_").upper()


def connect(to, timeout):
    try:
        return adapter.connect(to, timeout=timeout)
    except _bleio.BluetoothError as error:
        print(type(error).__name__, error, flush=True)


def kept(after_s):
    """Whether the kernel has a link, for longer than an end takes."""
    time.sleep(after_s)
    for _ in range(40):
        if not any(each.octets == octets for each in kernel.all()):
            return False
        time.sleep(0.1)
    return True


def hear():
    """Have BlueZ know the device, which it forgets after each failure. Returns: whether it does."""
    for entry in adapter.start_scan(timeout=10):
        if entry.address == address:
            adapter.stop_scan()
            return True
    return False


async def cancel_as_others_do(delay_s):
    """Have bluetoothd connect, and end it while it does, without any grace.

    Returns: whether the link was up before.
    """
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()

    def call(member):
        device = {"path": path, "interface": "org.bluez.Device1"}
        return bus.call(Message(destination="org.bluez", member=member, **device))

    connecting = asyncio.ensure_future(call("Connect"))
    await asyncio.sleep(delay_s)
    await call("Disconnect")
    answer = await connecting
    bus.disconnect()
    return answer.error_name is None


connect(_bleio.Address(octets, _bleio.Address.PUBLIC), 1.0)
print("so much for the other type of address", flush=True)
connect(address, 30.0).disconnect()
for number in range(3):
    if link := connect(address, 0.02 + 0.02 * number):
        link.disconnect()
    assert not kept(1.5)  # the attempt is given up in the background
print("nothing is left", flush=True)
delay_s = 0.02
for _ in range(int(sys.argv[2])):
    if not hear():
        print("kept, and not listed", flush=True)
        break
    is_late = asyncio.run(cancel_as_others_do(delay_s))
    print(f"given up after {1000 * delay_s:.0f} ms", "late" * is_late, flush=True)
    delay_s = max(0.0, delay_s - 0.012 if is_late else delay_s + 0.006)
    if kept(0.3):
        print("kept", flush=True)
        connect(address, 30.0)
        break
print("over", flush=True)
for _ in sys.stdin:
    connect(address, 30.0).disconnect()
    print("connected", flush=True)
