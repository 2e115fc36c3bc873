"""Reads a thermometer and turns its heater on, on the bare _bleio module, without adafruit_ble.

The other side is raw_bleio_peripheral.py.
"""

import struct
import time

import _bleio

THERMOMETER = _bleio.UUID("adaf0001-4369-7263-7569-74507974686e")
TEMPERATURE = _bleio.UUID("adaf0002-4369-7263-7569-74507974686e")
HEATER = _bleio.UUID("adaf0003-4369-7263-7569-74507974686e")

# A prefix: the length of what to compare, then the AD type and its first octets.
prefix = b"\x11\x07" + THERMOMETER.uuid128

adapter = _bleio.adapter
print("Scanning")
entry = next(adapter.start_scan(prefix))
adapter.stop_scan()

connection = adapter.connect(entry.address, timeout=10)
print("Connected to", entry.address)
(service,) = connection.discover_remote_services((THERMOMETER,))
found = {characteristic.uuid: characteristic for characteristic in service.characteristics}
temperature = found[TEMPERATURE]
heater = found[HEATER]
for descriptor in temperature.descriptors:
    print(descriptor, bytes(descriptor.value))


def celsius(value):
    return f"{struct.unpack('<h', value)[0] / 100:.2f} C"


print("Reads", celsius(temperature.value))
packets = _bleio.PacketBuffer(temperature, buffer_size=4)
heater.value = b"\x01"
print("Heater on")

value = bytearray(2)
notified = 0
while notified < 4 and connection.connected:
    if packets.readinto(value):
        print("Notified", celsius(value))
        notified += 1
    else:
        time.sleep(0.05)

connection.disconnect()
print("Done")
