"""A sensor that lets only paired devices read its battery."""

import time

import _bleio

battery = _bleio.Service(_bleio.UUID(0x180F))
level = _bleio.Characteristic.add_to_service(
    battery,
    _bleio.UUID(0x2A19),
    properties=_bleio.Characteristic.READ,
    read_perm=_bleio.Attribute.ENCRYPT_NO_MITM,
    max_length=1,
    initial_value=b"\x57",
)
_bleio.adapter.start_advertising(b"\x02\x01\x06\x03\x03\x0f\x18")
while True:
    time.sleep(1)
