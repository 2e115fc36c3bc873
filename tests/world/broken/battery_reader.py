"""Reads a battery's level. It does not pair."""

import _bleio

BATTERY = _bleio.UUID(0x180F)

for found in _bleio.adapter.start_scan(timeout=10):
    if found.matches(b"\x03\x03\x0f\x18"):
        break
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(found.address, timeout=5)
(battery,) = connection.discover_remote_services([BATTERY])
(level,) = battery.characteristics
print("Battery:", level.value[0])
