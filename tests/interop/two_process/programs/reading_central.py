"""Does with its peripheral what it is told on standard input, one word a line."""

import sys

import _bleio

SERVICE = _bleio.UUID("72656164-0000-0000-0000-000000000001")
adapter = _bleio.adapter
connection = characteristic = address = None
for command in sys.stdin:
    print("asked to", command.strip())
    try:
        if command == "find\n":
            address = next(adapter.start_scan(b"\x11\x07" + SERVICE.uuid128)).address
            adapter.stop_scan()
            print("found", address)
        elif command == "connect\n":
            connection = adapter.connect(address, timeout=120)
            (service,) = connection.discover_remote_services((SERVICE,))
            (characteristic,) = service.characteristics
            print("connected")
        elif command == "read\n":
            value = characteristic.value
            print("read", len(value), "octets", "right" if value == bytes(range(256)) * 2 else "?")
        elif command == "disconnect\n":
            connection.disconnect()
            print("disconnected")
    except (_bleio.BluetoothError, TimeoutError) as error:
        print(f"{type(error).__name__}: {error}; connected {connection.connected}")
