"""The central for the peripheral beside it. It does what its standard input says."""

import sys
import time

import _bleio

adapter = _bleio.adapter
connection = None


def found(uuid):
    (service,) = connection.discover_remote_services((_bleio.UUID(uuid),))
    return service.characteristics[0]


def listen():
    """Take one notification without subscribing, which a CharacteristicBuffer does not do."""
    stream = _bleio.CharacteristicBuffer(found(0xB0DE), timeout=20)
    print("listening")
    return bytes(stream.read(5))


def do(command):
    """Give what to print."""
    global connection
    if command == "connect":
        for entry in adapter.start_scan(b"\x03\x03\xde\xb0", timeout=30):
            address = entry.address
            break
        adapter.stop_scan()
        connection = adapter.connect(address, timeout=20)
    elif command == "pair":
        connection.pair()
    elif command == "await":
        while not connection.paired:
            time.sleep(0.005)
    elif command == "paired":
        return connection.paired
    elif command == "subscribe":
        found(0xB0DE).set_cccd(notify=True)
    elif command == "read":
        return bytes(found(0xB0DE).value)
    elif command == "listen":
        return listen()
    elif command == "erase":
        adapter.erase_bonding()
    elif command == "disconnect":
        connection.disconnect()
    else:
        raise ValueError(command)
    return None


for line in sys.stdin:
    try:
        result = do(*line.split())
        print(line.strip(), "done" if result is None else result)
    except _bleio.SecurityError as error:
        print(line.strip(), "SecurityError:", error)
