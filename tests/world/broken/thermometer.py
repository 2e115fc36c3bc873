"""A thermometer that somebody carries away."""

import time

import _bleio

service = _bleio.Service(_bleio.UUID(0x1809))
temperature = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0x2A1C), properties=_bleio.Characteristic.READ, initial_value=b"\x15"
)
_bleio.adapter.start_advertising(b"\x02\x01\x06\x03\x03\x09\x18")
while True:
    time.sleep(1)
