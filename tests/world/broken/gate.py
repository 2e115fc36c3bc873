"""Counts visitors, together with other gates. Each reads the number, and writes one more."""

import random
import time

import _bleio

for found in _bleio.adapter.start_scan(timeout=10):
    if found.matches(b"\x03\x03\xc0\xff"):
        break
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(found.address, timeout=5)
(service,) = connection.discover_remote_services([_bleio.UUID(0xFFC0)])
(visitors,) = service.characteristics
time.sleep(random.uniform(0, 2))  # until somebody comes
number = visitors.value[0]
time.sleep(0.1)  # a lamp is on
visitors.value = bytes([number + 1])
print("counted")
