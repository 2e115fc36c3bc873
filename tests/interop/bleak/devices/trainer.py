"""A bicycle trainer: the Cycling Power and Fitness Machine Services, that one with its control."""

import struct
import time

import _bleio
from _bleio import UUID, Characteristic, PacketBuffer, Service

READ, WRITE = Characteristic.READ, Characteristic.WRITE
NOTIFY, INDICATE = Characteristic.NOTIFY, Characteristic.INDICATE


def add(service, number, properties, value=b"", length=20):
    return Characteristic.add_to_service(
        service, UUID(number), properties=properties, initial_value=value, max_length=length
    )


power = Service(UUID(0x1818))
measurement = add(power, 0x2A63, NOTIFY)
add(power, 0x2A65, READ, struct.pack("<I", 0))
add(power, 0x2A5D, READ, b"\x0c")  # rear wheel
machine = Service(UUID(0x1826))
add(machine, 0x2ACC, READ, struct.pack("<II", 0x4002, 0x0008))
add(machine, 0x2AD8, READ, struct.pack("<hhH", 0, 800, 5))
control = add(machine, 0x2AD9, WRITE | INDICATE)
asked = PacketBuffer(control, buffer_size=4)
bike = add(machine, 0x2AD2, NOTIFY)

adapter = _bleio.adapter
packet, watts, told_s = bytearray(20), 100, 0.0
while True:
    if not adapter.connected and not adapter.advertising:
        adapter.start_advertising(b"\x02\x01\x06\x05\x03\x18\x18\x26\x18")
    if length := asked.readinto(packet):
        if packet[0] == 5 and length == 3:  # Set Target Power; others are answered, too
            watts = struct.unpack("<h", packet[1:3])[0]
        control.value = bytes((0x80, packet[0], 1))
    if adapter.connected and time.monotonic() >= told_s:
        told_s = time.monotonic() + 1
        measurement.value = struct.pack("<Hh", 0, watts)
        bike.value = struct.pack("<HHHh", 0x0044, 2500, 180, watts)  # speed, cadence, power
    time.sleep(0.02)
