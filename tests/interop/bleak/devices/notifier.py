"""A serial module of the HM-10 kind, which notifies twice a second while somebody listens."""

import time

import _bleio
from _bleio import UUID, Characteristic, Service

service = Service(UUID(0xFFE0))
line = Characteristic.add_to_service(
    service, UUID(0xFFE1), properties=Characteristic.NOTIFY | Characteristic.WRITE_NO_RESPONSE
)
count = 0
while True:
    if not _bleio.adapter.connected and not _bleio.adapter.advertising:
        _bleio.adapter.start_advertising(b"\x02\x01\x06\x03\x03\xe0\xff")
    line.value = f"line {count}".encode()
    count += 1
    time.sleep(0.5)
