"""Reads a client's writes through a CharacteristicBuffer, in every way there is."""

import time

import _bleio

SERVICE = _bleio.UUID("73747265-616d-7300-0000-000000000001")
service = _bleio.Service(SERVICE)
characteristic = _bleio.Characteristic.add_to_service(
    service,
    _bleio.UUID("73747265-616d-7300-0000-000000000002"),
    properties=_bleio.Characteristic.WRITE | _bleio.Characteristic.NOTIFY,
    max_length=40,
)
stream = _bleio.CharacteristicBuffer(characteristic, timeout=120, buffer_size=64)
adapter = _bleio.adapter
adapter.start_advertising(b"\x11\x07" + SERVICE.uuid128)
print("read", stream.read(5))
buffer = bytearray(4)
print("readinto", stream.readinto(buffer), bytes(buffer))
print("readline", stream.readline())
characteristic.value = b"go on\n"
while characteristic.value != bytes(range(112, 128)):  # the client's last piece
    time.sleep(0.01)
print("waiting", stream.in_waiting)
characteristic.value = b"full\n"
print("kept", stream.read(64))
characteristic.value = b"emptied\n"
print("end", stream.readline())
while adapter.connected:
    time.sleep(0.01)
