"""A peripheral with one value that only an authenticated peer may read; it ends with its link."""

import _bleio

service = _bleio.Service(_bleio.UUID(0xA000))
_bleio.Characteristic.add_to_service(
    service,
    _bleio.UUID(0xA002),
    properties=_bleio.Characteristic.READ,
    read_perm=_bleio.Attribute.ENCRYPT_WITH_MITM,
    initial_value=b"the secret",
)
adapter = _bleio.adapter
adapter.start_advertising(b"\x02\x01\x06\x03\x03\x00\xa0", interval=0.02)
print("advertising", flush=True)
while not adapter.connected:
    pass
(connection,) = adapter.connections
while connection.connected and not connection.paired:
    pass
print("paired", connection.paired, flush=True)
while connection.connected:
    pass
print("disconnected", flush=True)
