"""A central that reads a value, pairs when it must, and reads it again."""

import _bleio

adapter = _bleio.adapter
for entry in adapter.start_scan(b"\x03\x03\x00\xa0", timeout=120):
    address = entry.address
    break
adapter.stop_scan()
connection = adapter.connect(address, timeout=120)
(service,) = connection.discover_remote_services((_bleio.UUID(0xA000),))
(characteristic,) = service.characteristics
for attempt in ("first", "second"):
    try:
        print(attempt, bytes(characteristic.value).decode(), flush=True)
    except _bleio.SecurityError as error:
        print(attempt, error, flush=True)
        try:
            connection.pair()
        except _bleio.SecurityError as refusal:
            print("refused:", refusal, flush=True)
    print("paired", connection.paired, flush=True)
connection.disconnect()
