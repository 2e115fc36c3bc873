"""Writes to a server's stream in pieces and reads its notifications through a buffer."""

import _bleio

SERVICE = _bleio.UUID("73747265-616d-7300-0000-000000000001")
adapter = _bleio.adapter
entry = next(adapter.start_scan(b"\x11\x07" + SERVICE.uuid128))
connection = adapter.connect(entry.address, timeout=120)
(service,) = connection.discover_remote_services((SERVICE,))
(characteristic,) = service.characteristics
characteristic.set_cccd(notify=True)
stream = _bleio.CharacteristicBuffer(characteristic, timeout=120)
for piece in (b"He", b"ll", b"o12", b"34li", b"ne\n"):
    characteristic.value = piece
print("told", stream.readline())
for start in range(0, 80, 16):  # 80 octets into a buffer of 64: the last 16 find no room
    characteristic.value = bytes(range(48 + start, 64 + start))
print("told", stream.readline())
print("told", stream.readline())
characteristic.value = b"bye\n"
connection.disconnect()
try:
    stream.read(1)
except _bleio.ConnectionError as error:
    print("after the end:", error)
