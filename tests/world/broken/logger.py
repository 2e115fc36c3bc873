"""Logs a temperature each second. It thinks that links last for ever."""

import time

import _bleio

for found in _bleio.adapter.start_scan(timeout=10):
    if found.matches(b"\x03\x03\x09\x18"):
        break
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(found.address, timeout=5)
(service,) = connection.discover_remote_services([_bleio.UUID(0x1809)])
(temperature,) = service.characteristics
while True:
    print("Temperature:", temperature.value[0])
    time.sleep(1)
