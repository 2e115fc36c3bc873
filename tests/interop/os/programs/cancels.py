"""Gives up connecting just as the link may come up: as we do it, and then as others do, until the
kernel keeps a link, or for some tries.

cancels.py ADDRESS TRIES
"""

import sys
import time

import _bleio

from bleio.backends.os.bluez import reaching
from bleio.backends.os.bluez.kernel_links import KernelLinks

adapter, kernel = _bleio.adapter, KernelLinks("hci0")
octets = bytes.fromhex(sys.argv[1])
address = _bleio.Address(octets, _bleio.Address.RANDOM_STATIC)


def connect(to, timeout):
    try:
        return adapter.connect(to, timeout=timeout)
    except _bleio.BluetoothError as error:
        print(type(error).__name__, error, flush=True)


def kept():
    """Whether the kernel has a link, for longer than an end takes."""
    time.sleep(1.0)  # the attempt is being given up, in the background
    for _ in range(40):
        if not any(each.octets == octets for each in kernel.all()):
            return False
        time.sleep(0.1)
    return True


connect(_bleio.Address(octets, _bleio.Address.PUBLIC), 3.0)
print("so much for the other type of address", flush=True)
for number in range(3):
    if link := connect(address, 0.02 + 0.01 * number):
        link.disconnect()
    assert not kept()
print("nothing is left", flush=True)
reaching.GRACE_LOOKS = 0  # as other programs do it
for number in range(int(sys.argv[2])):
    link = connect(address, 0.02 + 0.01 * (number % 8))
    if link is not None:
        link.disconnect()
    elif kept():
        print("kept", flush=True)
        connect(address, 30.0)
        break
print("over", flush=True)
for _ in sys.stdin:
    connect(address, 30.0).disconnect()
    print("connected", flush=True)
