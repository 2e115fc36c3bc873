"""Advertises a battery and a name, and says once of each other battery that it was heard."""

import _bleio

adapter = _bleio.adapter
data, response = b"\x02\x01\x06\x03\x03\x0f\x18", b"\x07\x09Beside"
adapter.start_advertising(data, scan_response=response, interval=0.1)
print("address", adapter.address.address_bytes.hex(), flush=True)
known = set()
for entry in adapter.start_scan(timeout=None):
    data = entry.advertisement_bytes
    if entry.address not in known and b"\x0f\x18" in data:
        known.add(entry.address)
        print("heard a battery of", entry.address, flush=True)
