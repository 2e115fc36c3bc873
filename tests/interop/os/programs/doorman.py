"""Lets one central in, and says whether it counts as paired.

doorman.py [ADVERTISING_INTERVAL_S]
"""

import sys
import time

import _bleio

DATA = b"\x02\x01\x06\x03\x03\x20\xfe"
interval = {"interval": float(sys.argv[1])} if sys.argv[1:] else {}
adapter = _bleio.adapter
service = _bleio.Service(_bleio.UUID(0xFE20))
_bleio.Characteristic.add_to_service(
    service,
    _bleio.UUID(0xFE21),
    properties=_bleio.Characteristic.READ,
    read_perm=_bleio.Attribute.ENCRYPT_NO_MITM,
    initial_value=b"secret",
)
print("address", adapter.address.address_bytes.hex(), flush=True)
while True:
    adapter.start_advertising(DATA, **interval)
    print("advertising", flush=True)
    while not adapter.connections:
        if not adapter.advertising:  # one has come and gone
            adapter.start_advertising(DATA, **interval)
        time.sleep(0.01)
    (central,) = adapter.connections
    paired = central.paired
    print("came, paired", paired, flush=True)
    while central.connected:
        if central.paired != paired:
            paired = not paired
            print("paired", paired, flush=True)
        time.sleep(0.01)
    print("went", flush=True)
