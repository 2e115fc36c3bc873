"""Says all that it hears of one device: octets, whether a scan response, signal strength.

scans.py ADDRESS COUNT
"""

import sys

import _bleio

address, left = bytes.fromhex(sys.argv[1]), int(sys.argv[2])
for entry in _bleio.adapter.start_scan(timeout=None):
    if entry.address.address_bytes == address:
        data = entry.advertisement_bytes.hex()
        print("heard", data, entry.scan_response, entry.rssi, flush=True)
        left -= 1
        if not left:
            break
_bleio.adapter.stop_scan()
print("done", flush=True)
