"""A desk that can be raised: it moves for as long as a height is asked for again and again."""

import struct
import time

import _bleio
from _bleio import UUID, Characteristic, PacketBuffer, Service

LOWEST_M, SPEED_M_S, STEP_S = 0.62, 0.04, 0.05
ASKED_FOR_S = 0.5


def uuid(number):
    return UUID(f"99fa{number:04x}-338a-1024-8a49-009c0215f78a")


WRITE = Characteristic.WRITE | Characteristic.WRITE_NO_RESPONSE


def add(service, number, properties, length):
    return Characteristic.add_to_service(
        service, uuid(number), properties=properties, max_length=length
    )


Service(uuid(0x0001))
command = add(Service(uuid(0x0001)), 0x0002, WRITE, 2)
add(Service(uuid(0x0010)), 0x0011, WRITE, 20)
output = Service(uuid(0x0020))
height = add(output, 0x0021, Characteristic.READ | Characteristic.NOTIFY, 4)
asked = PacketBuffer(add(Service(uuid(0x0030)), 0x0031, WRITE, 2), buffer_size=4)


def show(height_m, speed_m_s):
    height.value = struct.pack("<Hh", round((height_m - LOWEST_M) * 1e4), round(speed_m_s * 1e4))


adapter = _bleio.adapter
data = b"\x02\x01\x06\x11\x07" + bytes.fromhex("99fa0001338a10248a49009c0215f78a")[::-1]
now_m = target_m = 0.75
until_s, packet = 0.0, bytearray(2)
show(now_m, 0)
while True:
    if not adapter.connected and not adapter.advertising:
        adapter.start_advertising(data, scan_response=b"\x05\x09Desk")
    if asked.readinto(packet) == 2:
        target_m = LOWEST_M + struct.unpack("<H", packet)[0] / 1e4
        until_s = time.monotonic() + ASKED_FOR_S
    way_m = target_m - now_m
    step_m = max(-SPEED_M_S * STEP_S, min(SPEED_M_S * STEP_S, way_m))
    moving = abs(way_m) > 1e-9 and time.monotonic() < until_s
    now_m += step_m if moving else 0
    show(now_m, step_m / STEP_S if moving else 0)
    time.sleep(STEP_S)
