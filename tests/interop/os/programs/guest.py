"""Comes to the doorman and does what is typed: connect, pair, leave, forget (its own keys)."""

import sys

import _bleio

adapter = _bleio.adapter
for line in sys.stdin:
    match line.strip():
        case "connect":
            for entry in adapter.start_scan(timeout=60):
                if b"\x20\xfe" in entry.advertisement_bytes:
                    address = entry.address
                    break
            adapter.stop_scan()
            link = adapter.connect(address, timeout=60)
        case "pair":
            link.pair()
        case "leave":
            link.disconnect()
        case "forget":
            adapter.erase_bonding()
    print(line.strip(), flush=True)
