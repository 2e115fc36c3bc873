"""Reads the value that a relay copied from somewhere else."""

import time

import _bleio

OURS = _bleio.UUID("72656c61-0000-0000-0000-000000000001")
adapter = _bleio.adapter
entry = next(adapter.start_scan(b"\x11\x07" + OURS.uuid128))
connection = adapter.connect(entry.address, timeout=120)
(service,) = connection.discover_remote_services((OURS,))
(copy,) = service.characteristics
while not (value := copy.value):
    time.sleep(0.05)
print("reads", len(value), "octets", "right" if value == bytes(range(256)) * 2 else "?")
connection.disconnect()
