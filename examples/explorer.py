"""Connects to a device and prints all that it has: services, characteristics, descriptors, values.

    python explorer.py [NAME-OR-ADDRESS]

Without one it takes the first device that can be connected to. `bleio explore` does more; this
is how such a program is written. Try it with any example that waits for a connection, such as
heart_rate_peripheral.py.
"""

import sys

import _bleio
from adafruit_ble import BLERadio

PROPERTIES = ("BROADCAST", "READ", "WRITE_NO_RESPONSE", "WRITE", "NOTIFY", "INDICATE")


def is_wanted(advertisement):
    if not advertisement.connectable:
        return False
    address = ":".join(f"{octet:02x}" for octet in reversed(advertisement.address.address_bytes))
    return len(sys.argv) < 2 or sys.argv[1] in (advertisement.complete_name, address)


def value_of(attribute):
    """Return the value as text, or why it cannot be read."""
    try:
        return bytes(attribute.value).hex(" ") or "(empty)"
    except (_bleio.BluetoothError, _bleio.SecurityError) as error:
        return f"({error})"


radio = BLERadio()
print("Scanning")
for advertisement in radio.start_scan(timeout=10):
    if is_wanted(advertisement):
        break
else:
    raise SystemExit("Heard no such device within 10 seconds")
radio.stop_scan()

connection = radio.connect(advertisement, timeout=10)._bleio_connection
print("Connected to", advertisement.address)
for service in connection.discover_remote_services():
    print(service.uuid)
    for characteristic in service.characteristics:
        bits = characteristic.properties
        names = [name for name in PROPERTIES if bits & getattr(_bleio.Characteristic, name)]
        print("   ", characteristic.uuid, ", ".join(names).lower().replace("_", " "))
        if bits & _bleio.Characteristic.READ:
            print("       ", value_of(characteristic))
        for descriptor in characteristic.descriptors:
            print("       ", descriptor.uuid, value_of(descriptor))
connection.disconnect()
