"""Devices that advertise at 100 ms; the last one comes back after each connection.

Its advertised name and services are others than those that GATT shows.

    advertisers.py ADAPTER COUNT
"""

import sys
import time

import _bleio

FLAGS = b"\x02\x01\x06"
HEART_RATE = b"\x03\x03\x0d\x18"


def data(number):
    return FLAGS + HEART_RATE + bytes((5, 0xFF, 0x22, 0x08, number, 0x55))


adapters = [_bleio.Adapter(sys.argv[1]) for _ in range(int(sys.argv[2]))]
for number, adapter in enumerate(adapters):
    adapter.enabled = True
    name = f"device {number}".encode()
    response = bytes((1 + len(name), 0x09)) + name
    if number % 3 == 0:
        adapter.start_advertising(data(number), scan_response=response, interval=0.1)
    elif number % 3 == 1:
        adapter.start_advertising(data(number), interval=0.1)
    else:
        adapter.start_advertising(data(number), connectable=False, interval=0.1)

visited = _bleio.Adapter(sys.argv[1])  # which has the services
_bleio.set_adapter(visited)
visited.enabled = True
visited.name = "GAP's name"
battery = _bleio.Service(_bleio.UUID(0x180F))
advertised = data(0xEE) + b"\x08\x09visited"
print("address", visited.address.address_bytes.hex())
while True:
    if not visited.connected and not visited.advertising:
        visited.start_advertising(advertised, interval=0.1)
    time.sleep(0.02)
