"""Writes 512 octets to one characteristic of long_values_peripheral.py, and reads them again."""

import _bleio

BOARD = _bleio.UUID("c0de0001-31f2-4a7c-93ac-2d1f6d9a7e55")
TEXT = _bleio.UUID("c0de0002-31f2-4a7c-93ac-2d1f6d9a7e55")
LONGEST = 512

adapter = _bleio.adapter
print("Scanning")
entry = next(adapter.start_scan(b"\x11\x07" + BOARD.uuid128))
adapter.stop_scan()
connection = adapter.connect(entry.address, timeout=10)
print("Connected; one packet takes", connection.max_packet_length, "octets")

(service,) = connection.discover_remote_services((BOARD,))
(text,) = service.characteristics
print("Read:", bytes(text.value).decode())

notice = "".join(f"{number} bottles. " for number in range(99, 0, -1)).encode()[:LONGEST]
text.value = notice
read = bytes(text.value)
print(
    "Wrote",
    len(notice),
    "octets, read",
    len(read),
    "octets:",
    "the same" if read == notice else "others",
)

try:
    text.value = notice + b"!"
except (ValueError, _bleio.BluetoothError) as error:
    print("One more is too many:", error)
connection.disconnect()
print("Done")
