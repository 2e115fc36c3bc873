"""Offers one long readable value to whoever connects, again and again."""

import sys
import time

import _bleio

SERVICE = _bleio.UUID("72656164-0000-0000-0000-000000000001")
service = _bleio.Service(SERVICE)
_bleio.Characteristic.add_to_service(
    service,
    _bleio.UUID("72656164-0000-0000-0000-000000000002"),
    properties=_bleio.Characteristic.READ | _bleio.Characteristic.NOTIFY,
    max_length=512,
    initial_value=bytes(range(256)) * 2,
)
adapter = _bleio.adapter
while True:
    adapter.start_advertising(b"\x11\x07" + SERVICE.uuid128)
    print("advertising from", adapter.address)
    while not adapter.connected:
        time.sleep(0.01)
    print("connected", "advertising" if adapter.advertising else "not advertising")
    while adapter.connected:
        time.sleep(0.01)
    print("disconnected")
    sys.stdout.flush()
