"""A peripheral whose value is for encrypted links only. It does what its standard input says.

Arguments: `grown` gives it a service more, in front of the others.
"""

import sys
import time

import _bleio

adapter = _bleio.adapter
if "grown" in sys.argv:
    _bleio.Characteristic.add_to_service(
        _bleio.Service(_bleio.UUID(0xB0ED)), _bleio.UUID(0xB0EE), properties=2
    )
value = _bleio.Characteristic.add_to_service(
    _bleio.Service(_bleio.UUID(0xB0DE)),
    _bleio.UUID(0xB0DF),
    properties=_bleio.Characteristic.READ | _bleio.Characteristic.NOTIFY,
    read_perm=_bleio.Attribute.ENCRYPT_NO_MITM,
    initial_value=b"first",
)
packets = _bleio.PacketBuffer(value, buffer_size=2, max_packet_size=20)


def until(condition):
    while not condition():
        time.sleep(0.005)


def do(command, argument=""):
    """Give what to print."""
    if command == "advertise":
        adapter.start_advertising(b"\x02\x01\x06\x03\x03\xde\xb0", interval=0.02)
    elif command == "set":
        value.value = argument.encode()
    elif command == "packet":
        return packets.write(argument.encode())
    elif command == "pair":
        adapter.connections[0].pair()
    elif command == "await":
        until(lambda: adapter.connections and adapter.connections[0].paired)
    elif command == "paired":
        return [connection.paired for connection in adapter.connections]
    elif command == "erase":
        adapter.erase_bonding()
    elif command == "alone":
        until(lambda: not adapter.connected)
    else:
        raise ValueError(command)
    return None


for line in sys.stdin:
    try:
        result = do(*line.split())
        print(line.strip(), "done" if result is None else result)
    except _bleio.SecurityError as error:
        print(line.strip(), "SecurityError:", error)
