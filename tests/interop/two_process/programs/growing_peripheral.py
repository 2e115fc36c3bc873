"""Adds a service while a central is connected, and takes it away again, as that central wishes."""

import time

import _bleio

BASE = _bleio.UUID("67726f77-0000-0000-0000-000000000001")
EXTRA = _bleio.UUID("67726f77-0000-0000-0000-000000000003")
base = _bleio.Service(BASE)
wish = _bleio.Characteristic.add_to_service(
    base,
    _bleio.UUID("67726f77-0000-0000-0000-000000000002"),
    properties=_bleio.Characteristic.WRITE | _bleio.Characteristic.NOTIFY,
    max_length=20,
)
adapter = _bleio.adapter
adapter.start_advertising(b"\x11\x07" + BASE.uuid128)
while not adapter.connected:
    time.sleep(0.01)
extra = None
while adapter.connected:
    if wish.value == b"add" and extra is None:
        extra = _bleio.Service(EXTRA)
        reading = _bleio.Characteristic.add_to_service(
            extra,
            _bleio.UUID("67726f77-0000-0000-0000-000000000004"),
            properties=_bleio.Characteristic.READ,
            initial_value=b"new here",
        )
        print("added")
        wish.value = b"added"
    elif wish.value == b"remove" and extra is not None:
        extra.deinit()
        extra = None
        print("removed")
        wish.value = b"removed"
    time.sleep(0.01)
print("disconnected")
