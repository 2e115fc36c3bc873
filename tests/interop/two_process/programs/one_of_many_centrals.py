"""One of several centrals on one peripheral: writes its word until everybody's come back."""

import sys
import time

import _bleio

SERVICE = _bleio.UUID("6d616e79-0000-0000-0000-000000000001")
adapter = _bleio.adapter
connection = None
while connection is None:  # another central may be faster to the same advertisement
    entry = next(adapter.start_scan(b"\x11\x07" + SERVICE.uuid128))
    try:
        connection = adapter.connect(entry.address, timeout=2)
    except _bleio.BluetoothError as error:
        print("again:", error)
print("connected")
(service,) = connection.discover_remote_services((SERVICE,))
(word,) = service.characteristics
packets = _bleio.PacketBuffer(word, buffer_size=8)
buffer = bytearray(packets.incoming_packet_length)
everybody = b""
while everybody.count(b"+") < 2:
    word.value = sys.argv[1].encode()
    for _ in range(50):
        length = packets.readinto(buffer)
        everybody = bytes(buffer[:length])
        if everybody.count(b"+") == 2:
            break
        time.sleep(0.01)
print("everybody:", everybody.decode())
connection.disconnect()
